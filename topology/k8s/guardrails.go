package k8s

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Guardrails are ValidatingAdmissionPolicies, one for each rule, and a binding of the same name. The API server evaluates them itself, for every
// namespace that has the tenant label; what a tenant is allowed they read from the namespace. They fail closed.
const (
	guardrailPrefix           = "polyphony-" // of the names of policies, and the rule's name
	labelGuardrail            = topology.Prefix + "guardrail"
	annotationGuardrailsMajor = topology.Prefix + "guardrails-version"
)

// guardrailFiles are the specifications of the policies, by rule.
//
//go:embed guardrails/*.yaml
var guardrailFiles embed.FS

type (
	policy  = admissionv1.ValidatingAdmissionPolicy
	binding = admissionv1.ValidatingAdmissionPolicyBinding
)

// guardrailSpecs are the files as they are written, read once: what is installed is held against them whenever it is read.
var guardrailSpecs = sync.OnceValue(func() map[topology.Guardrail]*admissionv1.ValidatingAdmissionPolicySpec {
	specs := map[topology.Guardrail]*admissionv1.ValidatingAdmissionPolicySpec{}
	for _, rule := range append(topology.AllGuardrails(), probe) {
		data, err := guardrailFiles.ReadFile("guardrails/" + string(rule) + ".yaml")
		if err != nil {
			panic(err) // a rule without a file: a test renders them all
		}
		specs[rule] = &admissionv1.ValidatingAdmissionPolicySpec{}
		if err := yaml.UnmarshalStrict(data, specs[rule]); err != nil {
			panic(fmt.Errorf("guardrails/%s.yaml: %w", rule, err))
		}
	}
	return specs
})

// renderGuardrail makes the policy of a rule and its binding, every default explicit.
func renderGuardrail(rule topology.Guardrail) (*policy, *binding) {
	meta := metav1.ObjectMeta{
		Name:        guardrailPrefix + string(rule),
		Labels:      map[string]string{labelGuardrail: string(rule)},
		Annotations: map[string]string{annotationGuardrailsMajor: strconv.Itoa(topology.GuardrailsVersion)},
	}
	p := &policy{ObjectMeta: meta, Spec: *guardrailSpecs()[rule].DeepCopy()}
	everything := &metav1.LabelSelector{}
	p.Spec.FailurePolicy = new(admissionv1.Fail)
	p.Spec.MatchConstraints.MatchPolicy = new(admissionv1.Equivalent)
	p.Spec.MatchConstraints.NamespaceSelector, p.Spec.MatchConstraints.ObjectSelector = everything, everything
	b := &binding{ObjectMeta: *meta.DeepCopy(), Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: meta.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}}
	if !slices.Contains(clusterGuardrails, rule) {
		b.Spec.MatchResources = &admissionv1.MatchResources{
			MatchPolicy: new(admissionv1.Equivalent), ObjectSelector: everything,
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: topology.LabelTenant, Operator: metav1.LabelSelectorOpExists,
			}}},
		}
	}
	return p, b
}

// clusterGuardrails are about namespaces themselves, which have no namespace to select.
var clusterGuardrails = []topology.Guardrail{topology.GuardrailNamespaces, probe}

// installed is what there is of guardrails in the cluster, whole or not.
type installed struct {
	policies map[topology.Guardrail]*policy
	bindings map[topology.Guardrail]*binding
}

func (t *Topology) installed(ctx context.Context, c adapter.Call) (installed, error) {
	have := installed{policies: map[topology.Guardrail]*policy{}, bindings: map[topology.Guardrail]*binding{}}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		policies, err := t.clients.policies().List(ctx, labelGuardrail)
		if apierrors.IsNotFound(err) {
			return c.Fail(topology.ErrUnsupported, "the cluster has no ValidatingAdmissionPolicies; guardrails need Kubernetes 1.30 or newer")
		}
		if err != nil {
			return err
		}
		bindings, err := t.clients.policyBindings().List(ctx, labelGuardrail)
		if err != nil {
			return err
		}
		for i := range policies.Items {
			if rule, ok := ruleOf(&policies.Items[i]); ok {
				have.policies[rule] = &policies.Items[i]
			}
		}
		for i := range bindings.Items {
			if rule, ok := ruleOf(&bindings.Items[i]); ok {
				have.bindings[rule] = &bindings.Items[i]
			}
		}
		return nil
	})
	return have, err
}

