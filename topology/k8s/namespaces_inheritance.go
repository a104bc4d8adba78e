package k8s

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// maxShown is the number of bindings that an error names.
const maxShown = 5

// refuseInheritance refuses a namespace that does not exist while service accounts of its name hold
// rights. RBAC knows service accounts by name only, so a new namespace of that name would
// inherit the rights.
func (t *Topology) refuseInheritance(ctx context.Context, c adapter.Call, want topology.Namespace) error {
	if want.InheritGrants {
		return nil
	}
	all, err := t.lookupAccountGrants(ctx)
	if err != nil || len(all[want.Name]) == 0 {
		return err
	}
	found := slices.Sorted(slices.Values(all[want.Name]))
	return c.Fail(topology.ErrConflict, "does not exist, but service accounts of its name hold rights that it would "+
		"inherit: "+strings.Join(summary.Shorten(found, maxShown), ", ")+
		"; withdraw them, or set tenantConfig.inheritGrants if they are intended")
}

// lookupAccountGrants returns the bindings that give rights to service accounts, by the namespaces
// of the accounts. A snapshot reads them once, so that the grants of its own run do not count.
func (t *Topology) lookupAccountGrants(ctx context.Context) (map[string][]string, error) {
	if t.snapshot == nil {
		return readAccountGrants(ctx, t.clients)
	}
	t.snapshot.mu.Lock()
	defer t.snapshot.mu.Unlock()
	if t.snapshot.accountGrants != nil {
		return t.snapshot.accountGrants, nil
	}
	all, err := readAccountGrants(ctx, t.clients)
	if err == nil {
		t.snapshot.accountGrants = all
	}
	return all, err
}

func readAccountGrants(ctx context.Context, c kube.Clients) (map[string][]string, error) {
	all := map[string][]string{}
	err := eachBinding(ctx, c, func(b storedBinding) {
		for _, s := range toSubjects(b.subjects) {
			if namespace, account := s.Account(); namespace != "" {
				all[namespace] = append(all[namespace], b.binding.String()+" ("+cmp.Or(account, "all")+")")
			}
		}
	})
	return all, err
}
