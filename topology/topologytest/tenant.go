package topologytest

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// TenantTopology is everything that provisioning and removing a tenant takes.
type TenantTopology interface {
	tenant.Topology
	topology.Volumes
	topology.Authorizer
}

// Tenant checks what the capabilities do together: the life of a tenant.
func Tenant[P TenantTopology](t *testing.T, h Harness[P]) {
	RunCases(t, tenantCases(h))
}

// newTenant is a Score with something in each of its parts, and a group of developers of its own.
func newTenant(t T, top TenantTopology) tenant.TenantScore {
	name := newPlace(t, top)
	t.Cleanup(func() {
		_, _ = top.DeleteClusterReaders(context.Background(), name)
	})
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name, DisplayName: "Acme", Labels: map[string]string{"team": "a"}},
		ResourceQuotas: tenant.ResourceQuotaConfig{
			Requests: tenant.ComputeResources{CPU: new(resource.MustParse("4"))},
			Objects:  tenant.ObjectCounts{Pods: new(int64(7))},
		},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC: tenant.RBACConfig{
			Members: []tenant.Member{
				{Role: tenant.Developer, Name: name + "-devs"},
				{Role: tenant.Viewer, Kind: rbac.User, Name: "auditor@example.com"},
			},
			ReadVisibility: tenant.VisibilityCluster,
		},
	}
}

func devs(s tenant.TenantScore) string { return s.TenantConfig.Name + "-devs" }