// ruleOf is the rule that an object is of. A copy that somebody has made under another name is theirs.
func ruleOf(object metav1.Object) (rule topology.Guardrail, ours bool) {
	name := object.GetLabels()[labelGuardrail]
	return topology.Guardrail(name), object.GetName() == guardrailPrefix+name
}

// rules are those of which there is anything, the probe among them.
func (i installed) rules() []topology.Guardrail {
	rules := slices.AppendSeq(slices.Collect(maps.Keys(i.policies)), maps.Keys(i.bindings))
	slices.Sort(rules)
	return slices.Compact(rules)
}

// set is what is whole. Of another version it cannot be told, so that what is there counts.
func (i installed) set() topology.GuardrailSet {
	var set topology.GuardrailSet
	for _, p := range i.policies {
		set.Version = max(set.Version, guardrailVersion(p))
	}
	for rule, p := range i.policies {
		b := i.bindings[rule]
		if b == nil || rule == probe || p.DeletionTimestamp != nil || b.DeletionTimestamp != nil {
			continue
		}
		if set.Version == topology.GuardrailsVersion && !whole(rule, p, b) {
			continue
		}
		set.Rules = append(set.Rules, rule)
	}
	slices.Sort(set.Rules)
	return set
}

func whole(rule topology.Guardrail, p *policy, b *binding) bool {
	if !slices.Contains(topology.AllGuardrails(), rule) {
		return true
	}
	wantPolicy, wantBinding := renderGuardrail(rule)
	return len(adapter.Diff(p.Spec, wantPolicy.Spec)) == 0 && len(adapter.Diff(b.Spec, wantBinding.Spec)) == 0
}

func guardrailVersion(object metav1.Object) int {
	version, _ := strconv.Atoi(object.GetAnnotations()[annotationGuardrailsMajor]) // what is not a number is older than every version
	return version
}

// Guardrails implements topology.Guardrails.
func (t *Topology) Guardrails(ctx context.Context) (topology.GuardrailSet, error) {
	c := adapter.Read(topology.KindGuardrails, t.name)
	have, err := t.installed(ctx, c)
	if err != nil {
		return topology.GuardrailSet{}, err
	}
	set := have.set()
	if len(set.Rules) == 0 {
		return topology.GuardrailSet{}, c.Fail(topology.ErrNotFound, "")
	}
	return set, nil
}

// EnsureGuardrails implements topology.Guardrails. The probe comes last, so that whoever sees it in force sees the others in force.
func (t *Topology) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	if len(want.Rules) == 0 {
		return t.DeleteGuardrails(ctx)
	}
	c := adapter.Ensure(topology.KindGuardrails, t.name)
	change := c.Unchanged()
	have, err := t.installed(ctx, c)
	if err != nil {
		return topology.Change{}, err
	}
	before := have.set()
	switch {
	case want.Version != topology.GuardrailsVersion:
		return topology.Change{}, c.Fail(topology.ErrInvalid, fmt.Sprintf("this release knows version %d of the guardrails, not %d", topology.GuardrailsVersion, want.Version))
	case before.Version > want.Version:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("version %d is installed, by a newer polyphony; this one knows version %d: use the newer one", before.Version, want.Version))
	}
	for _, rule := range want.Rules {
		fields, err := t.keepGuardrail(ctx, c, have, rule)
		if err != nil {
			return topology.Change{}, err
		}
		change.Fields = append(change.Fields, fields...)
	}
	for _, rule := range have.rules() {
		if slices.Contains(want.Rules, rule) || rule == probe {
			continue
		}
		if err := t.dropGuardrail(ctx, c, have, rule); err != nil {
			return topology.Change{}, err
		}
		if !slices.Contains(before.Rules, rule) { // what was not whole has counted as none
			change.Fields = append(change.Fields, topology.FieldChange{Path: "remains[" + string(rule) + "]", From: "present"})
		}
	}
	change.Fields = append(adapter.Diff(before, want), change.Fields...)
	switch {
	case len(have.rules()) == 0:
		change = c.Created(want.Clone())
	case len(change.Fields) > 0:
		change = c.Updated(before, want.Clone(), change.Fields)
	}
	if change.Action != topology.Unchanged && !t.dry {
		if have, err = t.installed(ctx, c); err != nil {
			return topology.Change{}, err
		}
	}
	return change, t.keepProbe(ctx, c, have)
}

