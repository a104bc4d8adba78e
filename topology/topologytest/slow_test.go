package topologytest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// No case depends on how fast the infrastructure answers. Each call takes ten seconds here, in
// simulated time.
func TestEveryCasePassesOnASlowInfrastructure(t *testing.T) {
	slow := fake.New(fake.Options{}).WithFaults(fake.Fault{Latency: 10 * time.Second})
	for capability, cases := range suite(harnessOf(slow, sound)) {
		for _, c := range cases {
			assert.False(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q", capability, c.Rule)
		}
	}
}
