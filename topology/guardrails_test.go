package topology_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// constantsOf are the values of the constants of a type in a file.
func constantsOf(t *testing.T, file, kind string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == kind {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			values = append(values, value)
		}
		return false
	})
	return values
}

func TestAllGuardrailsAreSortedAndAll(t *testing.T) {
	var all []string
	for _, rule := range topology.AllGuardrails() {
		all = append(all, string(rule))
	}
	require.True(t, slices.IsSorted(all))
	require.ElementsMatch(t, constantsOf(t, "guardrails.go", "Guardrail"), all)
}

// These are in the names of policies and in who may bypass them. Whoever changes what they refuse
// raises GuardrailsVersion.
func TestGuardrailNames(t *testing.T) {
	require.Equal(t, []topology.Guardrail{
		"claims", "default-token", "endpoints", "finalizers", "images", "ingress", "namespaces", "placement", "services", "token-secrets", "volumes",
	}, topology.AllGuardrails())
	require.Equal(t, 1, topology.GuardrailsVersion)
}

func TestAllGuardrailsAreNotShared(t *testing.T) {
	before := topology.AllGuardrails()
	topology.AllGuardrails()[0] = "none"
	require.Equal(t, before, topology.AllGuardrails())
}

func TestViolationPrints(t *testing.T) {
	v := topology.Violation{Rule: topology.GuardrailServices, Namespace: "acme", Kind: "Service", Name: "db", Message: "remove spec.externalIPs"}
	require.Equal(t, "Service acme/db: services: remove spec.externalIPs", v.String())
}