func tenantCases[P TenantTopology](h Harness[P]) []Case {
	top, dry, outsider := h.Topology, h.DryRun, h.Outsider
	run := func(t T, steps ...score.Step) score.Report {
		t.Helper()
		report, err := score.Run(t.Context(), steps...)
		require.NoError(t, err)
		return report
	}
	return []Case{
		{"A plan lists what the run then does, and the second run changes nothing", func(t T) {
			s := newTenant(t, top)
			plan := run(t, s.On(dry))
			report := run(t, s.On(top))
			require.Equal(t, plan.Changes(), report.Changes())
			var kinds []string
			for _, c := range report.Changes() {
				require.Equal(t, topology.Created, c.Action, c.String())
				kinds = append(kinds, string(c.Kind))
			}
			require.Equal(t, []string{"Namespace", "NetworkRules", "Quota", "LimitRange", "Access", "ClusterReaders"}, kinds)
			again := run(t, s.On(top))
			require.False(t, again.Changed(), again.String())
			require.False(t, run(t, s.On(dry)).Changed())
		}},
		{"A name alone is the tightest tenant", func(t T) {
			s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: newTenant(t, top).TenantConfig.Name}}
			run(t, s.On(top))
			require.False(t, run(t, s.On(top)).Changed())
			_, err := top.Access(t.Context(), s.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"Drift is repaired and named", func(t T) { checkDrift(t, top, outsider, run) }},
		{"Rights that the Score no longer gives are withdrawn", func(t T) {
			s := newTenant(t, top)
			run(t, s.On(top))
			s.RBAC = tenant.RBACConfig{}
			report := run(t, s.On(top))
			deleted := map[topology.Kind]string{}
			for _, c := range report.Changes() {
				if c.Action == topology.Deleted {
					require.Empty(t, c.Fields)
					deleted[c.Kind] = c.Name
				}
			}
			require.Equal(t, s.TenantConfig.Name, deleted[topology.KindAccess])
			require.Equal(t, s.TenantConfig.Name, deleted[topology.KindClusterReaders])
			Principal{t, top, rbac.Question{Groups: []string{devs(s)}, Namespace: s.TenantConfig.Name}}.RequireSoon(false, "create", "apps", "deployments")
		}},
		{"A developer writes workloads in the own namespace, and neither its fences nor anything elsewhere", func(t T) {
			acme, globex := newTenant(t, top), newTenant(t, top)
			acme.RBAC.ReadVisibility = tenant.VisibilityOwn
			run(t, acme.On(top), globex.On(top))
			ask := Principal{t, top, rbac.Question{User: "dev", Groups: []string{devs(acme)}, Namespace: acme.TenantConfig.Name}}
			ask.RequireSoon(true, "create", "apps", "deployments")
			ask.Require(true, "get", "", "secrets", "")
			checkFences(ask)
			ask.Question.Namespace = globex.TenantConfig.Name
			checkFences(ask)
			ask.Require(false, "create", "apps", "deployments", "")
			ask.Require(false, "list", "", "pods", "")
			ask.Require(false, "get", "", "secrets", "")
			globexDevs := Principal{t, top, rbac.Question{User: "dev", Groups: []string{devs(globex)}, Namespace: acme.TenantConfig.Name}}
			globexDevs.RequireSoon(true, "list", "", "pods") // ADR-009: read visibility
			globexDevs.Require(false, "get", "", "secrets", "")
			globexDevs.Require(false, "create", "", "pods", "")
		}},
		{"A foreign namespace is refused untouched, and the other tenant is provisioned all the same", func(t T) {
			foreign, fine := newTenant(t, top), newTenant(t, top)
			outsider.CreateNamespace(t, foreign.TenantConfig.Name, "somebody-else")
			report, err := score.Run(t.Context(), foreign.On(top), fine.On(top))
			RequireError(t, err, topology.ErrConflict)
			var failure *score.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, [...]string{"tenant/" + foreign.TenantConfig.Name, top.Name(), "namespace"}, [...]string{failure.Score, failure.Topology, failure.Step})
			require.Empty(t, report.Results[0].Outcome.Changes)
			require.NoError(t, report.Results[1].Err)
			_, err = top.Quota(t.Context(), foreign.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"Two runs of one Score at the same time converge", func(t T) {
			s := newTenant(t, top)
			for _, err := range atOnce(4, func() error { _, err := score.Run(t.Context(), s.On(top)); return err }) {
				require.NoError(t, err)
			}
			require.False(t, run(t, s.On(top)).Changed())
		}},
		{"An unknown storage class is refused before anything is written", func(t T) {
			s := newTenant(t, top)
			s.StorageAccess.Classes = []tenant.StorageClassAccess{{Name: "no-such-class", Capacity: resource.MustParse("1Gi")}}
			_, err := score.Run(t.Context(), s.On(top))
			RequireError(t, err, topology.ErrUnsupported)
			_, err = top.Namespace(t.Context(), s.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"Off-boarding removes everything, and may be repeated", func(t T) {
			s := newTenant(t, top)
			run(t, s.On(top))
			off := tenant.OffboardScore{Tenant: s.TenantConfig.Name}
			plan := run(t, off.On(dry))
			report := run(t, off.On(top))
			require.Equal(t, plan.Changes(), report.Changes())
			for _, c := range report.Changes() {
				require.Equal(t, topology.Deleted, c.Action, c.String())
			}
			_, err := top.Namespace(t.Context(), s.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
			_, err = top.ClusterReaders(t.Context(), s.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
			require.False(t, run(t, off.On(top)).Changed())
		}},
		{"Off-boarding refuses a protected tenant and writes nothing", func(t T) {
			s := newTenant(t, top)
			s.TenantConfig.DeletionProtection = true
			run(t, s.On(top))
			_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: s.TenantConfig.Name}.On(top))
			RequireError(t, err, topology.ErrProtected)
			require.False(t, run(t, s.On(top)).Changed())
			s.TenantConfig.DeletionProtection = false
			run(t, s.On(top))
		}},
		{"Off-boarding refuses a foreign namespace and writes nothing", func(t T) {
			name := newTenant(t, top).TenantConfig.Name
			outsider.CreateNamespace(t, name, "somebody-else")
			report, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: name}.On(top))
			RequireError(t, err, topology.ErrConflict)
			require.False(t, report.Changed())
			_, err = top.Namespace(t.Context(), name)
			require.NoError(t, err)
		}},
		{"Off-boarding deletes no volume that is not named", func(t T) {
			s := newTenant(t, top)
			run(t, s.On(top))
			outsider.ClaimVolume(t, s.TenantConfig.Name, "data")
			outsider.ClaimVolume(t, s.TenantConfig.Name, "logs")
			_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: s.TenantConfig.Name, DeleteVolumes: []string{"logs"}}.On(top))
			RequireError(t, err, topology.ErrProtected)
			require.ErrorContains(t, err, "data")
			require.NotContains(t, err.Error(), "logs")
			require.False(t, run(t, s.On(top)).Changed())
			report := run(t, tenant.OffboardScore{Tenant: s.TenantConfig.Name, DeleteVolumes: []string{"data", "logs"}}.On(top))
			require.True(t, report.Changed())
		}},
		{"Off-boarding names what holds a namespace, and the next run goes on", func(t T) {
			s := newTenant(t, top)
			run(t, s.On(top))
			outsider.Hold(t, s.TenantConfig.Name)
			off := tenant.OffboardScore{Tenant: s.TenantConfig.Name, Wait: tenant.Duration(time.Second)}
			_, err := score.Run(t.Context(), off.On(top))
			RequireError(t, err, topology.ErrTimeout)
			require.ErrorContains(t, err, "example.com/hold")
			_, err = top.Access(t.Context(), s.TenantConfig.Name)
			RequireError(t, err, topology.ErrNotFound)
			_, err = score.Run(t.Context(), s.On(top))
			RequireError(t, err, topology.ErrTerminating)
			outsider.Release(t, s.TenantConfig.Name)
			off.Wait = tenant.Duration(time.Minute)
			run(t, off.On(top))
		}},
	}
}

