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
	all, err := t.clients.accountGrants(ctx)
	if err != nil || len(all[want.Name]) == 0 {
		return err
	}
	found := slices.Sorted(slices.Values(all[want.Name]))
	if n := len(found); n > maxShown {
		found = append(found[:maxShown], fmt.Sprintf("and %d more", n-maxShown))
	}
	return c.fails(topology.ErrConflict, "does not exist, but service accounts of its name hold rights that whoever has it would inherit: "+
		strings.Join(found, ", ")+"; withdraw them, or set inheritGrants if they are meant")
}

// accountGrants are what gives rights to service accounts, by their namespaces. A snapshot looks once, so that what its own run gives does not count.
func (c *clients) accountGrants(ctx context.Context) (map[string][]string, error) {
	if c.memory != nil {
		c.memory.mu.Lock()
		defer c.memory.mu.Unlock()
		if c.memory.accountGrants != nil {
			return c.memory.accountGrants, nil
		}
	}
	all := map[string][]string{}
	err := c.eachBinding(ctx, func(b grantBinding) {
		for _, s := range b.subjects {
			if namespace, account := accountOf(s); namespace != "" {
				all[namespace] = append(all[namespace], b.what+" ("+account+")")
			}
		}
	})
	if c.memory != nil && err == nil {
		c.memory.accountGrants = all
	}
	return all, err
}

// accountOf is the namespace of a subject that is a service account, or all of a namespace, and which it is. The namespace of any other is "".
func accountOf(s rbacv1.Subject) (namespace, account string) {
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		return s.Namespace, s.Name
	case rbacv1.UserKind:
		if rest, ok := strings.CutPrefix(s.Name, "system:serviceaccount:"); ok {
			namespace, account, _ = strings.Cut(rest, ":")
		}
		return namespace, account
	case rbacv1.GroupKind:
		namespace, _ = strings.CutPrefix(s.Name, "system:serviceaccounts:")
		if namespace == s.Name {
			return "", ""
		}
		return namespace, "all"
	default:
		return "", ""
	}
}
