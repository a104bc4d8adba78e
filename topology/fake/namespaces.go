package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// enforceLabel is the label from which Kubernetes takes the pod security level of a namespace.
const enforceLabel = adapter.LabelPodSecurity + "enforce"

// systemNamespaces exist in every cluster. The fake does not store them.
var systemNamespaces = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// Namespace implements topology.Namespaces.
func (t *Topology) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	c := adapter.Read(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Namespace{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	if ns == nil {
		return topology.Namespace{}, c.Fail(topology.ErrNotFound, "")
	}
	return ns.value.Clone(), nil
}

// EnsureNamespace implements topology.Namespaces.
func (t *Topology) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	c := adapter.Ensure(topology.KindNamespace, want.Name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	have, stored := t.state.namespaces[want.Name], want.Clone()
	stored.Managed, stored.Owner, stored.Terminating = true, "", false
	stored.Adopt, stored.InheritGrants = false, false
	if have == nil {
		if holders := t.state.grantsTo(want.Name); len(holders) > 0 && !want.InheritGrants {
			return topology.Change{}, c.Fail(topology.ErrConflict,
				"does not exist, but service accounts of its name hold rights that the new namespace would inherit: "+
					strings.Join(holders, ", ")+"; withdraw them, or set tenantConfig.inheritGrants if they are intended")
		}
		t.writeIn(want.Name, func() { t.state.namespaces[want.Name] = &namespace{value: stored} })
		return c.Created(stored.Clone()), t.end(c)
	}
	if err := have.refuses(c, want); err != nil {
		return topology.Change{}, err
	}
	stored.Roster = cmp.Or(want.Roster, have.value.Roster)
	fields := adapter.Diff(have.value, stored)
	if !have.value.Managed {
		path := "metadata.labels[" + topology.LabelTenant + "]"
		fields = append(fields, topology.FieldChange{Path: path, To: want.Name})
	}
	if len(fields) == 0 {
		return c.Unchanged(), t.end(c)
	}
	change := c.Updated(have.value.Clone(), stored.Clone(), fields)
	t.writeIn(want.Name, func() { have.value = stored })
	return change, t.end(c)
}

// refuses returns why an existing namespace cannot become want, or nil.
func (n *namespace) refuses(c adapter.Call, want topology.Namespace) error {
	switch have := n.value; {
	case have.Terminating:
		return c.Fail(topology.ErrTerminating, "is being deleted; run again once it is gone")
	case !have.Managed && !want.Adopt:
		return c.Fail(topology.ErrConflict, fmt.Sprintf(
			"exists and is not managed by polyphony, its owner is %q; set tenantConfig.adopt to take it over", have.Owner))
	case want.Roster != "" && have.Roster != "" && have.Roster != want.Roster:
		return c.Fail(topology.ErrConflict, fmt.Sprintf(
			"belongs to the roster %q; remove it from that roster first", have.Roster))
	default:
		return nil
	}
}

// grantsTo names the roles that service accounts of a namespace hold in other namespaces, sorted.
func (s *state) grantsTo(namespace string) []string {
	var found []string
	for name := range s.index.accounts[namespace] {
		for _, g := range s.namespaces[name].allGrants() {
			for _, subject := range g.Subjects {
				if account, _ := subject.Account(); account == namespace {
					found = append(found, "the role "+g.Role+" in "+name+" ("+subject.Name+")")
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// DeleteNamespace implements topology.Namespaces. The namespace is gone at once, unless an Outsider
// holds it.
func (t *Topology) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	c := adapter.Delete(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	switch {
	case ns == nil || ns.value.Terminating && ns.value.Managed:
		return c.Unchanged(), t.end(c)
	case !ns.value.Managed:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf(
			"is not managed by polyphony, its owner is %q; remove it there", ns.value.Owner))
	case ns.value.Protected:
		return topology.Change{}, c.Fail(topology.ErrProtected,
			"has deletion protection; run its TenantScore without tenantConfig.deletionProtection first")
	}
	change := c.Deleted(ns.value.Clone())
	t.write(func() {
		ns.value.Terminating = true
		t.state.finalize(name)
	})
	return change, t.end(c)
}

// finalize removes a namespace that is being deleted, unless something holds it.
func (s *state) finalize(name string) {
	if ns := s.namespaces[name]; ns != nil && ns.value.Terminating && ns.held == "" {
		s.change(name, func() { delete(s.namespaces, name) })
	}
}

// AwaitNamespaceGone implements topology.Namespaces.
func (t *Topology) AwaitNamespaceGone(ctx context.Context, name string) error {
	c := adapter.Await(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		t.state.mu.Lock()
		ns, holder := t.state.namespaces[name], ""
		if ns != nil {
			holder = cmp.Or(ns.held, "nothing: it was not deleted")
		}
		t.state.mu.Unlock()
		if ns == nil || t.dry {
			return nil
		}
		if n == 1 {
			reportWait(ctx, c)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c.Wrap(topology.ErrTimeout, "is still there, held by "+holder, ctx.Err())
		}
	}
}

// labels returns the labels that selectors of namespaces see. As in Kubernetes, that includes those
// of the namespace's name and pod security level, and the marks of its domains.
func (n *namespace) labels() map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, n.foreignLabels)
	maps.Copy(labels, n.value.Labels)
	if n.value.PodSecurity != "" {
		maps.Copy(labels, adapter.PodSecurityLabels(n.value.PodSecurity))
	}
	maps.Copy(labels, adapter.DomainLabels(n.value.Allowed.Domains))
	if n.value.Managed {
		labels[topology.LabelTenant] = n.value.Name
		if n.value.Roster != "" {
			labels[topology.LabelRoster] = n.value.Roster
		}
	}
	labels[topology.LabelNamespaceName] = n.value.Name // last: no other label can replace it
	return labels
}

// manifest returns the namespace as an object.
func (n *namespace) manifest() json.RawMessage {
	labels := n.labels()
	if n.value.Managed {
		labels[enforceLabel] = cmp.Or(string(n.value.PodSecurity), "privileged")
	}
	data, _ := json.Marshal(map[string]any{ // strings always marshal
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{
			"name": n.value.Name, "labels": labels, "annotations": n.value.Annotations,
		},
		"spec": map[string]any{"finalizers": []string{"kubernetes"}},
	})
	return data
}
