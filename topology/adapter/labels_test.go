package adapter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

func TestDomainContainsItselfAndWhatIsBelow(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com": true, "a.example.com": true, "b.a.example.com": true,
		"com": false, "anexample.com": false, "example.com.au": false, "": false,
	} {
		require.Equal(t, want, adapter.DomainContains("example.com", name), name)
	}
}
