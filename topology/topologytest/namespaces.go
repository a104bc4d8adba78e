package topologytest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Namespaces checks the rules of topology.Namespaces.
func Namespaces[P Base](t *testing.T, h Harness[P]) {
	runChecks(t, namespaceChecks(h))
}

func fullNamespace(name string) topology.Namespace {
	return topology.Namespace{
		Name: name, DisplayName: "Acme, Inc.", PodSecurity: topology.PodSecurityRestricted, DefaultStorageClass: "gold",
		Labels: map[string]string{"team": "a", "stage": "dev"}, Annotations: map[string]string{"example.com/cost-center": "4711"},
		Allowed: fullAllowances(name),
	}
}

// fullAllowances have two values in every list, so that a list is told from a value.
func fullAllowances(tenant string) topology.Allowances {
	return topology.Allowances{
		Domains:            []string{tenant + ".example.com", tenant + ".shop.example.com"},
		IngressAnnotations: []string{"nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/use-regex"},
		ServiceTypes:       []topology.ServiceType{topology.LoadBalancer, topology.NodePort},
		ExternalNames:      []string{"db.example.com", "example.net"},
		StorageClasses:     []string{"gold", "silver"},
		InlineDrivers:      []string{"a.csi.example.com", "b.csi.example.com"},
		ImageRegistries:    []string{"docker.io/library", "registry.example.com:5000/acme"},
		PriorityClasses:    []string{"high", "low"},
		RuntimeClasses:     []string{"kata", "sandbox"},
		Tolerations:        []string{"dedicated", "example.com/gpu"},
		DefaultToken:       true,
	}
}

