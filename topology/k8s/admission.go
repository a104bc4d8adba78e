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

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Admit implements topology.Admission: it sends the request itself, as the sender (impersonation) and as a dry run, so that everything answers that would
// answer the real one. The caller needs [AdmissionPermissions] too.
//
// Reading requests are sent as they are, for one object at most. A connection to a pod is asked for without the protocol that it takes,
// so that it fails where the tenant would be let through.
func (t *Topology) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	c := adapter.Ask(topology.KindAdmission, r.Namespace)
	if err := r.Validate(); err != nil {
		return topology.Verdict{}, c.Invalid(err)
	}
	if methods[r.Verb] == "" {
		return t.rights(ctx, r)
	}
	var verdict topology.Verdict
	err := t.retry(ctx, c, func(ctx context.Context) error {
		request, err := t.attempt(ctx, r)
		if err != nil {
			return err
		}
		verdict, err = judge(c, r, send(ctx, request, r.Verb))
		return err
	})
	if err != nil {
		return topology.Verdict{}, err
	}
	if verdict.By == topology.FenceOther { // whether rights refuse is what the authorizer knows
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

// rights says whether the sender has the right to a request.
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

// attempt is the request as it is sent.
func (t *Topology) attempt(ctx context.Context, r topology.Request) (*rest.Request, error) {
	path, err := t.groupPath(ctx, r.APIGroup)
	if err != nil {
		return nil, err
	}
	request := t.clients.core().Verb(methods[r.Verb]).MaxRetries(0).WarningHandler(rest.NoWarnings{}).
		SetHeader("Accept", "application/json").SetHeader("Impersonate-User", r.User)
	if len(r.Groups) > 0 {
		request.SetHeader("Impersonate-Group", r.Groups...)
	}
	if r.Namespace != "" && (r.Resource != "namespaces" || r.APIGroup != "") { // namespaces are in none, though rights may say so
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

// send sends a request. Of a watch the beginning of the answer is enough.
func send(ctx context.Context, request *rest.Request, verb string) error {
	if verb != "watch" {
		return request.Do(ctx).Error()
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return err
	}
	return stream.Close()
}

var methods = map[string]string{
	"get": http.MethodGet, "list": http.MethodGet, "watch": http.MethodGet, "create": http.MethodPost, "update": http.MethodPut,
	"patch": http.MethodPatch, "delete": http.MethodDelete, "deletecollection": http.MethodDelete,
}

// groupPath is where an API group is served, in the version that the server prefers.
func (t *Topology) groupPath(ctx context.Context, group string) ([]string, error) {
	if group == "" {
		return []string{"/api", "v1"}, nil
	}
	var served metav1.APIGroup
	err := t.getJSON(ctx, "/apis/"+group, &served)
	if apierrors.IsNotFound(err) {
		return nil, adapter.Ask(topology.KindAdmission, "").Fail(topology.ErrUnsupported, "the cluster does not serve the API group "+group)
	}
	if err != nil {
		return nil, err
	}
	return []string{"/apis", served.PreferredVersion.GroupVersion}, nil
}

// Which of our own policies refuses is in its name, and the other fences say so in words that Kubernetes has kept since they came.
var (
	deniedByGuardrail   = regexp.MustCompile(`ValidatingAdmissionPolicy '` + guardrailPrefix + `([a-z-]+)' with binding '[^']*' denied request: (.*)`)
	noImpersonation     = regexp.MustCompile(`forbidden: User "[^"]*" cannot impersonate(-on:\S+)? resource`) // before and since Kubernetes 1.36
	deniedByPodSecurity = regexp.MustCompile(`violates PodSecurity "`)
	deniedByQuota       = regexp.MustCompile(`exceeded quota: |failed quota: |insufficient quota`)
	deniedByLimits      = regexp.MustCompile(`(minimum|maximum) \S+ usage per (Container|Pod|PersistentVolumeClaim)|max limit to request ratio`)
)

// judge says what an answer means for a tenant. Errors are what is no answer.
func judge(c adapter.Call, r topology.Request, err error) (topology.Verdict, error) {
	var status apierrors.APIStatus
	switch {
	case err == nil, apierrors.IsAlreadyExists(err): // which is found out last
		return topology.Verdict{Allowed: true}, nil
	case !errors.As(err, &status) || transient(err):
		return topology.Verdict{}, err
	case apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse): // no Status of the API, so there is no such path
		return topology.Verdict{}, c.Fail(topology.ErrUnsupported, "the cluster does not serve "+r.Resource+" of the API group "+strconv.Quote(r.APIGroup)+", or no such subresource")
	case len(r.Object) == 0 && (apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)):
		return topology.Verdict{Allowed: true}, nil // it came to where the object itself, or the protocol, is missed
	case apierrors.IsNotFound(err):
		return topology.Verdict{}, err
	}
	message := status.Status().Message
	if noImpersonation.MatchString(message) {
		return topology.Verdict{}, c.Fail(topology.ErrForbidden, "the caller may not act for the sender; it needs the verb impersonate: "+message)
	}
	if match := deniedByGuardrail.FindStringSubmatch(message); match != nil {
		return topology.Verdict{By: topology.FenceGuardrails, Rule: topology.Guardrail(match[1]), Reason: match[2]}, nil
	}
	verdict := topology.Verdict{By: topology.FenceOther, Reason: message}
	for _, fence := range []struct {
		says *regexp.Regexp
		is   topology.Fence
	}{{deniedByPodSecurity, topology.FencePodSecurity}, {deniedByQuota, topology.FenceQuota}, {deniedByLimits, topology.FenceLimits}} {
		if fence.says.MatchString(message) {
			verdict.By = fence.is
			break
		}
	}
	return verdict, nil
}
