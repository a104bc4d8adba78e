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

// constantsOf returns the values of the constants of a type in a file.
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

func TestAllGuardrailsIsSortedAndComplete(t *testing.T) {
	var all []string
	for _, rule := range topology.AllGuardrails() {
		all = append(all, string(rule))
	}
	require.True(t, slices.IsSorted(all))
	require.ElementsMatch(t, constantsOf(t, "guardrails.go", "Guardrail"), all)
}

// These names are part of the names of policies and of the right to bypass them. A change of what a
// rule refuses needs a higher GuardrailsVersion.
func TestGuardrailNamesAreStable(t *testing.T) {
	require.Equal(t, []topology.Guardrail{
		"claims", "default-token", "endpoints", "finalizers", "images", "ingress", "namespaces",
		"placement", "services", "token-secrets", "volumes",
	}, topology.AllGuardrails())
	require.Equal(t, 1, topology.GuardrailsVersion)
}

func TestAllGuardrailsReturnsACopy(t *testing.T) {
	before := topology.AllGuardrails()
	topology.AllGuardrails()[0] = "none"
	require.Equal(t, before, topology.AllGuardrails())
}

func TestViolationStringIsOneLine(t *testing.T) {
	v := topology.Violation{Rule: topology.GuardrailServices, Namespace: "acme", Kind: "Service", Name: "db", Message: "remove spec.externalIPs"}
	require.Equal(t, "Service acme/db: services: remove spec.externalIPs", v.String())
}
