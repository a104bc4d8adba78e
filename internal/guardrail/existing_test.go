package guardrail

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Existing leaves out what the infrastructure adds to an object of a tenant. The tests of the
// Kubernetes adapter show that a real API server agrees.
func TestExistingFindsWhatATenantWrote(t *testing.T) {
	allowed := topology.Allowances{StorageClasses: []string{"gold"}, ImageRegistries: []string{"*"}}
	for name, tt := range map[string]struct {
		resource, object string
		found            []topology.Guardrail
	}{
		"scheduled pod":              {"pods", `{"spec":{"nodeName":"node-1","containers":[{"image":"nginx"}]}}`, nil},
		"pod with a priority class":  {"pods", `{"spec":{"nodeName":"node-1","priorityClassName":"high"}}`, []topology.Guardrail{topology.GuardrailPlacement}},
		"bound claim":                {"persistentvolumeclaims", `{"metadata":{"annotations":{"pv.kubernetes.io/bound-by-controller":"yes"}},"spec":{"storageClassName":"gold","volumeName":"pv-1"}}`, nil},
		"claim that names a volume":  {"persistentvolumeclaims", `{"spec":{"storageClassName":"gold","volumeName":"pv-1"}}`, []topology.Guardrail{topology.GuardrailClaims}},
		"controller's slice":         {"endpointslices", `{"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}},"endpoints":[{}]}`, nil},
		"mirrored slice":             {"endpointslices", `{"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslicemirroring-controller.k8s.io"}},"endpoints":[{}]}`, []topology.Guardrail{topology.GuardrailEndpoints}},
		"token of a service account": {"secrets", `{"type":"kubernetes.io/service-account-token","metadata":{"finalizers":["example.com/hold"]}}`, nil},
		"two mistakes":               {"services", `{"spec":{"type":"NodePort","externalIPs":["192.0.2.1"]}}`, []topology.Guardrail{topology.GuardrailServices, topology.GuardrailServices}},
	} {
		t.Run(name, func(t *testing.T) {
			rules := topology.AllGuardrails()
			findings, err := Existing(Write{Rules: rules, Allowed: allowed, Resource: tt.resource, Object: json.RawMessage(tt.object)})
			require.NoError(t, err)
			var found []topology.Guardrail
			for _, f := range findings {
				require.NotEmpty(t, f.Message)
				found = append(found, f.Rule)
			}
			require.Equal(t, tt.found, found)
			require.Equal(t, topology.AllGuardrails(), rules, "the caller's list")
		})
	}
}

func TestEveryGuardrailHasARuleAndItsFiles(t *testing.T) {
	for _, rule := range topology.AllGuardrails() {
		require.Contains(t, rules, rule)
		require.FileExists(t, strings.ReplaceAll(string(rule), "-", "_")+".go")
		require.FileExists(t, filepath.Join("policy", string(rule)+".yaml"))
	}
	require.Len(t, rules, len(topology.AllGuardrails()))
}

func TestFindsExistingByResource(t *testing.T) {
	require.True(t, FindsExisting(topology.AllGuardrails(), "pods"))
	require.True(t, FindsExisting([]topology.Guardrail{topology.GuardrailServices}, "services"))
	require.False(t, FindsExisting([]topology.Guardrail{topology.GuardrailServices}, "pods"))
	require.False(t, FindsExisting(topology.AllGuardrails(), "secrets"), "their writer is not known")
	require.False(t, FindsExisting(nil, "pods"))
}
