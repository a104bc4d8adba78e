package tenanttest

import (
	"context"
	"slices"
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
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// TenantTopology is what [Tenants] needs: the capabilities that provision and remove a tenant.
type TenantTopology interface {
	tenant.Topology
	topology.Volumes
	topology.Authorizer
}

// Tenants checks that the capabilities work together during the life of a tenant.
func Tenants[P TenantTopology](t *testing.T, h topologytest.Harness[P]) {
	topologytest.RunCases(t, tenantCases(h))
}

func tenantCases[P TenantTopology](h topologytest.Harness[P]) []topologytest.Case {
	on := tenants{h.Topology, h.DryRun, h.Outsider}
	return slices.Concat(on.provisionCases(), on.rightsCases(), on.refusalCases(), on.offboardCases(), on.keptCases())
}

// tenants is the fixture of every case.
type tenants struct {
	top, dry TenantTopology
	outsider topologytest.Outsider
}

// newTenant returns a Score with something in each of its parts, and a group of developers of its
// own. The tenant is removed when the case is over.
func (on tenants) newTenant(t topologytest.T) tenant.TenantScore {
	name := topologytest.NewName()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		_, _ = on.top.DeleteNamespace(ctx, name) // fails for foreign and protected ones
		_, _ = on.top.DeleteClusterReaders(ctx, name)
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

// run runs steps, which must succeed.
func (on tenants) run(t topologytest.T, steps ...score.Step) score.Report {
	t.Helper()
	report, err := score.Run(t.Context(), steps...)
	require.NoError(t, err)
	return report
}

func devs(s tenant.TenantScore) string { return s.TenantConfig.Name + "-devs" }

// developer returns a developer of one tenant whose rights in the namespace of another are checked.
func (on tenants) developer(t topologytest.T, of, in tenant.TenantScore) topologytest.Principal {
	return topologytest.Principal{T: t, Topology: on.top, Question: rbac.Question{
		User: "dev", Groups: []string{devs(of)}, Namespace: in.TenantConfig.Name,
	}}
}

func (on tenants) provisionCases() []topologytest.Case {
	return []topologytest.Case{
		{Rule: "A plan lists what the run then does, and the second run changes nothing", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			plan := on.run(t, s.On(on.dry))
			report := on.run(t, s.On(on.top))
			require.Equal(t, plan.Changes(), report.Changes())
			var kinds []string
			for _, c := range report.Changes() {
				require.Equal(t, topology.Created, c.Action, c.String())
				kinds = append(kinds, string(c.Kind))
			}
			require.Equal(t, []string{"Namespace", "NetworkRules", "Quota", "LimitRange", "Access", "ClusterReaders"}, kinds)
			again := on.run(t, s.On(on.top))
			require.False(t, again.Changed(), again.String())
			require.False(t, on.run(t, s.On(on.dry)).Changed())
		}},
		{Rule: "A Score with only a name provisions a tenant without members", Run: func(t topologytest.T) {
			s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: on.newTenant(t).TenantConfig.Name}}
			on.run(t, s.On(on.top))
			require.False(t, on.run(t, s.On(on.top)).Changed())
			_, err := on.top.Access(t.Context(), s.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
		}},
		{Rule: "Drift is repaired and named", Run: on.checkDrift},
		{Rule: "Two runs of one Score at the same time converge", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			for _, err := range topologytest.AtOnce(4, func() error {
				_, err := score.Run(t.Context(), s.On(on.top))
				return err
			}) {
				require.NoError(t, err)
			}
			require.False(t, on.run(t, s.On(on.top)).Changed())
		}},
	}
}

