package k8s_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientv1 "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"

	"github.com/polyphony-go/polyphony/topology"
)

func (g guarded) policies() clientv1.ValidatingAdmissionPolicyInterface {
	return g.client.AdmissionregistrationV1().ValidatingAdmissionPolicies()
}

func (g guarded) bindings() clientv1.ValidatingAdmissionPolicyBindingInterface {
	return g.client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
}

// objects returns all policies and bindings of Polyphony, by kind and name.
func (g guarded) objects(t *testing.T, tell func(metav1.ObjectMeta, any) any) map[string]string {
	t.Helper()
	all := map[string]string{}
	add := func(kind string, meta metav1.ObjectMeta, spec any) {
		data, err := json.Marshal(tell(meta, spec))
		require.NoError(t, err)
		all[kind+" "+meta.Name] = string(data)
	}
	policies, err := g.policies().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, p := range policies.Items {
		if p.Name == "polyphony-probe" { // its digest contains the versions of the others
			p.Spec.Validations[0].Message = ""
		}
		add("policy", p.ObjectMeta, p.Spec)
	}
	bindings, err := g.bindings().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, b := range bindings.Items {
		if b.Name == "polyphony-probe" {
			b.Spec.MatchResources.ObjectSelector = nil
		}
		add("binding", b.ObjectMeta, b.Spec)
	}
	return all
}

func contentsOf(meta metav1.ObjectMeta, spec any) any {
	return []any{meta.Labels, meta.Annotations, spec}
}

// versionsOf returns a text that changes with every write of the object, except of its status.
func versionsOf(meta metav1.ObjectMeta, _ any) any {
	return []any{meta.UID, meta.Generation, meta.Labels, meta.Annotations}
}

func (g guarded) patchPolicy(t *testing.T, name, patch string) {
	t.Helper()
	_, err := g.policies().Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
}

func (g guarded) patchBinding(t *testing.T, name, patch string) {
	t.Helper()
	_, err := g.bindings().Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
}

// guardrailDrifts are changes that an administrator may make to the rule services, with the field
// that names each in the report.
var guardrailDrifts = map[string]struct {
	path string
	do   func(t *testing.T, g guarded)
}{
	"binding only warns": {"binding.services.validationActions", func(t *testing.T, g guarded) {
		g.patchBinding(t, "polyphony-services", `{"spec":{"validationActions":["Warn"]}}`)
	}},
	"binding selects some namespaces only": {"binding.services.matchResources.namespaceSelector.matchLabels[team]", func(t *testing.T, g guarded) {
		g.patchBinding(t, "polyphony-services", `{"spec":{"matchResources":{"namespaceSelector":{"matchLabels":{"team":"a"}}}}}`)
	}},
	"binding refers to another policy": {"binding.services.policyName", func(t *testing.T, g guarded) {
		b, err := g.bindings().Get(t.Context(), "polyphony-services", metav1.GetOptions{})
		require.NoError(t, err)
		b.Spec.PolicyName = "polyphony-claims"
		_, err = g.bindings().Update(t.Context(), b, metav1.UpdateOptions{})
		require.NoError(t, err)
	}},
	"binding is gone": {"rules", func(t *testing.T, g guarded) {
		require.NoError(t, g.bindings().Delete(t.Context(), "polyphony-services", metav1.DeleteOptions{}))
	}},
	"policy is gone": {"rules", func(t *testing.T, g guarded) {
		require.NoError(t, g.policies().Delete(t.Context(), "polyphony-services", metav1.DeleteOptions{}))
	}},
	"policy fails open": {"policy.services.failurePolicy", func(t *testing.T, g guarded) {
		g.patchPolicy(t, "polyphony-services", `{"spec":{"failurePolicy":"Ignore"}}`)
	}},
	"policy has a condition that never holds": {"policy.services.matchConditions[1]", func(t *testing.T, g guarded) {
		g.editPolicy(t, func(s *admissionv1.ValidatingAdmissionPolicySpec) {
			s.MatchConditions = append(s.MatchConditions, admissionv1.MatchCondition{Name: "never", Expression: "false"})
		})
	}},
	"policy lacks a validation": {"policy.services.validations[2]", func(t *testing.T, g guarded) {
		g.editPolicy(t, func(s *admissionv1.ValidatingAdmissionPolicySpec) { s.Validations = s.Validations[1:] })
	}},
	"policy applies to creation only": {
		"policy.services.matchConstraints.resourceRules[0].operations",
		func(t *testing.T, g guarded) {
			g.editPolicy(t, func(s *admissionv1.ValidatingAdmissionPolicySpec) {
				s.MatchConstraints.ResourceRules[0].Operations = []admissionv1.OperationType{admissionv1.Create}
			})
		},
	},
}

