package fake

import (
	"cmp"
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
	change := c.Created(want.Clone())
	switch {
	case want.Version != topology.GuardrailsVersion:
		return topology.Change{}, c.Fail(topology.ErrInvalid, fmt.Sprintf("this release knows version %d of the guardrails, not %d", topology.GuardrailsVersion, want.Version))
	case have != nil && have.Version > want.Version:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("version %d is installed, by a newer polyphony; this one knows version %d: use the newer one", have.Version, want.Version))
	case have != nil:
		change = c.Updated(have.Clone(), want.Clone(), adapter.Diff(*have, want))
	}
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
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("version %d is installed, by a newer polyphony; use that one", have.Version))
	case have != nil:
		change = c.Deleted(have.Clone())
		t.write(func() { t.state.guardrails = nil })
	}
	return change, t.end(c)
}

// AwaitGuardrails implements topology.Guardrails. Here rules are in force as soon as they are stored.
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

// Violations implements topology.Guardrails, over the objects that an Outsider has put there.
func (t *Topology) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	c := adapter.Read(topology.KindViolations, t.name)
	if err := t.begin(ctx, c); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var all []topology.Violation
	for name, ns := range t.state.namespaces {
		if !ns.value.Managed {
			continue
		}
		for key, object := range ns.objects {
			findings, err := guardrail.Existing(guardrail.Write{Rules: rules, Allowed: ns.value.Allowed, Resource: key.resource, Object: object})
			if err != nil {
				return nil, c.Fail(topology.ErrInvalid, err.Error())
			}
			for _, f := range findings {
				all = append(all, topology.Violation{Rule: f.Rule, Namespace: name, Kind: kindOf(object), Name: key.name, Message: f.Message})
			}
		}
	}
	slices.SortFunc(all, func(a, b topology.Violation) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

func kindOf(object json.RawMessage) string {
	var typed struct {
		Kind string `json:"kind"`
	}
	_ = json.Unmarshal(object, &typed) // it was when it was put there
	return typed.Kind
}

// objectKey is where an object of a namespace is.
type objectKey struct{ group, resource, name string }

// platformUsers are components of a cluster that are no service accounts.
var platformUsers = []string{"system:apiserver", "system:cloud-controller-manager", "system:kube-controller-manager", "system:kube-scheduler"}

// guard holds a write against the installed guardrails, which are for tenants.
func (s *state) guard(q rbac.Question, ns *namespace, object, old json.RawMessage) (topology.Verdict, error) {
	if s.guardrails == nil || !ns.value.Managed {
		return topology.Verdict{Allowed: true}, nil
	}
	findings, err := guardrail.Check(guardrail.Write{
		Rules: s.guardrails.Rules, Allowed: ns.value.Allowed, Resource: q.Resource, Subresource: q.Subresource, Object: object, Old: old,
		Platform: slices.Contains(platformUsers, q.User) || slices.Contains(q.Groups, "system:serviceaccounts:kube-system"),
		Bypasses: func(rule topology.Guardrail) bool {
			return s.authorize(rbac.Question{
				User: q.User, Groups: q.Groups, Verb: "bypass", APIGroup: strings.TrimSuffix(topology.Prefix, "/"), Resource: "guardrails", Name: string(rule),
			}).Allowed
		},
	})
	if err != nil || len(findings) == 0 {
		return topology.Verdict{Allowed: err == nil}, err
	}
	return topology.Verdict{By: topology.FenceGuardrails, Rule: findings[0].Rule, Reason: findings[0].Message}, nil
}

// manifest is the namespace as an object, with what fences it in.
func (n *namespace) manifest() json.RawMessage {
	labels := n.labels()
	if n.value.Managed {
		labels["pod-security.kubernetes.io/enforce"] = cmp.Or(string(n.value.PodSecurity), "privileged")
	}
	data, _ := json.Marshal(map[string]any{ // strings always marshal
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": n.value.Name, "labels": labels, "annotations": n.value.Annotations},
		"spec":     map[string]any{"finalizers": []string{"kubernetes"}},
	})
	return data
}
