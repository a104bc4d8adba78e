package fake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/internal/lease"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Outsider changes an infrastructure as another client would: an administrator, a GitOps tool or a
// program of a tenant. It is for tests: its methods panic if the namespace does not exist.
type Outsider struct{ state *state }

// Outsider returns an outsider for the infrastructure of t.
func (t *Topology) Outsider() Outsider { return Outsider{t.state} }

// change runs do with an existing namespace.
func (o Outsider) change(name string, do func(*namespace)) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.change(name, func() { do(o.state.namespaces[name]) })
}

// CreateNamespace creates a namespace that Polyphony does not manage. Reads return the owner as
// Namespace.Owner; it may be empty.
func (o Outsider) CreateNamespace(name, owner string) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.namespaces[name] = &namespace{value: topology.Namespace{Name: name, Owner: owner}}
}

// LabelNamespace sets a label. A label that marks a domain of the namespace has the same effect as
// if Polyphony had written it.
func (o Outsider) LabelNamespace(name, key, value string) {
	o.change(name, func(n *namespace) {
		if domain, ok := strings.CutPrefix(key, adapter.LabelDomain); ok && value == adapter.DomainHeld {
			domains := slices.Concat(n.value.Allowed.Domains, []string{domain})
			n.value.Allowed.Domains = slices.Compact(slices.Sorted(slices.Values(domains)))
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

// SetPodSecurity changes the pod security level of a namespace. "" removes it.
func (o Outsider) SetPodSecurity(name string, level topology.PodSecurity) {
	o.change(name, func(n *namespace) { n.value.PodSecurity = level })
}

// Occupy puts an object that Polyphony does not manage where Polyphony would put its own. The kind
// is KindQuota, KindLimitRange, KindNetworkRules or KindAccess; Occupy panics for any other.
func (o Outsider) Occupy(name string, kind topology.Kind) {
	o.change(name, func(n *namespace) { *n.foreign(kind) = true })
}

// Occupied reports whether the object of [Outsider.Occupy] still exists.
func (o Outsider) Occupied(name string, kind topology.Kind) (occupied bool) {
	o.change(name, func(n *namespace) { occupied = *n.foreign(kind) })
	return occupied
}

// foreign points to the mark of a slot that is occupied.
func (n *namespace) foreign(kind topology.Kind) *bool {
	switch kind {
	case topology.KindQuota:
		return &n.quota.foreign
	case topology.KindLimitRange:
		return &n.limitRange.foreign
	case topology.KindNetworkRules:
		return &n.network.foreign
	case topology.KindAccess:
		return &n.access.foreign
	default:
		panic("fake: the kind " + string(kind) + " cannot be occupied")
	}
}

// ClaimVolume creates a persistent volume claim.
func (o Outsider) ClaimVolume(name string, volume topology.Volume) {
	manifest, _ := json.Marshal(map[string]any{ // strings always marshal
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": map[string]any{"name": volume.Name, "namespace": name},
		"spec": map[string]any{
			"storageClassName": volume.StorageClass, "volumeName": volume.BoundTo,
			"resources": map[string]any{"requests": map[string]any{"storage": volume.Size.String()}},
		},
	})
	o.Put(name, "", "persistentvolumeclaims", volume.Name, manifest)
}

// Hold keeps a namespace from disappearing when it is deleted. Errors name the holder, such as "the
// finalizer example.com/hold"; it must not be empty.
func (o Outsider) Hold(name, holder string) {
	o.change(name, func(n *namespace) { n.held = holder })
}

// Release ends [Outsider.Hold].
func (o Outsider) Release(name string) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.namespaces[name].held = ""
	o.state.finalize(name)
}

// HoldLease takes a lease from its holder, if it has one, and does not renew it.
func (o Outsider) HoldLease(name, holder string, duration time.Duration) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	now := time.Now()
	record := lease.Record{Holder: holder, Duration: duration, Acquired: now, Renewed: now}
	o.state.leases[name] = leaseRecord{record, o.state.leases[name].version + 1}
}

// Put stores an object in a namespace without any check. Group is the API group of the resource, ""
// for the core group; resource is its plural name, such as "pods"; manifest is the object as JSON.
func (o Outsider) Put(namespaceName, group, resource, name string, manifest json.RawMessage) {
	o.change(namespaceName, func(n *namespace) {
		if complete, err := o.state.withDefaults(n, group, resource, manifest); err == nil {
			manifest = complete // otherwise it is no object, and is stored unchanged
		}
		if n.objects == nil {
			n.objects = map[objectKey]json.RawMessage{}
		}
		n.objects[objectKey{group, resource, name}] = slices.Clone(manifest)
	})
}

// SetGuardrailsVersion changes the version of the installed guardrails, as another release would.
// It panics if none are installed.
func (o Outsider) SetGuardrailsVersion(version int) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	o.state.guardrails.Version = version
}

// Grant adds a grant that Polyphony does not manage to a namespace.
func (o Outsider) Grant(name string, g topology.Grant) {
	o.change(name, func(n *namespace) { n.grants = append(n.grants, g.Clone()) })
}

// AddNetworkPolicy adds a policy to the namespace that it names. Polyphony does not manage the
// policy, even if it is a copy of one that is managed.
func (o Outsider) AddNetworkPolicy(p netpolicy.Policy) {
	p = p.Clone()
	p.Managed = false
	o.change(p.Namespace, func(n *namespace) { n.policies = append(n.policies, p) })
}
