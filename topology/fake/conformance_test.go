package fake_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

func TestConformance(t *testing.T) {
	top := fake.New(fake.Options{})
	h := topologytest.Harness[*fake.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: outsider{top.Outsider()}}
	t.Run("Topology", func(t *testing.T) { topologytest.Topology(t, h) })
	t.Run("Platforms", func(t *testing.T) { topologytest.Platforms(t, h) })
	t.Run("Namespaces", func(t *testing.T) { topologytest.Namespaces(t, h) })
	t.Run("Domains", func(t *testing.T) { topologytest.Domains(t, h) })
	t.Run("Quotas", func(t *testing.T) { topologytest.Quotas(t, h) })
	t.Run("LimitRanges", func(t *testing.T) { topologytest.LimitRanges(t, h) })
	t.Run("NetworkIsolation", func(t *testing.T) { topologytest.NetworkIsolation(t, h) })
	t.Run("Reachability", func(t *testing.T) { topologytest.Reachability(t, h) })
	t.Run("AccessControl", func(t *testing.T) { topologytest.AccessControl(t, h) })
	t.Run("ReadVisibility", func(t *testing.T) { topologytest.ReadVisibility(t, h) })
	t.Run("Authorizer", func(t *testing.T) { topologytest.Authorizer(t, h) })
	t.Run("GrantsInForce", func(t *testing.T) { topologytest.GrantsInForce(t, h) })
	t.Run("Inspector", func(t *testing.T) { topologytest.Inspector(t, h) })
	t.Run("Admission", func(t *testing.T) { topologytest.Admission(t, h) })
	t.Run("Leases", func(t *testing.T) { topologytest.Leases(t, h) })
	t.Run("Volumes", func(t *testing.T) { topologytest.Volumes(t, h) })
	t.Run("Guardrails", func(t *testing.T) { topologytest.Guardrails(t, h) })
	t.Run("Rosters", func(t *testing.T) { topologytest.Rosters(t, h) })
	t.Run("Snapshots", func(t *testing.T) { topologytest.Snapshots(t, h) })
	t.Run("RosterRuns", func(t *testing.T) { tenanttest.RosterRuns(t, h) })
	t.Run("Tenants", func(t *testing.T) { tenanttest.Tenants(t, h) })
}

// outsider adapts the Outsider of the fake to the interface of the suite.
type outsider struct{ fake.Outsider }

func (o outsider) CreateNamespace(_ topologytest.T, name, owner string) {
	o.Outsider.CreateNamespace(name, owner)
}

func (o outsider) LabelNamespace(_ topologytest.T, name, key, value string) {
	o.Outsider.LabelNamespace(name, key, value)
}

func (o outsider) NamespaceLabel(_ topologytest.T, name, key string) string {
	return o.NamespaceLabels(name)[key]
}

func (o outsider) RemovePodSecurity(_ topologytest.T, name string) { o.SetPodSecurity(name, "") }

func (o outsider) Occupy(_ topologytest.T, namespace string, kind topology.Kind) {
	o.Outsider.Occupy(namespace, kind)
}

func (o outsider) Occupied(_ topologytest.T, namespace string, kind topology.Kind) bool {
	return o.Outsider.Occupied(namespace, kind)
}

func (o outsider) ClaimVolume(t topologytest.T, namespace, claim string) {
	size, err := resource.ParseQuantity("1Gi")
	require.NoError(t, err)
	o.Outsider.ClaimVolume(namespace, topology.Volume{Name: claim, Size: size})
}

func (o outsider) HoldLease(_ topologytest.T, name, holder string, duration time.Duration) {
	o.Outsider.HoldLease(name, holder, duration)
}

func (o outsider) Hold(_ topologytest.T, namespace string) {
	o.Outsider.Hold(namespace, "the finalizer example.com/hold")
}

func (o outsider) Release(_ topologytest.T, namespace string) { o.Outsider.Release(namespace) }

func (o outsider) SetGuardrailsVersion(_ topologytest.T, version int) {
	o.Outsider.SetGuardrailsVersion(version)
}

func (o outsider) Put(t topologytest.T, namespace, group, resource, manifest string) {
	if namespace == "" { // the fake has no such objects
		return
	}
	var object struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	require.NoError(t, json.Unmarshal([]byte(manifest), &object))
	o.Outsider.Put(namespace, group, resource, object.Metadata.Name, []byte(manifest))
}

func (o outsider) Grant(_ topologytest.T, namespace string, g topology.Grant) {
	o.Outsider.Grant(namespace, g)
}

func (o outsider) AddNetworkPolicy(_ topologytest.T, p netpolicy.Policy) {
	o.Outsider.AddNetworkPolicy(p)
}