func namespaceChecks[P Base](h Harness[P]) []check {
	top, dry, outsider := h.Topology, h.DryRun, h.Outsider
	place := func(t T) string {
		name := newName()
		t.Cleanup(func() { cleanUp(top, name) })
		return name
	}
	ensure := func(t T, want topology.Namespace) topology.Change {
		t.Helper()
		change, err := top.EnsureNamespace(t.Context(), want)
		require.NoError(t, err)
		return change
	}
	read := func(t T, name string) topology.Namespace {
		t.Helper()
		have, err := top.Namespace(t.Context(), name)
		require.NoError(t, err)
		return have
	}
	return []check{
		{"read of what is not there is ErrNotFound", func(t T) {
			_, err := top.Namespace(t.Context(), newName())
			requireError(t, err, topology.ErrNotFound)
		}},
		{"ensure creates, and read answers what was ensured", func(t T) {
			want := fullNamespace(place(t))
			requireChange(t, topology.Change{
				Kind: topology.KindNamespace, Name: want.Name, Action: topology.Created, After: want,
			}, ensure(t, want))
			have := read(t, want.Name)
			require.Empty(t, adapter.Diff(want, have))
			require.True(t, have.Managed)
			require.False(t, have.Terminating)
		}},
		{"ensure twice is unchanged", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			requireChange(t, topology.Change{
				Kind: topology.KindNamespace, Name: want.Name, Action: topology.Unchanged,
			}, ensure(t, want))
		}},
		{"ensure repairs differences and names the fields", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			before := want.Clone()
			want.DisplayName, want.Protected = "Acme", true
			want.Labels["team"] = "b"
			requireChange(t, topology.Change{
				Kind: topology.KindNamespace, Name: want.Name, Action: topology.Updated, Before: before, After: want,
				Fields: []topology.FieldChange{
					{Path: "displayName", From: "Acme, Inc.", To: "Acme"},
					{Path: "labels[team]", From: "a", To: "b"},
					{Path: "protected", From: "false", To: "true"},
				},
			}, ensure(t, want))
			require.Empty(t, adapter.Diff(want, read(t, want.Name)))
			want.Protected = false
			ensure(t, want)
		}},
		{"a removed pod security level is repaired and named", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			outsider.RemovePodSecurity(t, want.Name)
			change := ensure(t, want)
			require.Equal(t, topology.Updated, change.Action)
			require.Contains(t, change.Fields, topology.FieldChange{Path: "podSecurity", To: "restricted"})
			require.Equal(t, topology.PodSecurityRestricted, read(t, want.Name).PodSecurity)
		}},
		{"a label that is no longer wanted goes, somebody else's stays", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			outsider.LabelNamespace(t, want.Name, "istio-injection", "enabled")
			require.Equal(t, topology.Unchanged, ensure(t, want).Action)
			delete(want.Labels, "stage")
			require.Equal(t, []topology.FieldChange{{Path: "labels[stage]", From: "dev"}}, ensure(t, want).Fields)
			require.Equal(t, "enabled", outsider.NamespaceLabel(t, want.Name, "istio-injection"))
			require.Equal(t, map[string]string{"team": "a"}, read(t, want.Name).Labels)
		}},
		{"what is allowed is stored, changed and taken away, each with its field named", func(t T) {
			want := fullNamespace(place(t))
			want.Allowed = topology.Allowances{}
			ensure(t, want)
			full := fullAllowances(want.Name)
			for _, allowed := range []topology.Allowances{full, {ImageRegistries: []string{"*"}, Domains: full.Domains[1:]}, {}} {
				before := want.Clone()
				want.Allowed = allowed
				var fields []topology.FieldChange
				for _, f := range adapter.Diff(before.Allowed, allowed) {
					f.Path = "allowed." + f.Path
					fields = append(fields, f)
				}
				requireChange(t, topology.Change{
					Kind: topology.KindNamespace, Name: want.Name, Action: topology.Updated, Fields: fields,
					Before: before, After: want,
				}, ensure(t, want))
				require.Empty(t, adapter.Diff(allowed, read(t, want.Name).Allowed))
			}
		}},
		{"what somebody else allows is taken away and named", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			own, stolen := want.Allowed.Domains, want.Name+".bank.example.com"
			outsider.LabelNamespace(t, want.Name, adapter.LabelDomain+stolen, adapter.DomainHeld)
			require.Contains(t, read(t, want.Name).Allowed.Domains, stolen, "it is in force")
			change := ensure(t, want)
			require.Equal(t, topology.Updated, change.Action)
			require.Equal(t, adapter.Diff(topology.Namespace{Allowed: topology.Allowances{Domains: []string{stolen, own[0], own[1]}}}, topology.Namespace{Allowed: topology.Allowances{Domains: own}}), change.Fields)
			require.Equal(t, own, read(t, want.Name).Allowed.Domains)
			require.Empty(t, outsider.NamespaceLabel(t, want.Name, adapter.LabelDomain+stolen))
		}},
		{"somebody else's namespace is ErrConflict, names the owner and stays untouched", func(t T) {
			name := place(t)
			outsider.CreateNamespace(t, name, "somebody-else")
			before := read(t, name)
			require.False(t, before.Managed)
			_, err := top.EnsureNamespace(t.Context(), fullNamespace(name))
			requireError(t, err, topology.ErrConflict)
			require.ErrorContains(t, err, "somebody-else")
			_, err = top.DeleteNamespace(t.Context(), name)
			requireError(t, err, topology.ErrConflict)
			require.Equal(t, before, read(t, name))
		}},
		{"adopt takes over, and says so", func(t T) {
			want := fullNamespace(place(t))
			outsider.CreateNamespace(t, want.Name, "somebody-else")
			want.Adopt = true
			change := ensure(t, want)
			require.Equal(t, topology.Updated, change.Action)
			require.Contains(t, change.Fields, topology.FieldChange{Path: "metadata.labels[" + topology.LabelTenant + "]", To: want.Name})
			require.True(t, read(t, want.Name).Managed)
			want.Adopt = false
			require.Equal(t, topology.Unchanged, ensure(t, want).Action)
		}},
		{"a name whose service accounts hold rights elsewhere is ErrConflict, unless they are meant", func(t T) {
			elsewhere, want := newNamespace(t, top), fullNamespace(place(t))
			for i, heir := range []rbac.Subject{
				{Kind: rbac.ServiceAccount, Namespace: want.Name, Name: "bot"}, {Kind: rbac.User, Name: "system:serviceaccount:" + want.Name + ":bot"},
				{Kind: rbac.Group, Name: "system:serviceaccounts:" + want.Name},
			} {
				role := fmt.Sprintf("left-over-%d", i)
				outsider.Grant(t, elsewhere, topology.Grant{
					Role: role, Subjects: []rbac.Subject{heir}, Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
				})
				for _, ensure := range []func(context.Context, topology.Namespace) (topology.Change, error){top.EnsureNamespace, dry.EnsureNamespace} {
					_, err := ensure(t.Context(), want)
					requireError(t, err, topology.ErrConflict)
					require.ErrorContains(t, err, role)
				}
				_, err := top.Namespace(t.Context(), want.Name)
				requireError(t, err, topology.ErrNotFound)
			}
			require.Equal(t, topology.Created, ensure(t, fullNamespace(place(t))).Action, "another name")
			want.InheritGrants = true
			require.Equal(t, topology.Created, ensure(t, want).Action)
			want.InheritGrants = false
			require.Equal(t, topology.Unchanged, ensure(t, want).Action, "once it is there, they are its own")
		}},
		{"delete removes, and a second delete is unchanged", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			change, err := top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			requireChange(t, topology.Change{
				Kind: topology.KindNamespace, Name: want.Name, Action: topology.Deleted, Before: want,
			}, change)
			require.NoError(t, top.AwaitNamespaceGone(t.Context(), want.Name))
			_, err = top.Namespace(t.Context(), want.Name)
			requireError(t, err, topology.ErrNotFound)
			change, err = top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			require.Equal(t, topology.Unchanged, change.Action)
		}},
		{"a protected namespace is ErrProtected and stays", func(t T) {
			want := fullNamespace(place(t))
			want.Protected = true
			ensure(t, want)
			_, err := top.DeleteNamespace(t.Context(), want.Name)
			requireError(t, err, topology.ErrProtected)
			require.False(t, read(t, want.Name).Terminating)
			want.Protected = false
			ensure(t, want)
		}},
		{"a namespace that is held is waited for, then ErrTimeout says by what", func(t T) {
			want := fullNamespace(place(t))
			ensure(t, want)
			outsider.Hold(t, want.Name)
			_, err := top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			require.True(t, read(t, want.Name).Terminating)
			ctx, cancel := context.WithTimeout(t.Context(), shortWait)
			defer cancel()
			err = top.AwaitNamespaceGone(ctx, want.Name)
			requireError(t, err, topology.ErrTimeout)
			require.ErrorContains(t, err, "example.com/hold")
			_, err = top.EnsureNamespace(t.Context(), want)
			requireError(t, err, topology.ErrTerminating)
			outsider.Release(t, want.Name)
			require.NoError(t, top.AwaitNamespaceGone(t.Context(), want.Name))
		}},
		{"a cancelled context changes nothing", func(t T) {
			want := fullNamespace(place(t))
			_, err := top.EnsureNamespace(cancelled(t), want)
			require.ErrorIs(t, err, context.Canceled)
			_, err = top.Namespace(t.Context(), want.Name)
			requireError(t, err, topology.ErrNotFound)
			ensure(t, want)
			_, err = top.DeleteNamespace(cancelled(t), want.Name)
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, read(t, want.Name).Terminating)
		}},
		{"concurrent ensures converge without an error", func(t T) {
			want := fullNamespace(place(t))
			for _, err := range atOnce(6, func() error { _, err := top.EnsureNamespace(t.Context(), want); return err }) {
				require.NoError(t, err)
			}
			require.Empty(t, adapter.Diff(want, read(t, want.Name)))
		}},
		{"values are not aliased", func(t T) {
			want := fullNamespace(place(t))
			in := fullNamespace(want.Name)
			ensure(t, in)
			clear(in.Labels)
			clear(in.Allowed.Domains)
			out := read(t, want.Name)
			require.Empty(t, adapter.Diff(want, out))
			clear(out.Annotations)
			clear(out.Allowed.StorageClasses)
			require.Empty(t, adapter.Diff(want, read(t, want.Name)))
		}},
		{"a dry run says what would be done and does nothing", func(t T) {
			want := fullNamespace(place(t))
			change, err := dry.EnsureNamespace(t.Context(), want)
			require.NoError(t, err)
			require.Equal(t, topology.Created, change.Action)
			_, err = top.Namespace(t.Context(), want.Name)
			requireError(t, err, topology.ErrNotFound)
			ensure(t, want)
			wanted := fullNamespace(want.Name)
			wanted.DisplayName = "Other"
			change, err = dry.EnsureNamespace(t.Context(), wanted)
			require.NoError(t, err)
			require.Equal(t, []topology.FieldChange{{Path: "displayName", From: "Acme, Inc.", To: "Other"}}, change.Fields)
			change, err = dry.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			require.Equal(t, topology.Deleted, change.Action)
			require.NoError(t, dry.AwaitNamespaceGone(t.Context(), want.Name))
			have := read(t, want.Name)
			require.Empty(t, adapter.Diff(want, have))
			require.False(t, have.Terminating)
		}},
	}
}