// keepGuardrail makes a rule whole, and names what was different in what there was of it.
func (t *Topology) keepGuardrail(ctx context.Context, c adapter.Call, have installed, rule topology.Guardrail) ([]topology.FieldChange, error) {
	p, b := renderGuardrail(rule)
	first, err := t.policyKeeper(c, p).ensure(ctx, t, startOf(have.policies[rule]))
	if err != nil {
		return nil, err
	}
	second, err := t.bindingKeeper(c, b).ensure(ctx, t, startOf(have.bindings[rule]))
	return append(first.Fields, second.Fields...), err
}

func startOf[T any](object *T) **T {
	if object == nil {
		return nil
	}
	return &object
}

func (t *Topology) policyKeeper(c adapter.Call, want *policy) keeper[*policy] {
	return guardrailKeeper(c, "policy", t.clients.policies(), want, func(p *policy) *admissionv1.ValidatingAdmissionPolicySpec { return &p.Spec })
}

func (t *Topology) bindingKeeper(c adapter.Call, want *binding) keeper[*binding] {
	return guardrailKeeper(c, "binding", t.clients.policyBindings(), want, func(b *binding) *admissionv1.ValidatingAdmissionPolicyBindingSpec { return &b.Spec })
}

// guardrailKeeper keeps one of the two objects of a rule.
func guardrailKeeper[T apiObject, S any](c adapter.Call, kind string, objects client[T], want T, spec func(T) *S) keeper[T] {
	return keeper[T]{
		call: c, client: objects, want: want,
		owned: func(have T) bool { return have.GetLabels()[labelGuardrail] == want.GetLabels()[labelGuardrail] },
		merge: func(have T) T {
			to, _ := have.DeepCopyObject().(T) // a copy is of the same type
			*spec(to) = *spec(want)
			setVersion(to, want)
			return to
		},
		fields: func(have, to T) []topology.FieldChange {
			return guardrailFields(kind, have, to, adapter.Diff(*spec(have), *spec(to)))
		},
	}
}

// guardrailFields names what differs in an object of a rule.
func guardrailFields(kind string, have, to metav1.Object, spec []topology.FieldChange) []topology.FieldChange {
	before, after := have.GetAnnotations()[annotationGuardrailsMajor], to.GetAnnotations()[annotationGuardrailsMajor]
	if before != after {
		spec = append(spec, topology.FieldChange{Path: "version", From: before, To: after})
	}
	return prefixed(kind+"."+strings.TrimPrefix(have.GetName(), guardrailPrefix)+".", spec)
}

func setVersion(to, want metav1.Object) {
	annotations := to.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationGuardrailsMajor] = want.GetAnnotations()[annotationGuardrailsMajor]
	to.SetAnnotations(annotations)
}

// dropGuardrail removes what there is of a rule.
func (t *Topology) dropGuardrail(ctx context.Context, c adapter.Call, have installed, rule topology.Guardrail) error {
	if b := have.bindings[rule]; b != nil {
		if err := dropObject(ctx, t, c, client[*binding](t.clients.policyBindings()), b.Name); err != nil {
			return err
		}
	}
	if p := have.policies[rule]; p != nil {
		return dropObject(ctx, t, c, client[*policy](t.clients.policies()), p.Name)
	}
	return nil
}

func dropObject[T apiObject](ctx context.Context, t *Topology, c adapter.Call, objects client[T], name string) error {
	return t.retry(ctx, c, func(ctx context.Context) error {
		have, err := objects.Get(ctx, name)
		if apierrors.IsNotFound(err) || err == nil && have.GetLabels()[labelGuardrail] == "" {
			return nil
		}
		if err != nil {
			return err
		}
		return deleteRead(ctx, t, objects, have)
	})
}

// DeleteGuardrails implements topology.Guardrails.
func (t *Topology) DeleteGuardrails(ctx context.Context) (topology.Change, error) {
	c := adapter.Delete(topology.KindGuardrails, t.name)
	change := c.Unchanged()
	have, err := t.installed(ctx, c)
	if err != nil {
		return topology.Change{}, err
	}
	if version := have.set().Version; version > topology.GuardrailsVersion {
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("version %d is installed, by a newer polyphony; use that one", version))
	}
	for _, rule := range have.rules() {
		if err := t.dropGuardrail(ctx, c, have, rule); err != nil {
			return topology.Change{}, err
		}
		change = c.Deleted(have.set())
	}
	return change, nil
}
