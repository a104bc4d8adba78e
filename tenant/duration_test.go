package tenant_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/tenant"
)

func TestDurationHasOneForm(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "10m": 10 * time.Minute, "24h": 24 * time.Hour,
		"1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "100ms": 100 * time.Millisecond,
	} {
		t.Run(text, func(t *testing.T) {
			data, err := json.Marshal(tenant.Duration(d))
			require.NoError(t, err)
			require.Equal(t, `"`+text+`"`, string(data))
			var fromJSON, fromYAML tenant.Duration
			require.NoError(t, json.Unmarshal(data, &fromJSON))
			require.NoError(t, yaml.UnmarshalStrict([]byte(text), &fromYAML))
			require.Equal(t, tenant.Duration(d), fromJSON)
			require.Equal(t, tenant.Duration(d), fromYAML)
		})
	}
}

func TestDurationRefusesOtherText(t *testing.T) {
	for _, text := range []string{`"ten"`, `"10"`, `""`, `10`} {
		var d tenant.Duration
		require.Error(t, json.Unmarshal([]byte(text), &d), text)
	}
}

func TestDurationValidate(t *testing.T) {
	at := field.NewPath("wait")
	require.Empty(t, tenant.Duration(0).Validate(at))
	require.Empty(t, tenant.MaxDuration.Validate(at))
	require.EqualError(t, tenant.Duration(-time.Second).Validate(at).ToAggregate(),
		`wait: Invalid value: "-1s": must be 0 to 24h`)
	require.Len(t, (tenant.MaxDuration + 1).Validate(at), 1)
}
