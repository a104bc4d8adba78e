package policy

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/polyphony-go/polyphony/topology"
)

func TestRenderCompletesEveryRule(t *testing.T) {
	files, err := fs.Glob(files, "*.yaml")
	require.NoError(t, err)
	var named []topology.Guardrail
	for _, file := range files {
		named = append(named, topology.Guardrail(strings.TrimSuffix(path.Base(file), ".yaml")))
	}
	require.ElementsMatch(t, append(topology.AllGuardrails(), Probe), named)
	for _, rule := range named {
		t.Run(string(rule), func(t *testing.T) {
			p, b := Render(rule)
			require.Equal(t, "polyphony-"+string(rule), p.Name)
			require.Equal(t, p.Name, b.Name)
			require.Equal(t, p.Name, b.Spec.PolicyName)
			require.Equal(t, admissionv1.Fail, *p.Spec.FailurePolicy)
			require.Equal(t, []admissionv1.ValidationAction{admissionv1.Deny}, b.Spec.ValidationActions)
			isClusters := rule == topology.GuardrailNamespaces || rule == Probe
			require.Equal(t, isClusters, b.Spec.MatchResources == nil, "every other rule selects the namespaces of tenants")
			for _, v := range p.Spec.Validations {
				require.NotEmpty(t, v.Message+v.MessageExpression)
				require.Equal(t, "Forbidden", string(*v.Reason))
			}
			for _, r := range p.Spec.MatchConstraints.ResourceRules {
				require.Equal(t, isClusters, *r.Scope == admissionv1.ClusterScope)
			}
		})
	}
}

func TestRulesExemptTheSameComponents(t *testing.T) {
	components := regexp.MustCompile(`request\.userInfo\.username in \[[^]]*\]\s*\|\| 'system:serviceaccounts:kube-system' in request\.userInfo\.\?groups\.orValue\(\[\]\)`)
	seen := map[string][]topology.Guardrail{}
	for _, rule := range topology.AllGuardrails() {
		data, err := files.ReadFile(string(rule) + ".yaml")
		require.NoError(t, err)
		for _, text := range components.FindAllString(string(data), -1) {
			text = strings.Join(strings.Fields(text), " ")
			seen[text] = append(seen[text], rule)
		}
		require.Equal(t, strings.Count(string(data), "userInfo"), 2*len(components.FindAllString(string(data), -1)), "%s exempts other principals", rule)
	}
	require.Len(t, seen, 1)
	for _, rules := range seen {
		require.Equal(t, []topology.Guardrail{topology.GuardrailClaims, topology.GuardrailEndpoints, topology.GuardrailFinalizers, topology.GuardrailTokenSecrets}, rules)
	}
}

// The documentation of these rules says that writers with the right to bypass are exempt.
func TestRenderChecksTheRightToBypass(t *testing.T) {
	var bypassed []topology.Guardrail
	for _, rule := range topology.AllGuardrails() {
		p, _ := Render(rule)
		for _, c := range p.Spec.MatchConditions {
			if c.Name == "no-bypass" {
				require.True(t, strings.HasSuffix(c.Expression, "!authorizer.group('tenancy.polyphony.dev').resource('guardrails').name('"+string(rule)+"').check('bypass').allowed()"), c.Expression)
				bypassed = append(bypassed, rule)
			}
		}
	}
	require.Equal(t, []topology.Guardrail{
		topology.GuardrailEndpoints, topology.GuardrailFinalizers, topology.GuardrailIngress, topology.GuardrailNamespaces, topology.GuardrailServices, topology.GuardrailTokenSecrets,
	}, bypassed)
}
