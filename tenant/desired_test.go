package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/topology"
)

func TestDesiredMatchesTheGoldenFiles(t *testing.T) {
	for name, s := range map[string]TenantScore{"zero": minimal(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			want, err := s.Desired(bigPlatform())
			require.NoError(t, err)
			data, err := yaml.Marshal(map[string]any{
				"adopt": want.Namespace.Adopt, "namespace": want.Namespace, "quota": want.Quota,
				"limitRange": want.LimitRange, "network": want.Network,
				"access": s.RBAC.access("acme"), "readers": s.RBAC.readers("acme"), "notes": want.Notes,
			})
			require.NoError(t, err)
			golden(t, "testdata/desired-"+name+".golden.yaml", string(data))
		})
	}
}

// The zero tenant is equally tight on a platform that has nothing and on one that has everything.
func TestDesiredOfTheZeroTenantIsClosed(t *testing.T) {
	for name, platform := range map[string]topology.Platform{"bare": {DNS: bigPlatform().DNS}, "big": bigPlatform()} {
		t.Run(name, func(t *testing.T) {
			want, err := minimal().Desired(platform)
			require.NoError(t, err)
			require.Equal(t, topology.NetworkRules{Namespace: "acme", Ingress: []topology.NetworkRule{sameNamespace},
				Egress: append([]topology.NetworkRule{sameNamespace}, platform.DNS...)}, want.Network)
			expected := topology.Namespace{Name: "acme", PodSecurity: topology.PodSecurityRestricted}
			if platform.DefaultPriorityClass != "" { // every pod gets it
				expected.Allowed.PriorityClasses = []string{platform.DefaultPriorityClass}
			}
			require.Equal(t, expected, want.Namespace)
			require.Equal(t, topology.Access{Namespace: "acme"}, minimal().RBAC.access("acme"))
			require.Equal(t, topology.ClusterReaders{Tenant: "acme"}, minimal().RBAC.readers("acme"))
			require.Empty(t, want.Notes)
		})
	}
}