func (g guarded) editPolicy(t *testing.T, edit func(*admissionv1.ValidatingAdmissionPolicySpec)) {
	t.Helper()
	p, err := g.policies().Get(t.Context(), "polyphony-services", metav1.GetOptions{})
	require.NoError(t, err)
	edit(&p.Spec)
	_, err = g.policies().Update(t.Context(), p, metav1.UpdateOptions{})
	require.NoError(t, err)
}

func testGuardrailDrift(t *testing.T, g guarded) {
	w := g.newTenant(t, "drift", topology.Allowances{})
	top := g.cluster(t)
	g.install(t)
	want := g.objects(t, contentsOf)
	for what, drift := range guardrailDrifts {
		t.Run(what, func(t *testing.T) {
			drift.do(t, g)
			have, err := top.Guardrails(t.Context())
			require.NoError(t, err)
			require.Equal(t, slices.DeleteFunc(topology.AllGuardrails(), func(r topology.Guardrail) bool { return r == topology.GuardrailServices }), have.Rules)
			plan, err := top.DryRun().EnsureGuardrails(t.Context(), every())
			require.NoError(t, err)
			change, err := top.EnsureGuardrails(t.Context(), every())
			require.NoError(t, err)
			require.Equal(t, plan, change)
			require.Equal(t, topology.Updated, change.Action)
			var paths []string
			for _, f := range change.Fields {
				paths = append(paths, f.Path)
			}
			require.Contains(t, paths, drift.path)
			require.Contains(t, paths, "rules")
			require.Equal(t, want, g.objects(t, contentsOf))
			g.await(t)
			w.refused(t, w.creates("", "services", externalIPs), topology.GuardrailServices)
		})
	}
	t.Run("the policy has an older version", func(t *testing.T) { // and is complete
		g.patchPolicy(t, "polyphony-services", `{"metadata":{"annotations":{"tenancy.polyphony.dev/guardrails-version":"0"}}}`)
		change, err := top.EnsureGuardrails(t.Context(), every())
		require.NoError(t, err)
		require.Equal(t, []topology.FieldChange{{Path: "policy.services.version", From: "0", To: "1"}}, change.Fields)
		require.Equal(t, want, g.objects(t, contentsOf))
	})
	t.Run("the rest of an unwanted rule is removed", func(t *testing.T) {
		require.NoError(t, g.policies().Delete(t.Context(), "polyphony-services", metav1.DeleteOptions{}))
		less := every()
		less.Rules = slices.DeleteFunc(less.Rules, func(r topology.Guardrail) bool { return r == topology.GuardrailServices })
		change, err := top.EnsureGuardrails(t.Context(), less)
		require.NoError(t, err)
		require.Equal(t, []topology.FieldChange{{Path: "remains[services]", From: "present"}}, change.Fields)
		require.Equal(t, topology.Updated, change.Action)
		require.NotContains(t, g.objects(t, contentsOf), "binding polyphony-services")
		g.await(t)
	})
}

func testNewerVersion(t *testing.T, g guarded) {
	top := g.cluster(t)
	g.install(t)
	g.patchPolicy(t, "polyphony-services", `{"metadata":{"annotations":{"tenancy.polyphony.dev/guardrails-version":"2"}},"spec":{"failurePolicy":"Ignore"}}`)
	before := g.objects(t, versionsOf)
	have, err := top.Guardrails(t.Context())
	require.NoError(t, err)
	require.Equal(t, topology.GuardrailSet{Version: 2, Rules: topology.AllGuardrails()}, have)
	_, err = top.EnsureGuardrails(t.Context(), every())
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "version 2 is installed")
	_, err = top.DeleteGuardrails(t.Context())
	require.ErrorIs(t, err, topology.ErrConflict)
	require.Equal(t, before, g.objects(t, versionsOf))
}