// checkFences asks for every write that would loosen what fences a tenant in, and for every way around.
func checkFences(ask Principal) {
	ask.T.Helper()
	for _, resource := range []string{
		"/resourcequotas", "/limitranges", "/endpoints", "/namespaces", "/persistentvolumes", "/serviceaccounts/token", "/pods/status", "/namespaces/finalize",
		"networking.k8s.io/networkpolicies", "rbac.authorization.k8s.io/roles", "rbac.authorization.k8s.io/rolebindings",
		"rbac.authorization.k8s.io/clusterroles", "rbac.authorization.k8s.io/clusterrolebindings", "discovery.k8s.io/endpointslices",
		"storage.k8s.io/storageclasses", "apps/daemonsets", "authorization.k8s.io/subjectaccessreviews",
	} {
		group, name, _ := strings.Cut(resource, "/")
		name, subresource, _ := strings.Cut(name, "/")
		for _, verb := range []string{"create", "update", "patch", "delete", "deletecollection"} {
			ask.Require(false, verb, group, name, subresource)
		}
	}
	ask.Require(false, "escalate", "rbac.authorization.k8s.io", "roles", "")
	ask.Require(false, "bind", "rbac.authorization.k8s.io", "roles", "")
	ask.Require(false, "bind", "rbac.authorization.k8s.io", "clusterroles", "")
	for _, resource := range []string{"users", "groups", "serviceaccounts"} {
		ask.Require(false, "impersonate", "", resource, "")
	}
	ask.Require(false, "*", "*", "*", "")
}

// checkDrift weakens each fence as an outsider would, through another hand's writes, and wants it repaired and named.
func checkDrift(t T, top TenantTopology, outsider Outsider, run func(T, ...score.Step) score.Report) {
	s := newTenant(t, top)
	run(t, s.On(top))
	name := s.TenantConfig.Name
	must := func(_ topology.Change, err error) { t.Helper(); require.NoError(t, err) }

	quota, err := top.Quota(t.Context(), name)
	require.NoError(t, err)
	quota.Hard["requests.cpu"] = resource.MustParse("400")
	must(top.EnsureQuota(t.Context(), quota))

	rules, err := top.NetworkRules(t.Context(), name)
	require.NoError(t, err)
	rules.Ingress = append(rules.Ingress, topology.NetworkRule{})
	must(top.EnsureNetworkRules(t.Context(), rules))

	access, err := top.Access(t.Context(), name)
	require.NoError(t, err)
	rulesBefore := len(access.Grants[0].Rules)
	access.Grants[0].Rules = append(access.Grants[0].Rules, rbac.Rule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get"}})
	must(top.EnsureAccess(t.Context(), access))

	must(top.DeleteLimitRange(t.Context(), name))
	outsider.RemovePodSecurity(t, name)
	outsider.LabelNamespace(t, name, "istio-injection", "enabled")

	paths := map[string]string{}
	for _, c := range run(t, s.On(top)).Changes() {
		paths[string(c.Kind)] = string(c.Action)
		for _, f := range c.Fields {
			paths[string(c.Kind)+" "+f.Path] = f.From + " -> " + f.To
		}
	}
	require.Equal(t, "400 -> 4", paths["Quota hard[requests.cpu]"], paths)
	require.Equal(t, "everybody on every port -> ", paths["NetworkRules ingress[1]"], paths)
	require.Contains(t, paths, "Access grants["+access.Grants[0].Role+"].rules["+strconv.Itoa(rulesBefore)+"]")
	require.Equal(t, "created", paths["LimitRange"])
	require.Equal(t, " -> restricted", paths["Namespace podSecurity"], paths)
	require.Equal(t, "unchanged", paths["ClusterReaders"])
	require.Equal(t, "enabled", outsider.NamespaceLabel(t, name, "istio-injection"))
	require.False(t, run(t, s.On(top)).Changed())
}
