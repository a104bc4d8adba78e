package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AccessTopology is what AccessControl tests.
type AccessTopology interface {
	Base
	topology.AccessControl
}

// AccessControl checks the rules of topology.AccessControl.
func AccessControl[P AccessTopology](t *testing.T, h Harness[P]) {
	runChecks(t, accessChecks(h))
}

func accessChecks[P AccessTopology](h Harness[P]) []check {
	p := accessPort(h)
	return slices.Concat(contents(h.Outsider, p), []check{
		nothingWanted(p, func(name string) topology.Access { return topology.Access{Namespace: name} }),
		{"a grant that is no longer wanted is withdrawn", func(t T) {
			name := p.place(t)
			p.store(t, name)
			less := p.value(name)
			less.Grants = less.Grants[:1]
			change, err := p.ensure(t.Context(), less)
			require.NoError(t, err)
			require.Equal(t, topology.Updated, change.Action)
			require.Len(t, change.Fields, 1)
			require.Equal(t, "grants[viewer]", change.Fields[0].Path)
			p.requireStored(t, name, less)
		}},
		{"a rule that somebody added is seen and taken away", func(t T) {
			name := p.place(t)
			wider := p.value(name)
			wider.Grants[0].Rules = append(wider.Grants[0].Rules, rbac.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
			_, err := p.ensure(t.Context(), wider)
			require.NoError(t, err)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			require.Len(t, change.Fields, 1)
			require.Equal(t, "grants[admin].rules[1]", change.Fields[0].Path)
			p.requireStored(t, name, p.value(name))
		}},
	})
}

func accessPort[P AccessTopology](h Harness[P]) port[topology.Access] {
	access := func(name, verb string) topology.Access {
		return topology.Access{Namespace: name, Grants: []topology.Grant{
			{
				Role:     "admin",
				Rules:    []rbac.Rule{{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "pods/log", "deployments"}, Verbs: []string{"get", verb}}},
				Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "devs"}, {Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}},
			},
			{
				Role:     "viewer",
				Rules:    []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
				Subjects: []rbac.Subject{{Kind: rbac.User, Name: "alice@example.com"}},
			},
		}}
	}
	return port[topology.Access]{
		kind: "Access", read: h.Topology.Access, ensure: h.Topology.EnsureAccess, remove: h.Topology.DeleteAccess,
		dryEnsure: h.DryRun.EnsureAccess, dryRemove: h.DryRun.DeleteAccess,
		value:   func(name string) topology.Access { return access(name, "list") },
		other:   func(name string) topology.Access { return access(name, "watch") },
		differs: topology.FieldChange{Path: "grants[admin].rules[0].verbs", From: `["get","list"]`, To: `["get","watch"]`},
		scratch: func(a topology.Access) {
			a.Grants[0].Rules[0].Verbs[0] = "*"
			a.Grants[0].Subjects[0].Name = "everybody"
			a.Grants[1] = topology.Grant{}
		},
		place: func(t T) string { return newNamespace(t, h.Topology) },
	}
}
