package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/guardrail"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Guardrails implements topology.Guardrails.
func (t *Topology) Guardrails(ctx context.Context) (topology.GuardrailSet, error) {
	c := adapter.Read(topology.KindGuardrails, t.name)
	if err := t.begin(ctx, c); err != nil {
		return topology.GuardrailSet{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	if t.state.guardrails == nil {
		return topology.GuardrailSet{}, c.Fail(topology.ErrNotFound, "")
	}
	return t.state.guardrails.Clone(), nil
}

// EnsureGuardrails implements topology.Guardrails.
func (t *Topology) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	if len(want.Rules) == 0 {
		return t.DeleteGuardrails(ctx)
	}
	c := adapter.Ensure(topology.KindGuardrails, t.name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	have := t.state.guardrails
	switch {
	case want.Version != topology.GuardrailsVersion:
		return topology.Change{}, c.Fail(topology.ErrInvalid, fmt.Sprintf(
			"this release knows version %d of the guardrails, not %d", topology.GuardrailsVersion, want.Version))
	case have != nil && have.Version > want.Version:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf(
			"a newer release of polyphony has installed version %d, and this one knows version %d; use the newer one",
			have.Version, want.Version))
	}
	change := changeTo(c, have, want)
	if change.Action != topology.Unchanged {
		t.write(func() { t.state.guardrails = new(want.Clone()) })
	}
	return change, t.end(c)
}

// DeleteGuardrails implements topology.Guardrails.
func (t *Topology) DeleteGuardrails(ctx context.Context) (topology.Change, error) {
	c := adapter.Delete(topology.KindGuardrails, t.name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := c.Unchanged()
	have := t.state.guardrails
	switch {
	case have != nil && have.Version > topology.GuardrailsVersion:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf(
			"a newer release of polyphony has installed version %d; use that release", have.Version))
	case have != nil:
		change = c.Deleted(have.Clone())
		t.write(func() { t.state.guardrails = nil })
	}
	return change, t.end(c)
}

// AwaitGuardrails implements topology.Guardrails. In the fake, rules are in force as soon as they
// are stored.
func (t *Topology) AwaitGuardrails(ctx context.Context) error {
	c := adapter.Await(topology.KindGuardrails, t.name)
	if err := t.begin(ctx, c); err != nil {
		return err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	if t.state.guardrails == nil && !t.dry {
		return c.Fail(topology.ErrNotFound, "there are no guardrails to wait for; ensure them first")
	}
	return nil
}

// Violations implements topology.Guardrails. It checks the objects of [Outsider.Put].
func (t *Topology) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	c := adapter.Read(topology.KindViolations, t.name)
	if err := t.begin(ctx, c); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var all []topology.Violation
	for _, ns := range t.state.namespaces {
		if !ns.value.Managed {
			continue
		}
		found, err := ns.violations(rules)
		if err != nil {
			return nil, c.Invalid(err)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b topology.Violation) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

// violations returns the objects of a namespace that the rules would refuse, in no order.
func (n *namespace) violations(rules []topology.Guardrail) ([]topology.Violation, error) {
	var all []topology.Violation
	for key, object := range n.objects {
		findings, err := guardrail.Existing(guardrail.Write{
			Rules: rules, Allowed: n.value.Allowed, Resource: key.resource, Object: object,
		})
		if err != nil {
			return nil, err
		}
		for _, f := range findings {
			all = append(all, topology.Violation{
				Rule: f.Rule, Namespace: n.value.Name, Kind: objectKind(object), Name: key.name, Message: f.Message,
			})
		}
	}
	return all, nil
}

// objectKind returns the kind of an object, such as "Service".
func objectKind(object json.RawMessage) string {
	var typed struct {
		Kind string `json:"kind"`
	}
	_ = json.Unmarshal(object, &typed) // the guardrails have read it before
	return typed.Kind
}

// platformUsers are the components of a cluster that are not service accounts.
var platformUsers = []string{
	"system:apiserver", "system:cloud-controller-manager",
	"system:kube-controller-manager", "system:kube-scheduler",
}

// checkGuardrails returns the verdict of the installed guardrails on a write into a tenant's
// namespace.
func (s *state) checkGuardrails(
	q rbac.Question, ns *namespace, object, old json.RawMessage,
) (topology.Verdict, error) {
	if s.guardrails == nil || !ns.value.Managed {
		return topology.Verdict{Allowed: true}, nil
	}
	fromPlatform := slices.Contains(platformUsers, q.User) ||
		slices.Contains(q.Groups, "system:serviceaccounts:kube-system")
	findings, err := guardrail.Check(guardrail.Write{
		Rules: s.guardrails.Rules, Allowed: ns.value.Allowed,
		Resource: q.Resource, Subresource: q.Subresource, Object: object, Old: old,
		Platform: fromPlatform,
		Bypasses: func(rule topology.Guardrail) bool { return s.mayBypass(q, rule) },
	})
	if err != nil || len(findings) == 0 {
		return topology.Verdict{Allowed: err == nil}, err
	}
	first := findings[0]
	return topology.Verdict{By: topology.FenceGuardrails, Rule: first.Rule, Reason: first.Message}, nil
}

// mayBypass reports whether the principal of a question has the right to bypass a rule.
func (s *state) mayBypass(q rbac.Question, rule topology.Guardrail) bool {
	return s.authorize(rbac.Question{
		User: q.User, Groups: q.Groups, Verb: "bypass",
		APIGroup: strings.TrimSuffix(topology.Prefix, "/"), Resource: "guardrails", Name: string(rule),
	}).Allowed
}
