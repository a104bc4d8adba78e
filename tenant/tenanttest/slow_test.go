package tenanttest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// No case depends on how fast the infrastructure answers. Each call takes ten seconds here, in
// simulated time. Nobody can hold a roster's lease of 15s then, so rosters get longer ones.
func TestEveryCasePassesOnASlowInfrastructure(t *testing.T) {
	patient := func(top, _ *puppet.Puppet) {
		hold := top.OnHoldLease
		top.OnHoldLease = func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
			if want.Duration == 0 {
				want.Duration = 5 * time.Minute
			}
			return hold(ctx, want)
		}
	}
	slow := fake.New(fake.Options{}).WithFaults(fake.Fault{Latency: 10 * time.Second})
	for suite, cases := range suites(harnessOf(slow, patient)) {
		for _, c := range cases {
			assert.False(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q", suite, c.Rule)
		}
	}
}
