package tenanttest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// mutant is an adapter that breaks one rule of a suite.
type mutant struct {
	suite, rule string
	breaks      func(top, dry *puppet.Puppet)
}

// outsider implements the methods that the suites of this package call.
type outsider struct {
	topologytest.Outsider
	fake fake.Outsider
}

func (o outsider) CreateNamespace(_ topologytest.T, name, owner string) {
	o.fake.CreateNamespace(name, owner)
}

func (o outsider) LabelNamespace(_ topologytest.T, name, key, value string) {
	o.fake.LabelNamespace(name, key, value)
}

func (o outsider) NamespaceLabel(_ topologytest.T, name, key string) string {
	return o.fake.NamespaceLabels(name)[key]
}

func (o outsider) RemovePodSecurity(_ topologytest.T, name string) { o.fake.SetPodSecurity(name, "") }

func (o outsider) Hold(_ topologytest.T, namespace string) {
	o.fake.Hold(namespace, "example.com/hold")
}

func (o outsider) Release(_ topologytest.T, namespace string) { o.fake.Release(namespace) }

func (o outsider) ClaimVolume(_ topologytest.T, namespace, claim string) {
	o.fake.ClaimVolume(namespace, topology.Volume{Name: claim, Size: resource.MustParse("1Gi")})
}

func (o outsider) HoldLease(_ topologytest.T, name, holder string, duration time.Duration) {
	o.fake.HoldLease(name, holder, duration)
}

func newHarness(breaks func(top, dry *puppet.Puppet)) topologytest.Harness[*puppet.Puppet] {
	return harnessOf(fake.New(fake.Options{}), breaks)
}

func harnessOf(on *fake.Topology, breaks func(top, dry *puppet.Puppet)) topologytest.Harness[*puppet.Puppet] {
	top, dry := puppet.New(on), puppet.New(on.DryRun())
	breaks(top, dry)
	return topologytest.Harness[*puppet.Puppet]{Topology: top, DryRun: dry, Outsider: outsider{fake: on.Outsider()}}
}

func suites(h topologytest.Harness[*puppet.Puppet]) map[string][]topologytest.Case {
	return map[string][]topologytest.Case{"Tenants": tenantCases(h), "RosterRuns": rosterRunCases(h)}
}

// Every case fails with each adapter that breaks its rule, and passes with a sound one. There is a
// broken adapter for every case.
func TestEveryCaseCanFail(t *testing.T) {
	tested := map[string]bool{}
	for _, m := range append(tenantMutants(), rosterMutants()...) {
		found := false
		for _, c := range suites(newHarness(m.breaks))[m.suite] {
			if c.Rule == m.rule {
				found = true
				assert.True(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q does not notice", m.suite, m.rule)
			}
		}
		assert.True(t, found, "%s has no case %q", m.suite, m.rule)
		tested[m.suite+": "+m.rule] = true
	}
	for suite, cases := range suites(newHarness(func(*puppet.Puppet, *puppet.Puppet) {})) {
		for _, c := range cases {
			assert.True(t, tested[suite+": "+c.Rule], "no adapter breaks the rule of %s that %q", suite, c.Rule)
			assert.False(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q fails with a sound adapter", suite, c.Rule)
		}
	}
}
