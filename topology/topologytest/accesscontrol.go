package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AccessControl checks the rules of topology.AccessControl.
func AccessControl[P topology.AccessControl](t *testing.T, h Harness[P]) {
	RunCases(t, accessCases(h))
}

func accessCases[P topology.AccessControl](h Harness[P]) []Case {
	p := accessPort(h)
	// requireFound ensures drifted and then p's value, and wants one difference to be found between
	// them.
	requireFound := func(t T, drifted, want topology.Access, path string) {
		t.Helper()
		_, err := p.ensure(t.Context(), drifted)
		require.NoError(t, err)
		change, err := p.ensure(t.Context(), want)
		require.NoError(t, err)
		require.Len(t, change.Fields, 1)
		require.Equal(t, path, change.Fields[0].Path)
		RequireChange(t, topology.Change{
			Kind: topology.KindAccess, Name: want.Namespace, Action: topology.Updated, Fields: change.Fields,
			Before: drifted, After: want,
		}, change)
		p.requireStored(t, want.Namespace, want)
	}
	return slices.Concat(contentCases(h.Outsider, p), []Case{
		p.emptyCase(func(name string) topology.Access { return topology.Access{Namespace: name} }),
		{"A grant that is no longer wanted is withdrawn", func(t T) {
			name := p.place(t)
			less := p.value(name)
			less.Grants = less.Grants[:1]
			requireFound(t, p.value(name), less, "grants[viewer]")
		}},
		{"A rule that another writer has added to a role is found and removed", func(t T) {
			name := p.place(t)
			wider := p.value(name)
			everything := rbac.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}
			wider.Grants[0].Rules = append(wider.Grants[0].Rules, everything)
			requireFound(t, wider, p.value(name), "grants[admin].rules[1]")
		}},
	})
}

func accessPort[P topology.AccessControl](h Harness[P]) port[topology.Access] {
	return port[topology.Access]{
		kind: topology.KindAccess,
		read: h.Topology.Access, ensure: h.Topology.EnsureAccess, remove: h.Topology.DeleteAccess,
		dryEnsure: h.DryRun.EnsureAccess, dryRemove: h.DryRun.DeleteAccess,
		value: func(name string) topology.Access { return access(name, "list") },
		other: func(name string) topology.Access { return access(name, "watch") },
		differs: topology.FieldChange{
			Path: "grants[admin].rules[0].verbs", From: `["get","list"]`, To: `["get","watch"]`,
		},
		scratch: func(a topology.Access) {
			a.Grants[0].Rules[0].Verbs[0] = "*"
			a.Grants[0].Subjects[0].Name = "everybody"
			a.Grants[1] = topology.Grant{}
		},
		place: h.newNamespace, namespaced: true,
	}
}

// access returns grants of two roles to subjects of every kind.
func access(name, verb string) topology.Access {
	return topology.Access{Namespace: name, Grants: []topology.Grant{
		{
			Role: "admin",
			Rules: []rbac.Rule{{
				APIGroups: []string{"", "apps"}, Resources: []string{"pods", "pods/log", "deployments"},
				Verbs: []string{"get", verb},
			}},
			Subjects: []rbac.Subject{
				{Kind: rbac.Group, Name: "devs"}, {Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"},
			},
		},
		{
			Role:     "viewer",
			Rules:    []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
			Subjects: []rbac.Subject{{Kind: rbac.User, Name: "alice@example.com"}},
		},
	}}
}
