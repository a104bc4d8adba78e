package fake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Outsider is somebody else who works on the same infrastructure, behind Polyphony's back: an administrator, a GitOps tool, a tenant's program.
// What it names must exist; it panics otherwise, since it is for tests.
type Outsider struct{ state *state }

// Outsider returns somebody who works behind the back of t.
func (t *Topology) Outsider() Outsider { return Outsider{t.state} }

func (o Outsider) change(name string, do func(*namespace)) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.change(name, func() { do(o.state.namespaces[name]) })
}

// CreateNamespace makes a namespace that owner manages.
func (o Outsider) CreateNamespace(name, owner string) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.namespaces[name] = &namespace{value: topology.Namespace{Name: name, Owner: owner}}
}

// LabelNamespace sets a label that Polyphony does not manage, or one that says that the namespace has a domain, which is then in
// force as if Polyphony had written it.
func (o Outsider) LabelNamespace(name, key, value string) {
	o.change(name, func(n *namespace) {
		if domain, ok := strings.CutPrefix(key, adapter.LabelDomain); ok && value == adapter.DomainHeld {
			n.value.Allowed.Domains = slices.Compact(slices.Sorted(slices.Values(append(n.value.Allowed.Domains, domain))))
			return
		}
		if n.foreignLabels == nil {
			n.foreignLabels = map[string]string{}
		}
		n.foreignLabels[key] = value
	})
}

// NamespaceLabels returns the labels that Polyphony does not manage.
func (o Outsider) NamespaceLabels(name string) (labels map[string]string) {
	o.change(name, func(n *namespace) { labels = maps.Clone(n.foreignLabels) })
	return labels
}

// SetPodSecurity changes the level that is in force; "" removes it.
func (o Outsider) SetPodSecurity(name string, level topology.PodSecurity) {
	o.change(name, func(n *namespace) { n.value.PodSecurity = level })
}

// Occupy puts somebody else's object where Polyphony would put its own. The kind is "Quota", "LimitRange", "NetworkRules" or "Access".
func (o Outsider) Occupy(name string, kind topology.Kind) {
	o.change(name, func(n *namespace) { *n.foreign(kind) = true })
}

// Occupied tells whether somebody else's object is in Polyphony's place.
func (o Outsider) Occupied(name string, kind topology.Kind) (occupied bool) {
	o.change(name, func(n *namespace) { occupied = *n.foreign(kind) })
	return occupied
}

func (n *namespace) foreign(kind topology.Kind) *bool {
	switch kind {
	case quotas.name:
		return &n.quota.foreign
	case limitRanges.name:
		return &n.limitRange.foreign
	case networks.name:
		return &n.network.foreign
	case accesses.name:
		return &n.access.foreign
	default:
		panic("fake: nothing of kind " + string(kind) + " can be occupied")
	}
}

// ClaimVolume makes a persistent volume claim.
func (o Outsider) ClaimVolume(name string, volume topology.Volume) {
	spec := map[string]any{
		"storageClassName": volume.StorageClass, "volumeName": volume.BoundTo,
		"resources": map[string]any{"requests": map[string]any{"storage": volume.Size.String()}},
	}
	manifest, _ := json.Marshal(map[string]any{ // strings always marshal
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": volume.Name, "namespace": name}, "spec": spec,
	})
	o.Put(name, "", "persistentvolumeclaims", volume.Name, manifest)
}

// Hold keeps a namespace from going when it is deleted; by says who does, such as a finalizer's name.
func (o Outsider) Hold(name, by string) {
	o.change(name, func(n *namespace) { n.held = by })
}

// Release ends a Hold.
func (o Outsider) Release(name string) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.namespaces[name].held = ""
	o.state.collect(name)
}

// Put stores an object, as a manifest, whatever stands in its way. The group is the API group of the resource, "" for the core group.
func (o Outsider) Put(in, group, resource, name string, manifest json.RawMessage) {
	o.change(in, func(n *namespace) {
		if filled, err := o.state.defaulted(n, group, resource, manifest); err == nil { // what is no object stays as it is
			manifest = filled
		}
		if n.objects == nil {
			n.objects = map[objectKey]json.RawMessage{}
		}
		n.objects[objectKey{group, resource, name}] = slices.Clone(manifest)
	})
}

// SetGuardrailsVersion makes the guardrails that are installed those of another release. There must be some.
func (o Outsider) SetGuardrailsVersion(version int) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.guardrails.Version = version
}

// Grant gives rights in a namespace.
func (o Outsider) Grant(in string, g topology.Grant) {
	o.change(in, func(n *namespace) { n.grants = append(n.grants, g.Clone()) })
}

// AddNetworkPolicy adds one that is not Polyphony's, in the namespace that it names.
func (o Outsider) AddNetworkPolicy(p netpolicy.Policy) {
	o.change(p.Namespace, func(n *namespace) { n.policies = append(n.policies, p.Clone()) })
}