func (on tenants) rightsCases() []topologytest.Case {
	return []topologytest.Case{
		{Rule: "Rights that the Score no longer gives are withdrawn", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			on.run(t, s.On(on.top))
			s.RBAC = tenant.RBACConfig{}
			report := on.run(t, s.On(on.top))
			deleted := map[topology.Kind]string{}
			for _, c := range report.Changes() {
				if c.Action == topology.Deleted {
					require.Empty(t, c.Fields)
					deleted[c.Kind] = c.Name
				}
			}
			require.Equal(t, s.TenantConfig.Name, deleted[topology.KindAccess])
			require.Equal(t, s.TenantConfig.Name, deleted[topology.KindClusterReaders])
			on.developer(t, s, s).RequireSoon(false, "create", "apps", "deployments")
		}},
		{Rule: "A developer may write workloads in the own namespace, but not the objects that isolate it, and nothing elsewhere", Run: func(t topologytest.T) {
			acme, globex := on.newTenant(t), on.newTenant(t)
			acme.RBAC.ReadVisibility = tenant.VisibilityOwn
			on.run(t, acme.On(on.top), globex.On(on.top))
			ask := on.developer(t, acme, acme)
			ask.RequireSoon(true, "create", "apps", "deployments")
			ask.Require(true, "get", "", "secrets", "")
			checkFences(ask)
			ask.Question.Namespace = globex.TenantConfig.Name
			checkFences(ask)
			ask.Require(false, "create", "apps", "deployments", "")
			ask.Require(false, "list", "", "pods", "")
			ask.Require(false, "get", "", "secrets", "")
			globexDevs := on.developer(t, globex, acme)
			globexDevs.RequireSoon(true, "list", "", "pods") // see the read-visibility ADR
			globexDevs.Require(false, "get", "", "secrets", "")
			globexDevs.Require(false, "create", "", "pods", "")
		}},
	}
}

func (on tenants) refusalCases() []topologytest.Case {
	return []topologytest.Case{
		{Rule: "A foreign namespace is refused and stays untouched, and the other tenant is provisioned nevertheless", Run: func(t topologytest.T) {
			foreign, fine := on.newTenant(t), on.newTenant(t)
			on.outsider.CreateNamespace(t, foreign.TenantConfig.Name, "somebody-else")
			report, err := score.Run(t.Context(), foreign.On(on.top), fine.On(on.top))
			topologytest.RequireError(t, err, topology.ErrConflict)
			var failure *score.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, [...]string{"tenant/" + foreign.TenantConfig.Name, on.top.Name(), "namespace"}, [...]string{failure.Score, failure.Topology, failure.Step})
			require.Empty(t, report.Results[0].Outcome.Changes)
			require.NoError(t, report.Results[1].Err)
			_, err = on.top.Quota(t.Context(), foreign.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
		}},
		{Rule: "An unknown storage class is refused before anything is written", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			s.StorageAccess.Classes = []tenant.StorageClassAccess{{Name: "no-such-class", Capacity: resource.MustParse("1Gi")}}
			_, err := score.Run(t.Context(), s.On(on.top))
			topologytest.RequireError(t, err, topology.ErrUnsupported)
			_, err = on.top.Namespace(t.Context(), s.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
		}},
	}
}

func (on tenants) offboardCases() []topologytest.Case {
	return []topologytest.Case{
		{Rule: "Off-boarding removes everything, and may be repeated", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			on.run(t, s.On(on.top))
			off := tenant.OffboardScore{Tenant: s.TenantConfig.Name}
			plan := on.run(t, off.On(on.dry))
			report := on.run(t, off.On(on.top))
			require.Equal(t, plan.Changes(), report.Changes())
			for _, c := range report.Changes() {
				require.Equal(t, topology.Deleted, c.Action, c.String())
			}
			_, err := on.top.Namespace(t.Context(), s.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
			_, err = on.top.ClusterReaders(t.Context(), s.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
			require.False(t, on.run(t, off.On(on.top)).Changed())
		}},
		{Rule: "Off-boarding names the finalizer that holds a namespace, and the next run continues", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			on.run(t, s.On(on.top))
			on.outsider.Hold(t, s.TenantConfig.Name)
			off := tenant.OffboardScore{Tenant: s.TenantConfig.Name}
			_ = topologytest.RequireTimeout(t, 5*time.Second, "example.com/hold", func(limit time.Duration) error {
				off.Wait = tenant.Duration(limit)
				_, err := score.Run(t.Context(), off.On(on.top))
				return err
			})
			_, err := on.top.Access(t.Context(), s.TenantConfig.Name)
			topologytest.RequireError(t, err, topology.ErrNotFound)
			_, err = score.Run(t.Context(), s.On(on.top))
			topologytest.RequireError(t, err, topology.ErrTerminating)
			on.outsider.Release(t, s.TenantConfig.Name)
			off.Wait = tenant.Duration(10 * time.Minute)
			on.run(t, off.On(on.top))
		}},
	}
}

