package roster

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"
)

// The order of risks is part of the contract: see Risk.
func TestRisksAreTotallyOrderedGravestFirst(t *testing.T) {
	order := []Risk{RiskDeletes, RiskUnfences, RiskOpens, RiskWidens, RiskAdmits, RiskRaises}
	require.Equal(t, order, allRisks)
	require.Len(t, declaredRisks(t), len(order), "each constant has its place in the order")
	for i, graver := range order {
		for _, less := range order[i+1:] {
			require.Negative(t, gravity(graver)-gravity(less), "%s, %s", graver, less)
		}
		require.Negative(t, tenantGravity([]Risk{graver})-tenantGravity(nil), "%s is graver than none", graver)
	}
}

// A program that reads a plan matches the codes, so they stay in every release. The sentences may
// change.
func TestRiskIsACodeThatPrintsAsASentence(t *testing.T) {
	codes := map[Risk]string{
		RiskDeletes: "deletes", RiskUnfences: "unfences", RiskOpens: "opens", RiskWidens: "widens",
		RiskAdmits: "admits", RiskRaises: "raises",
	}
	require.Len(t, codes, len(allRisks))
	require.Len(t, riskSentences, len(allRisks), "each risk has a sentence")
	for risk, code := range codes {
		data, err := json.Marshal(risk)
		require.NoError(t, err)
		require.Equal(t, `"`+code+`"`, string(data))
		require.NotEqual(t, code, risk.String())
		require.Equal(t, riskSentences[risk], fmt.Sprint(risk))
	}
	require.Equal(t, "teleports", Risk("teleports").String(), "a risk of a later release")
}

// declaredRisks returns the names of the constants of type Risk.
func declaredRisks(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "risk.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Risk" {
				names = append(names, spec.Names[0].Name)
			}
		}
		return true
	})
	return names
}
