package roster

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/tenant"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a golden file, or writes the file.
func golden(t *testing.T, path, have string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), have, "if the new text of %s is right, run the tests with -update", path)
}

// fullTenant returns the Score of package tenant's tests that sets every field.
func fullTenant(t *testing.T) tenant.TenantScore {
	t.Helper()
	data, err := os.ReadFile("../testdata/full.yaml")
	require.NoError(t, err)
	var s tenant.TenantScore
	require.NoError(t, yaml.UnmarshalStrict(data, &s))
	return s
}

// named returns the Score of a tenant that sets nothing but its name.
func named(name string) tenant.TenantScore {
	return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}}
}

func amount(s string) resource.Quantity { return resource.MustParse(s) }