// keptCases check that off-boarding does not remove protected, foreign or unnamed objects.
func (on tenants) keptCases() []topologytest.Case {
	return []topologytest.Case{
		{Rule: "Off-boarding refuses a protected tenant and writes nothing", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			s.TenantConfig.DeletionProtection = true
			on.run(t, s.On(on.top))
			_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: s.TenantConfig.Name}.On(on.top))
			topologytest.RequireError(t, err, topology.ErrProtected)
			require.False(t, on.run(t, s.On(on.top)).Changed())
			s.TenantConfig.DeletionProtection = false
			on.run(t, s.On(on.top))
		}},
		{Rule: "Off-boarding refuses a foreign namespace and writes nothing", Run: func(t topologytest.T) {
			name := on.newTenant(t).TenantConfig.Name
			on.outsider.CreateNamespace(t, name, "somebody-else")
			report, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: name}.On(on.top))
			topologytest.RequireError(t, err, topology.ErrConflict)
			require.False(t, report.Changed())
			_, err = on.top.Namespace(t.Context(), name)
			require.NoError(t, err)
		}},
		{Rule: "Off-boarding deletes no volume that is not named", Run: func(t topologytest.T) {
			s := on.newTenant(t)
			on.run(t, s.On(on.top))
			on.outsider.ClaimVolume(t, s.TenantConfig.Name, "data")
			on.outsider.ClaimVolume(t, s.TenantConfig.Name, "logs")
			_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: s.TenantConfig.Name, DeleteVolumes: []string{"logs"}}.On(on.top))
			topologytest.RequireError(t, err, topology.ErrProtected)
			require.ErrorContains(t, err, "data")
			require.NotContains(t, err.Error(), "logs")
			require.False(t, on.run(t, s.On(on.top)).Changed())
			report := on.run(t, tenant.OffboardScore{Tenant: s.TenantConfig.Name, DeleteVolumes: []string{"data", "logs"}}.On(on.top))
			require.True(t, report.Changed())
		}},
	}
}

// checkFences checks that the principal has no right to weaken the isolation of a tenant, or to
// bypass it.
func checkFences(ask topologytest.Principal) {
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

// checkDrift weakens each fence, as another writer could, and checks that the next run repairs and
// names it.
func (on tenants) checkDrift(t topologytest.T) {
	s := on.newTenant(t)
	on.run(t, s.On(on.top))
	name := s.TenantConfig.Name
	must := func(_ topology.Change, err error) { t.Helper(); require.NoError(t, err) }

	quota, err := on.top.Quota(t.Context(), name)
	require.NoError(t, err)
	quota.Hard["requests.cpu"] = resource.MustParse("400")
	must(on.top.EnsureQuota(t.Context(), quota))

	rules, err := on.top.NetworkRules(t.Context(), name)
	require.NoError(t, err)
	rules.Ingress = append(rules.Ingress, topology.NetworkRule{})
	must(on.top.EnsureNetworkRules(t.Context(), rules))

	access, err := on.top.Access(t.Context(), name)
	require.NoError(t, err)
	rulesBefore := len(access.Grants[0].Rules)
	access.Grants[0].Rules = append(access.Grants[0].Rules, rbac.Rule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get"}})
	must(on.top.EnsureAccess(t.Context(), access))

	must(on.top.DeleteLimitRange(t.Context(), name))
	on.outsider.RemovePodSecurity(t, name)
	on.outsider.LabelNamespace(t, name, "istio-injection", "enabled")

	paths := map[string]string{}
	for _, c := range on.run(t, s.On(on.top)).Changes() {
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
	require.Equal(t, "enabled", on.outsider.NamespaceLabel(t, name, "istio-injection"))
	require.False(t, on.run(t, s.On(on.top)).Changed())
}
