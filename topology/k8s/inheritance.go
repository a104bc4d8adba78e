package k8s

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// maxShown is how many of many things an error names.
const maxShown = 5

// refuseInheritance looks for rights that service accounts of a namespace hold before there is one: RBAC knows them by name alone, so that they are
// those of whoever has the name next.
func (t *Topology) refuseInheritance(ctx context.Context, c adapter.Call, want topology.Namespace) error {
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
	return c.Fail(topology.ErrConflict, "does not exist, but service accounts of its name hold rights that whoever has it would inherit: "+
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
		for _, s := range toSubjects(b.subjects) {
			if namespace, account := s.Account(); namespace != "" {
				all[namespace] = append(all[namespace], b.what.String()+" ("+cmp.Or(account, "all")+")")
			}
		}
	})
	if c.memory != nil && err == nil {
		c.memory.accountGrants = all
	}
	return all, err
}
