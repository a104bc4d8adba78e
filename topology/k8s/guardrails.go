package k8s

import (
	"context"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/polyphony-go/polyphony/internal/guardrail/policy"
	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Guardrails implements topology.Guardrails. A guardrail is a ValidatingAdmissionPolicy and its
// binding.
func (t *Topology) Guardrails(ctx context.Context) (topology.GuardrailSet, error) {
	c := adapter.Read(topology.KindGuardrails, t.name)
	have, err := t.readInstalled(ctx, c)
	if err != nil {
		return topology.GuardrailSet{}, err
	}
	set := have.Set()
	if len(set.Rules) == 0 {
		return topology.GuardrailSet{}, c.Fail(topology.ErrNotFound, "")
	}
	return set, nil
}

// readInstalled reads the policies and bindings of Polyphony.
func (t *Topology) readInstalled(ctx context.Context, c adapter.Call) (policy.Installed, error) {
	var have policy.Installed
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		policies, err := kube.All(ctx, t.clients.Policies, "", policy.LabelRule)
		if apierrors.IsNotFound(err) {
			return c.Fail(topology.ErrUnsupported,
				"the cluster has no ValidatingAdmissionPolicies; guardrails need Kubernetes 1.30 or newer")
		}
		if err != nil {
			return err
		}
		bindings, err := kube.All(ctx, t.clients.PolicyBindings, "", policy.LabelRule)
		if err != nil {
			return err
		}
		have = policy.NewInstalled(policies, bindings)
		return nil
	})
	return have, err
}

// EnsureGuardrails implements topology.Guardrails. It writes the probe last, so that the others are
// in force once the probe is.
func (t *Topology) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	if len(want.Rules) == 0 {
		return t.DeleteGuardrails(ctx)
	}
	c := adapter.Ensure(topology.KindGuardrails, t.name)
	have, err := t.readInstalled(ctx, c)
	if err != nil {
		return topology.Change{}, err
	}
	before := have.Set()
	if err := checkVersion(c, before.Version, want.Version); err != nil {
		return topology.Change{}, err
	}
	fields, err := t.writeGuardrails(ctx, c, have, before.Rules, want.Rules)
	if err != nil {
		return topology.Change{}, err
	}
	change := c.Updated(before, want.Clone(), append(adapter.Diff(before, want), fields...))
	if len(have.Rules()) == 0 {
		change = c.Created(want.Clone())
	}
	if change.Action == topology.Updated {
		change.Inexact = have.Altered()
	}
	if change.Action != topology.Unchanged {
		if have, err = t.readInstalled(ctx, c); err != nil {
			return topology.Change{}, err
		}
	}
	return change, t.ensureProbe(ctx, c, have)
}

// checkVersion refuses versions of the guardrails that this release does not know.
func checkVersion(c adapter.Call, installed, want int) error {
	switch {
	case want != topology.GuardrailsVersion:
		return c.Fail(topology.ErrInvalid, fmt.Sprintf(
			"this release knows version %d of the guardrails, not %d", topology.GuardrailsVersion, want))
	case installed > want:
		return c.Fail(topology.ErrConflict, fmt.Sprintf(
			"version %d is installed, by a newer release; this release knows version %d: use the newer one",
			installed,
			want,
		))
	}
	return nil
}

// writeGuardrails completes the wanted rules and removes the others. It returns what differed in
// objects of rules, and the incomplete rules of which something was removed.
func (t *Topology) writeGuardrails(
	ctx context.Context, c adapter.Call, have policy.Installed, whole, want []topology.Guardrail,
) ([]topology.FieldChange, error) {
	var fields []topology.FieldChange
	for _, rule := range want {
		different, err := t.ensureGuardrail(ctx, c, have, rule)
		if err != nil {
			return nil, err
		}
		fields = append(fields, different...)
	}
	for _, rule := range have.Rules() {
		if slices.Contains(want, rule) || rule == policy.Probe {
			continue
		}
		if err := t.removeGuardrail(ctx, c, have, rule); err != nil {
			return nil, err
		}
		if !slices.Contains(whole, rule) {
			fields = append(fields, topology.FieldChange{Path: "remains[" + string(rule) + "]", From: "present"})
		}
	}
	return fields, nil
}

// ensureGuardrail completes a rule, and returns what differed in its objects.
func (t *Topology) ensureGuardrail(
	ctx context.Context, c adapter.Call, have policy.Installed, rule topology.Guardrail,
) ([]topology.FieldChange, error) {
	p, b := policy.Render(rule)
	first, err := t.policyTarget(c, p).Ensure(ctx, have.Policy(rule))
	if err != nil {
		return nil, err
	}
	second, err := t.bindingOfPolicyTarget(c, b).Ensure(ctx, have.Binding(rule))
	return append(first.Fields, second.Fields...), err
}

// ensureProbe makes the probe carry the digest of the objects that it was written after.
func (t *Topology) ensureProbe(ctx context.Context, c adapter.Call, have policy.Installed) error {
	p, b := policy.RenderProbe(have.Digest())
	if _, err := t.bindingOfPolicyTarget(c, b).Ensure(ctx, have.Binding(policy.Probe)); err != nil {
		return err
	}
	_, err := t.policyTarget(c, p).Ensure(ctx, have.Policy(policy.Probe))
	return err
}

