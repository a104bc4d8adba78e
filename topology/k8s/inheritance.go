package k8s

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// maxShown is how many of many things an error names.
const maxShown = 5

// refuseInheritance looks for rights that service accounts of a namespace hold before there is one: RBAC knows them by name alone, so that they are
// those of whoever has the name next.
func (t *Topology) refuseInheritance(ctx context.Context, c call, want topology.Namespace) error {
	if want.InheritGrants {
		return nil
	}
	var found []string
	look := func(b grantBinding) {
		for _, s := range b.subjects {
			if account, ok := accountIn(s, want.Name); ok {
				found = append(found, b.what+" ("+account+")")
			}
		}
	}
	err := t.clients.eachBinding(ctx, look)
	if err != nil || len(found) == 0 {
		return err
	}
	slices.Sort(found)
	if n := len(found); n > maxShown {
		found = append(found[:maxShown], fmt.Sprintf("and %d more", n-maxShown))
	}
	return c.fails(topology.ErrConflict, "does not exist, but service accounts of its name hold rights that whoever has it would inherit: "+
		strings.Join(found, ", ")+"; withdraw them, or set inheritGrants if they are meant")
}

// accountIn tells whether a subject is a service account of the namespace, or all of them, and which.
func accountIn(s rbacv1.Subject, namespace string) (account string, ok bool) {
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		return s.Name, s.Namespace == namespace
	case rbacv1.UserKind:
		return strings.CutPrefix(s.Name, "system:serviceaccount:"+namespace+":")
	case rbacv1.GroupKind:
		return "all", s.Name == "system:serviceaccounts:"+namespace
	default:
		return "", false
	}
}
