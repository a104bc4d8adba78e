package rbac

import (
	"slices"
	"strings"
)

// SubjectKind is the kind of a [Subject].
type SubjectKind string

// The kinds of subjects.
const (
	Group          SubjectKind = "Group"          // every user in the group
	User           SubjectKind = "User"           // one user, by its name
	ServiceAccount SubjectKind = "ServiceAccount" // the identity of pods
)

// Subject is a principal that can hold rights.
type Subject struct {
	Kind      SubjectKind `json:"kind"`                // Group, User or ServiceAccount
	Name      string      `json:"name"`                // as the infrastructure authenticates it
	Namespace string      `json:"namespace,omitempty"` // of a service account; empty for other kinds
}

// Kubernetes knows a service account by a user name, and all those of a namespace by a group.
const (
	serviceAccountUser   = "system:serviceaccount:"
	serviceAccountGroups = "system:serviceaccounts:"
)

// Account returns the service account that the subject stands for, under any of its names. An empty
// name means every service account of the namespace. Both are empty for any other subject.
func (s Subject) Account() (namespace, name string) {
	switch s.Kind {
	case ServiceAccount:
		return s.Namespace, s.Name
	case User:
		if account, ok := strings.CutPrefix(s.Name, serviceAccountUser); ok {
			namespace, name, _ = strings.Cut(account, ":")
		}
	case Group:
		if all, ok := strings.CutPrefix(s.Name, serviceAccountGroups); ok {
			namespace = all
		}
	}
	return namespace, name
}

// Is reports whether the subject is the user, or a group that the user is in.
func (s Subject) Is(user string, groups []string) bool {
	switch s.Kind {
	case Group:
		return slices.Contains(groups, s.Name)
	case User:
		return s.Name == user && user != ""
	case ServiceAccount:
		return s.Namespace != "" && user == serviceAccountUser+s.Namespace+":"+s.Name
	default:
		return false
	}
}

// String prints the subject as "Group devs" or "ServiceAccount ci/deployer".
func (s Subject) String() string {
	if s.Namespace != "" {
		return string(s.Kind) + " " + s.Namespace + "/" + s.Name
	}
	return string(s.Kind) + " " + s.Name
}