func testForeignGuardrails(t *testing.T, g guarded) {
	top := g.cluster(t)
	failing := admissionv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionv1.MatchResources{
			ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule: admissionv1.Rule{
					APIGroups:   []string{""},
					APIVersions: []string{"v1"},
					Resources:   []string{"services"},
				},
			}}},
		},
		Validations: []admissionv1.Validation{{Expression: "true"}},
	}
	for name, labels := range map[string]map[string]string{"polyphony-services": nil, "a-copy": {"tenancy.polyphony.dev/guardrail": "services"}} {
		_, err := g.policies().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: failing}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	before := g.objects(t, versionsOf)
	_, err := top.EnsureGuardrails(t.Context(), every())
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "polyphony-services")
	have, err := top.Guardrails(t.Context())
	require.NoError(t, err)
	require.NotContains(t, have.Rules, topology.GuardrailServices)
	_, err = top.DeleteGuardrails(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, g.objects(t, versionsOf), "no object changes")
}

// fewRules are two rules, so that an interrupted run has few writes.
func fewRules() topology.GuardrailSet {
	return topology.GuardrailSet{
		Version: topology.GuardrailsVersion,
		Rules:   []topology.Guardrail{topology.GuardrailClaims, topology.GuardrailServices},
	}
}

// cut calls do and ends its context at the nth write. It reports whether there were as many writes.
func (g guarded) cut(
	t *testing.T,
	writes int,
	after bool,
	do func(context.Context, topology.Guardrails) error,
) (reached bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &cutter{nth: writes, after: after, cut: cancel}
	err := do(ctx, g.cluster(t, c.wrap))
	if c.reached() && !after {
		require.ErrorIs(t, err, context.Canceled)
	}
	return c.reached()
}

func testInterruptedGuardrails(t *testing.T, g guarded) {
	w, top := g.newTenant(t, "interrupted", topology.Allowances{}), g.cluster(t)
	ensure := func(ctx context.Context, top topology.Guardrails) error {
		_, err := top.EnsureGuardrails(ctx, fewRules())
		return err
	}
	require.NoError(t, ensure(t.Context(), top))
	want := g.objects(t, contentsOf)
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprint("after the write: ", after), func(t *testing.T) {
			points := walk(t, func(t *testing.T, writes int) bool {
				g.remove(t)
				reached := g.cut(t, writes, after, ensure)
				require.NoError(t, ensure(t.Context(), top))
				require.Equal(t, want, g.objects(t, contentsOf))
				if after { // which takes long
					g.await(t)
					w.refused(t, w.creates("", "services", externalIPs), topology.GuardrailServices)
				}
				return reached
			})
			require.Equal(t, 6, points, "a policy and a binding for each of two rules and the probe")
		})
	}
}

func testInterruptedRemoval(t *testing.T, g guarded) {
	top := g.cluster(t)
	remove := func(ctx context.Context, top topology.Guardrails) error {
		_, err := top.DeleteGuardrails(ctx)
		return err
	}
	points := walk(t, func(t *testing.T, writes int) bool {
		_, err := top.EnsureGuardrails(t.Context(), fewRules())
		require.NoError(t, err)
		reached := g.cut(t, writes, true, remove)
		require.NoError(t, remove(t.Context(), top))
		require.Empty(t, g.objects(t, contentsOf))
		return reached
	})
	require.Equal(t, 6, points)
}

func testSecondGuardrails(t *testing.T, g guarded) {
	g.install(t)
	var seen recorder
	change, err := g.cluster(t, seen.wrap).EnsureGuardrails(t.Context(), every())
	require.NoError(t, err)
	require.Equal(t, topology.Change{Kind: "Guardrails", Name: "test", Action: topology.Unchanged}, change)
	all, writes := seen.take()
	require.Empty(t, writes)
	require.Len(t, all, 2, "the policies and the bindings")
}

func testTwoGuardrails(t *testing.T, g guarded) {
	errs := make(chan error)
	for range 2 {
		top := g.cluster(t)
		go func() {
			_, err := top.EnsureGuardrails(t.Context(), every())
			if err == nil {
				err = top.AwaitGuardrails(t.Context())
			}
			errs <- err
		}()
	}
	for range 2 {
		require.NoError(t, <-errs)
	}
	testSecondGuardrails(t, g)
}

// testManyViolations creates more objects than one page of a list has.
func testManyViolations(t *testing.T, g guarded) {
	const many = 1020
	w := g.newTenant(t, "many", topology.Allowances{})
	for i := range many {
		object := fmt.Sprintf(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"s-%04d"},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"]}]}`, i)
		outsider{g.client}.Put(t, w.namespace, "discovery.k8s.io", "endpointslices", object)
	}
	names := map[string]bool{}
	for _, v := range g.violations(t, w.namespace) {
		names[v.Name] = true
	}
	require.Len(t, names, many)
}
