package topology

import (
	"context"
	"encoding/json"
	"strings"
)

// Admission answers what would become of a request: whether its sender has the right to it, and whether what it would write is admitted. It is the
// infrastructure itself that answers, through everything that stands in the way of the real request.
type Admission interface {
	// Admit tries a request without any effect. A refusal is an answer, not an error. A request that fails Check is ErrInvalid, a sender
	// whom the caller may not act for is ErrForbidden, and an infrastructure that cannot tell says ErrNotModelled, never "allowed".
	Admit(ctx context.Context, r Request) (Verdict, error)
}

// Request is a request that somebody would send. The question's verb is one of get, list, watch, create, update, patch, delete and
// deletecollection; for subresources such as pods/exec that are connected to, get and create. Of a verb that no request has by itself (bind,
// escalate, impersonate, ...) the answer is whether there is a right to it.
type Request struct {
	AccessQuestion

	// Object is what is written, as JSON: the whole object for create and update, a merge patch (RFC 7386) for patch. None for other verbs.
	Object json.RawMessage `json:"object,omitempty"`
}

// SenderGroups are the groups that the sender is in: those of the question, and some by itself, which a question about rights would have to name. A
// service account is in those of its kind unless the question has groups, as Kubernetes takes impersonation.
func (r Request) SenderGroups() []string {
	groups := []string{"system:authenticated"}
	if account, ok := strings.CutPrefix(r.User, "system:serviceaccount:"); ok && len(r.Groups) == 0 {
		namespace, _, _ := strings.Cut(account, ":")
		groups = append(groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	return append(groups, r.Groups...)
}

// Verdict is what would become of a request.
type Verdict struct {
	Allowed bool      `json:"allowed"`
	By      Fence     `json:"by,omitempty"`   // what refuses; empty when allowed
	Rule    Guardrail `json:"rule,omitempty"` // which guardrail; empty unless By is FenceGuardrails
	Reason  string    `json:"reason,omitempty"`
}

// Fence is what a tenant can be stopped by.
type Fence string

// The fences. What they are in an infrastructure is its own business.
const (
	FenceAccess      Fence = "access"       // rights
	FenceGuardrails  Fence = "guardrails"   //
	FencePodSecurity Fence = "pod security" //
	FenceQuota       Fence = "quota"        //
	FenceLimits      Fence = "limits"       // bounds of single containers, pods and claims
	FenceOther       Fence = "other"        // such as the validity of the object, or a fence of somebody else
)

var writes = map[string]bool{"create": true, "update": true, "patch": true}

// Check refuses a request that is none: see [AccessQuestion.Check]; beyond that, an object goes with create, update and patch of what is not
// merely connected to, and with nothing else.
func (r Request) Check() error {
	if err := r.AccessQuestion.Check(); err != nil {
		return err
	}
	invalid := func(detail string) error {
		return &Error{Op: "ask", Kind: "Admission", Name: r.Namespace, Reason: ErrInvalid, Detail: detail}
	}
	switch {
	case r.User == "":
		return invalid("a request needs a user; groups alone send none")
	case len(r.Object) > 0 && !writes[r.Verb]:
		return invalid("the verb " + r.Verb + " takes no object")
	case len(r.Object) > 0 && !json.Valid(r.Object):
		return invalid("the object is not JSON")
	case len(r.Object) == 0 && (r.Verb == "update" || r.Verb == "patch" || r.Verb == "create" && r.Subresource == ""):
		return invalid("the verb " + r.Verb + " takes an object")
	case r.Name == "" && (r.Verb == "get" || r.Verb == "update" || r.Verb == "patch" || r.Verb == "delete" || r.Subresource != ""):
		return invalid("the verb " + r.Verb + " takes a name")
	}
	return nil
}
