package k8s

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/internal/guardrail/policy"
	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Admit implements topology.Admission. It sends the request as a dry run and impersonates the
// sender, so every check of the API server applies. The caller also needs [AdmissionPermissions].
//
// A request that reads is sent without a dry run, for one object at most. A connection to a pod is
// requested without its protocol, so it fails where the connection of a tenant would succeed.
func (t *Topology) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	c := adapter.Ask(topology.KindAdmission, r.Namespace)
	if err := r.Validate(); err != nil {
		return topology.Verdict{}, c.Invalid(err)
	}
	if methods[r.Verb] == "" {
		return t.rights(ctx, r)
	}
	var verdict topology.Verdict
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		request, err := t.request(ctx, r)
		if err != nil {
			return err
		}
		verdict, err = verdictOf(c, r, t.clients.Server.Send(ctx, request, r.Verb == "watch"))
		return err
	})
	if err != nil {
		return topology.Verdict{}, err
	}
	if verdict.By == topology.FenceOther { // rights refuse with the same status; ask the authorizer
		rights, err := t.rights(ctx, r)
		if err != nil {
			return topology.Verdict{}, err
		}
		if !rights.Allowed {
			verdict.By = topology.FenceAccess
		}
	}
	return verdict, nil
}

// rights returns whether the sender has the right to a request.
func (t *Topology) rights(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	question := r.Question
	question.Groups = r.SenderGroups()
	answer, err := t.Authorize(ctx, question)
	switch {
	case err != nil:
		return topology.Verdict{}, err
	case answer.Allowed:
		return topology.Verdict{Allowed: true}, nil
	default:
		return topology.Verdict{By: topology.FenceAccess, Reason: cmp.Or(answer.Reason, "nothing grants it")}, nil
	}
}

// request returns the HTTP request for r.
func (t *Topology) request(ctx context.Context, r topology.Request) (*rest.Request, error) {
	path, err := t.groupPath(ctx, r.APIGroup)
	if err != nil {
		return nil, err
	}
	request := t.clients.Server.As(r.User, r.Groups, methods[r.Verb])
	isNamespace := r.Resource == "namespaces" && r.APIGroup == "" // its path has no namespace, although its rights do
	if r.Namespace != "" && !isNamespace {
		path = append(path, "namespaces", r.Namespace)
	}
	request.AbsPath(append(path, r.Resource)...)
	if r.Name != "" && (r.Verb != "create" || r.Subresource != "") {
		request.Suffix(r.Name)
	}
	if r.Subresource != "" {
		request.Suffix(r.Subresource)
	}
	switch r.Verb {
	case "get":
	case "list", "watch":
		request.Param("limit", "1")
		if r.Verb == "watch" {
			request.Param("watch", "true").Param("timeoutSeconds", "1")
		}
	case "patch":
		request.SetHeader("Content-Type", string(types.MergePatchType)).Param("dryRun", metav1.DryRunAll).Body([]byte(r.Object))
	default:
		request.SetHeader("Content-Type", "application/json").Param("dryRun", metav1.DryRunAll)
		if len(r.Object) > 0 {
			request.Body([]byte(r.Object))
		}
	}
	return request, nil
}

// methods are the HTTP methods of the verbs that can be sent.
var methods = map[string]string{
	"get": http.MethodGet, "list": http.MethodGet, "watch": http.MethodGet,
	"create": http.MethodPost, "update": http.MethodPut, "patch": http.MethodPatch,
	"delete": http.MethodDelete, "deletecollection": http.MethodDelete,
}

// groupPath returns the path of an API group, in the version that the server prefers.
func (t *Topology) groupPath(ctx context.Context, group string) ([]string, error) {
	if group == "" {
		return []string{"/api", "v1"}, nil
	}
	var served metav1.APIGroup
	err := t.clients.Server.GetJSON(ctx, "/apis/"+group, &served)
	if apierrors.IsNotFound(err) {
		c := adapter.Ask(topology.KindAdmission, "")
		return nil, c.Fail(topology.ErrUnsupported, "the cluster does not serve the API group "+group)
	}
	if err != nil {
		return nil, err
	}
	return []string{"/apis", served.PreferredVersion.GroupVersion}, nil
}

// The texts of refusals. The names of Polyphony's policies contain the rule. Kubernetes has never
// changed the texts of the other fences.
var (
	deniedByGuardrail = regexp.MustCompile(
		`ValidatingAdmissionPolicy '` + policy.NamePrefix + `([a-z-]+)' with binding '[^']*' denied request: (.*)`)
	noImpersonation     = regexp.MustCompile(`forbidden: User "[^"]*" cannot impersonate(-on:\S+)? resource`) // before and since 1.36
	deniedByPodSecurity = regexp.MustCompile(`violates PodSecurity "`)
	deniedByQuota       = regexp.MustCompile(`exceeded quota: |failed quota: |insufficient quota`)
	deniedByLimits      = regexp.MustCompile(
		`(minimum|maximum) \S+ usage per (Container|Pod|PersistentVolumeClaim)|max limit to request ratio`)
)

// verdictOf returns the verdict that an answer of the API server stands for. It returns an error if
// the answer decides nothing.
func verdictOf(c adapter.Call, r topology.Request, err error) (topology.Verdict, error) {
	var status apierrors.APIStatus
	switch {
	case err == nil, apierrors.IsAlreadyExists(err): // the server checks the name last
		return topology.Verdict{Allowed: true}, nil
	case !errors.As(err, &status) || retry.Transient(err):
		return topology.Verdict{}, err
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		// The answer is not a Status of the API, so the path does not exist.
		return topology.Verdict{}, c.Fail(topology.ErrUnsupported, "the cluster does not serve "+r.Resource+
			" of the API group "+strconv.Quote(r.APIGroup)+", or no such subresource")
	case len(r.Object) == 0 && (apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)):
		return topology.Verdict{Allowed: true}, nil // only the object itself, or the protocol, is missing
	case apierrors.IsNotFound(err):
		return topology.Verdict{}, err
	}
	message := status.Status().Message
	if noImpersonation.MatchString(message) {
		return topology.Verdict{}, c.Fail(topology.ErrForbidden,
			"the caller may not impersonate the sender; it needs k8s.AdmissionPermissions, the verb impersonate: "+message)
	}
	if match := deniedByGuardrail.FindStringSubmatch(message); match != nil {
		rule := topology.Guardrail(match[1])
		return topology.Verdict{By: topology.FenceGuardrails, Rule: rule, Reason: match[2]}, nil
	}
	verdict := topology.Verdict{By: topology.FenceOther, Reason: message}
	for _, fence := range []struct {
		text *regexp.Regexp
		by   topology.Fence
	}{
		{deniedByPodSecurity, topology.FencePodSecurity},
		{deniedByQuota, topology.FenceQuota},
		{deniedByLimits, topology.FenceLimits},
	} {
		if fence.text.MatchString(message) {
			verdict.By = fence.by
			break
		}
	}
	return verdict, nil
}