func (t *Topology) policyTarget(c adapter.Call, want *policy.Policy) apply.Target[*policy.Policy] {
	spec := func(p *policy.Policy) *admissionv1.ValidatingAdmissionPolicySpec { return &p.Spec }
	target := guardrailTarget(c, "policy", want, spec)
	target.Retry, target.Client = t.retry, t.clients.Policies
	return target
}

func (t *Topology) bindingOfPolicyTarget(c adapter.Call, want *policy.Binding) apply.Target[*policy.Binding] {
	spec := func(b *policy.Binding) *admissionv1.ValidatingAdmissionPolicyBindingSpec { return &b.Spec }
	target := guardrailTarget(c, "binding", want, spec)
	target.Retry, target.Client = t.retry, t.clients.PolicyBindings
	return target
}

// guardrailTarget returns the target of one of the two objects of a rule, without its client.
func guardrailTarget[T interface {
	comparable
	kube.Object
}, S any](c adapter.Call, kind string, want T, spec func(T) *S) apply.Target[T] {
	return apply.Target[T]{
		Call: c, Want: want,
		Owned: func(have T) bool { return have.GetLabels()[policy.LabelRule] == want.GetLabels()[policy.LabelRule] },
		Merge: func(have T) T {
			to, _ := have.DeepCopyObject().(T) // a copy has the same type
			*spec(to) = *spec(want)
			policy.CopyVersion(to, want)
			return to
		},
		Fields: func(have, to T) []topology.FieldChange {
			fields := append(adapter.Diff(*spec(have), *spec(to)), policy.VersionFields(have, to)...)
			return apply.Prefixed(kind+"."+policy.RuleName(have)+".", fields)
		},
	}
}

// removeGuardrail removes the objects of a rule, complete or not.
func (t *Topology) removeGuardrail(
	ctx context.Context, c adapter.Call, have policy.Installed, rule topology.Guardrail,
) error {
	if b := have.Binding(rule); b != nil {
		if err := removeGuardrailObject(ctx, t, c, t.clients.PolicyBindings, b.Name); err != nil {
			return err
		}
	}
	if p := have.Policy(rule); p != nil {
		return removeGuardrailObject(ctx, t, c, t.clients.Policies, p.Name)
	}
	return nil
}

func removeGuardrailObject[T kube.Object](
	ctx context.Context, t *Topology, c adapter.Call, client kube.Client[T], name string,
) error {
	return t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := client.Get(ctx, "", name)
		if apierrors.IsNotFound(err) || err == nil && have.GetLabels()[policy.LabelRule] == "" {
			return nil
		}
		if err != nil {
			return err
		}
		return apply.IgnoreHeld(apply.IgnoreNotFound(client.Delete(ctx, have)))
	})
}

// DeleteGuardrails implements topology.Guardrails.
func (t *Topology) DeleteGuardrails(ctx context.Context) (topology.Change, error) {
	c := adapter.Delete(topology.KindGuardrails, t.name)
	change := c.Unchanged()
	have, err := t.readInstalled(ctx, c)
	if err != nil {
		return topology.Change{}, err
	}
	before := have.Set()
	if before.Version > topology.GuardrailsVersion {
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf(
			"version %d is installed, by a newer release; use that release", before.Version))
	}
	for _, rule := range have.Rules() {
		if err := t.removeGuardrail(ctx, c, have, rule); err != nil {
			return topology.Change{}, err
		}
		change = c.Deleted(before)
	}
	return change, nil
}

// othersWait is how long to wait if a foreign policy refuses the probed namespace, so that the
// answer proves nothing. API servers look for changes of policies every second.
const othersWait = 5 * time.Second

// AwaitGuardrails implements topology.Guardrails. It asks one API server; the others of the cluster
// apply the policies at about the same time.
func (t *Topology) AwaitGuardrails(ctx context.Context) error {
	c := adapter.Await(topology.KindGuardrails, t.name)
	if t.dry {
		return nil
	}
	began := time.Now()
	err := t.retry.Wait(ctx, c, "be in force", nil, func(ctx context.Context) (bool, error) {
		have, err := t.readInstalled(ctx, c)
		if err != nil {
			return false, err
		}
		if len(have.Set().Rules) == 0 {
			return false, c.Fail(topology.ErrNotFound, "there are no guardrails to wait for; ensure them first")
		}
		digest := have.Digest()
		err = t.clients.Server.TryNamespace(ctx, policy.ProbedNamespace(digest))
		if err == nil {
			return false, nil
		}
		probe, current := policy.Refusal(err.Error(), digest)
		switch {
		case apierrors.IsForbidden(err) && probe:
			return current, nil
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
			return time.Since(began) > othersWait, nil // another policy always answers first
		}
		return false, err
	})
	if err != nil && ctx.Err() != nil {
		return c.Wrap(topology.ErrTimeout,
			"the API server does not apply them yet; if another writer has changed them since, ensure them again", ctx.Err())
	}
	return err
}
