package topologytest_test

import (
	"testing"

	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// The adapter is that of the example.
func TestQuotasRunsOnAnAdapterWithoutOtherCapabilities(t *testing.T) {
	topologytest.Quotas(t, newHarness())
}
