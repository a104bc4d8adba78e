package topology

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Admission reports how the infrastructure would answer a request: whether the sender has the right
// to it, and whether the written object would be admitted. The infrastructure itself answers, and
// checks everything that it would check for the real request.
type Admission interface {
	// Admit tries a request without any effect. A refusal is an answer, not an error. A request
	// that is not valid is ErrInvalid, and a sender that the caller may not impersonate is
	// ErrForbidden. If the infrastructure cannot decide, the error is ErrNotModelled; the answer is
	// never a guess.
	Admit(ctx context.Context, r Request) (Verdict, error)
}

// Request is a request that a user would send.
//
// The question's verb is one of get, list, watch, create, update, patch, delete and
// deletecollection. For subresources that are connected to, such as pods/exec, it is get or create.
// For a verb that is not a request by itself (bind, escalate, impersonate, ...) the answer is
// whether there is a right to it.
type Request struct {
	rbac.Question // the sender, the verb and the object; User must not be empty

	// Object is what is written, as JSON: the whole object for create and update, a merge patch
	// (RFC 7386) for patch. Empty for other verbs.
	Object json.RawMessage `json:"object,omitempty"`
}

// SenderGroups returns the groups that the sender is in: those of the question, and those that
// every sender is in by itself. As with Kubernetes' impersonation, a service account is in the
// groups of its kind only if the question has no groups.
func (r Request) SenderGroups() []string {
	groups := []string{"system:authenticated"}
	if account, ok := strings.CutPrefix(r.User, "system:serviceaccount:"); ok && len(r.Groups) == 0 {
		namespace, _, _ := strings.Cut(account, ":")
		groups = append(groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	return append(groups, r.Groups...)
}

// Verdict is the answer to a request.
type Verdict struct {
	Allowed bool      `json:"allowed"`          // the request would succeed
	By      Fence     `json:"by,omitempty"`     // what refuses it; empty if allowed
	Rule    Guardrail `json:"rule,omitempty"`   // which guardrail; empty unless By is FenceGuardrails
	Reason  string    `json:"reason,omitempty"` // why, for people; may be empty
}

// Fence is a mechanism that can stop a tenant.
type Fence string

// The fences. An adapter maps its own mechanisms to them.
const (
	FenceAccess      Fence = "access"       // rights: AccessControl, ReadVisibility
	FenceGuardrails  Fence = "guardrails"   // rules for every write: Guardrails
	FencePodSecurity Fence = "pod security" // the level of the namespace: Namespace.PodSecurity
	FenceQuota       Fence = "quota"        // the total of the namespace: Quotas
	FenceLimits      Fence = "limits"       // bounds of single containers, pods and claims: LimitRanges

	// FenceOther is anything else, such as the validity of the object, or a webhook that Polyphony
	// does not know.
	FenceOther Fence = "other"
)

var writes = map[string]bool{"create": true, "update": true, "patch": true}

// Validate refuses a request whose question is not valid, that has no user, or whose object does
// not go with its verb.
func (r Request) Validate() error {
	if err := r.Question.Validate(); err != nil {
		return err
	}
	switch {
	case r.User == "":
		return errors.New("a request needs a user; groups alone send none")
	case len(r.Object) > 0 && !writes[r.Verb]:
		return errors.New("the verb " + r.Verb + " takes no object")
	case len(r.Object) > 0 && !json.Valid(r.Object):
		return errors.New("the object is not JSON")
	case len(r.Object) == 0 && (r.Verb == "update" || r.Verb == "patch" || r.Verb == "create" && r.Subresource == ""):
		return errors.New("the verb " + r.Verb + " takes an object")
	case r.Name == "" && (r.Verb == "get" || r.Verb == "update" || r.Verb == "patch" || r.Verb == "delete" || r.Subresource != ""):
		return errors.New("the verb " + r.Verb + " takes a name")
	}
	return nil
}
