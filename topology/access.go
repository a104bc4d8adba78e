package topology

import (
	"context"
	"strings"
)

// AccessControl decides who may do what in a namespace.
type AccessControl interface {
	// Access reads every grant that Polyphony manages in the namespace. None at all is ErrNotFound.
	Access(ctx context.Context, namespace string) (Access, error)

	// EnsureAccess makes the grants exactly those of want: a managed grant that want does not have is withdrawn; without any it does what
	// DeleteAccess does. Grants that Polyphony does not manage stay. Rights are withdrawn before new ones are given.
	EnsureAccess(ctx context.Context, want Access) (Change, error)

	// DeleteAccess withdraws every grant that Polyphony manages in the namespace.
	DeleteAccess(ctx context.Context, namespace string) (Change, error)
}

// Access is everything that Polyphony grants in a namespace.
type Access struct {
	Namespace string  `json:"namespace"`
	Grants    []Grant `json:"grants,omitempty"` // at most one for each role
}

// Grant gives the rules of a role to its subjects.
type Grant struct {
	Role     string    `json:"role" diff:"key"` // DNS-1123 label
	Rules    []Rule    `json:"rules,omitempty"`
	Subjects []Subject `json:"subjects,omitempty"`
}

// Rule allows every verb on every resource of every API group that it names. An API group "" is the core group.
type Rule struct {
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"` // subresources as "pods/log"
	Verbs     []string `json:"verbs"`

	// ResourceNames narrows the rule to objects of these names. None: every object.
	ResourceNames []string `json:"resourceNames,omitempty"`
}

// SubjectKind says what a Subject is.
type SubjectKind string

// The kinds of subjects.
const (
	Group          SubjectKind = "Group"
	User           SubjectKind = "User"
	ServiceAccount SubjectKind = "ServiceAccount"
)

// Subject is somebody who can hold rights.
type Subject struct {
	Kind      SubjectKind `json:"kind"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"` // of a service account
}

// Account is the service account that a subject is, under whichever of its names. Without a name it is all of a namespace; of any other subject there is
// no namespace either.
func (s Subject) Account() (namespace, name string) {
	switch s.Kind {
	case ServiceAccount:
		return s.Namespace, s.Name
	case User:
		if account, ok := strings.CutPrefix(s.Name, "system:serviceaccount:"); ok {
			namespace, name, _ = strings.Cut(account, ":")
		}
	case Group:
		if all, ok := strings.CutPrefix(s.Name, "system:serviceaccounts:"); ok {
			namespace = all
		}
	}
	return namespace, name
}

// ReadVisibility lets groups read beyond their own namespace.
type ReadVisibility interface {
	// ClusterReaders reads what a tenant's groups may read everywhere. None is ErrNotFound.
	ClusterReaders(ctx context.Context, tenant string) (ClusterReaders, error)

	// EnsureClusterReaders makes the tenant's cluster readers exactly those of want; without groups it does what DeleteClusterReaders does.
	EnsureClusterReaders(ctx context.Context, want ClusterReaders) (Change, error)

	// DeleteClusterReaders takes the right away from the tenant's groups, unless another tenant of theirs has it.
	DeleteClusterReaders(ctx context.Context, tenant string) (Change, error)
}

// ClusterReaders are the groups of one tenant that may read the workloads of all namespaces, never their Secrets. What "workloads" are
// is fixed: see [ClusterReadRules].
type ClusterReaders struct {
	Tenant string   `json:"tenant"`
	Groups []string `json:"groups"` // sorted, without duplicates
}

// ClusterReadRules is what cluster readers may read in every namespace. Secrets and ConfigMaps are left out, and so is every
// subresource (logs, exec) and every verb that writes. Source: ADR-009, "What IS Enforced".
func ClusterReadRules() []Rule {
	read := []string{"get", "list", "watch"}
	return []Rule{
		{APIGroups: []string{""}, Resources: []string{"namespaces", "pods", "services", "replicationcontrollers"}, Verbs: read},
		{APIGroups: []string{"apps"}, Resources: []string{"daemonsets", "deployments", "replicasets", "statefulsets"}, Verbs: read},
		{APIGroups: []string{"batch"}, Resources: []string{"cronjobs", "jobs"}, Verbs: read},
		{APIGroups: []string{"autoscaling"}, Resources: []string{"horizontalpodautoscalers"}, Verbs: read},
		{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: read},
		{APIGroups: []string{"policy"}, Resources: []string{"poddisruptionbudgets"}, Verbs: read},
	}
}

// Authorizer answers questions about rights, from everything that is in force and not only from what Polyphony manages. An infrastructure
// may take a moment to learn of a grant, so a question right after a change may get the answer from before.
type Authorizer interface {
	// Authorize says whether a subject may do something. A refusal is an answer, not an error; a
	// question that fails Check is ErrInvalid. It writes nothing.
	Authorize(ctx context.Context, q AccessQuestion) (AccessAnswer, error)
}

// AccessQuestion asks whether somebody may do something.
type AccessQuestion struct {
	User   string   `json:"user,omitempty"` // a service account's is "system:serviceaccount:<namespace>:<name>"
	Groups []string `json:"groups,omitempty"`

	Verb        string `json:"verb"`
	APIGroup    string `json:"apiGroup,omitempty"` // "" is the core group
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Namespace   string `json:"namespace,omitempty"` // empty: in all of them, or a cluster-scoped resource
	Name        string `json:"name,omitempty"`      // empty: any
}

// Check refuses a question that asks nothing: it takes somebody, a verb and a resource.
func (q AccessQuestion) Check() error {
	if q.User == "" && len(q.Groups) == 0 || q.Verb == "" || q.Resource == "" {
		return &Error{Op: "ask", Kind: "Access", Name: q.Namespace, Reason: ErrInvalid, Detail: "a question needs a user or groups, a verb and a resource"}
	}
	return nil
}

// AccessAnswer is the answer and what decided it.
type AccessAnswer struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"` // the grant that decides, for a person to read; may be empty for a refusal
}
