// Package fake is a topology that lives in memory: a real implementation of every capability, for unit tests, dry programs and demos. It
// passes the same conformance suite as a Kubernetes cluster does. What the real one does by itself (a quota coming into force, a
// namespace going away) happens here at once, unless an [Outsider] holds it up.
package fake

import (
	"context"
	"encoding/json"
	"net/netip"
	"sync"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Options describes the infrastructure to pretend. The zero value is a small cluster with name servers, and nothing else.
type Options struct {
	Name string // unset: "fake"

	// Platform is what surrounds the tenants. Unset: see [DefaultPlatform].
	Platform *topology.Platform
}

// DefaultPlatform is an IPv4 cluster whose pods and services have the addresses 10.244.0.0/16 and 10.96.0.0/12, with name servers in
// kube-system and no storage classes.
func DefaultPlatform() topology.Platform {
	return topology.Platform{
		DNS: []topology.NetworkRule{{
			Peers: []topology.NetworkPeer{{
				NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"},
				PodLabels:       map[string]string{"k8s-app": "kube-dns"},
			}},
			Ports: []topology.NetworkPort{{Protocol: netpolicy.UDP, Port: 53}, {Protocol: netpolicy.TCP, Port: 53}},
		}},
		OwnRanges: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("10.244.0.0/16")},
		IPv4:      true,
	}
}

// Topology is infrastructure in memory. Use New.
type Topology struct {
	name   string
	state  *state
	dry    bool
	faults *faults
}

// state is what the infrastructure holds. Everything in it is owned: cloned on the way in and out.
type state struct {
	mu         sync.Mutex
	platform   topology.Platform
	namespaces map[string]*namespace
	readers    map[string]topology.ClusterReaders
	guardrails *topology.GuardrailSet // nil: none
	index      index
	leases     map[string]leaseRecord
	counts     Counts
}

// namespace is one namespace and what is in it.
type namespace struct {
	value         topology.Namespace // of it, what Polyphony manages
	foreignLabels map[string]string
	held          string // who keeps it from going once it is deleted
	quota         slot[topology.Quota]
	limitRange    slot[topology.LimitRange]
	network       slot[topology.NetworkRules]
	access        slot[topology.Access]
	objects       map[objectKey]json.RawMessage // of others, as manifests
	grants        []topology.Grant              // of others
	policies      []netpolicy.Policy            // of others
}

// slot is the place of one value. It may be taken by somebody else's object.
type slot[V interface{ Clone() V }] struct {
	value   *V
	foreign bool
}

// New makes an empty infrastructure.
func New(opts Options) *Topology {
	if opts.Name == "" {
		opts.Name = "fake"
	}
	platform := DefaultPlatform()
	if opts.Platform != nil {
		platform = opts.Platform.Clone()
	}
	return &Topology{name: opts.Name, state: &state{
		platform: platform, namespaces: map[string]*namespace{}, readers: map[string]topology.ClusterReaders{}, index: index{lookup{}, lookup{}, lookup{}}, leases: map[string]leaseRecord{},
	}}
}

// DryRun returns the same infrastructure, seen by somebody who does not write: every Ensure and Delete says what it would do, and does
// not do it. Each is planned against the infrastructure as it is, save that a missing namespace is taken as planned.
func (t *Topology) DryRun() *Topology {
	dry := *t
	dry.dry = true
	return &dry
}

// Name returns the name given in the options.
func (t *Topology) Name() string { return t.name }

// Ready reports a fake, which lacks nothing and enforces no network rules.
func (t *Topology) Ready(ctx context.Context) (topology.Readiness, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindReadiness, "")); err != nil {
		return topology.Readiness{}, err
	}
	return topology.Readiness{Version: "v0.0.0-fake", Distribution: "fake"}, nil
}

// Platform returns the platform given in the options.
func (t *Topology) Platform(ctx context.Context) (topology.Platform, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindPlatform, "")); err != nil {
		return topology.Platform{}, err
	}
	return t.state.platform.Clone(), nil
}

// Counts is how often an infrastructure was asked and changed, by everybody who shares it. Leases are no change, and their renewals are not counted.
type Counts struct {
	Calls  int // of a capability's method
	Writes int // what was stored or removed
}

// Counts returns the counts so far.
func (t *Topology) Counts() Counts {
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	return t.state.counts
}

// reportWait reports that what is awaited has not come yet.
func reportWait(ctx context.Context, c adapter.Call) {
	what := "be in force"
	if c.Kind == topology.KindNamespace {
		what = "be gone"
	}
	topology.ReportProgress(ctx, c.Waiting(what))
}

// begin counts a call, and lets it fail if its time is over or a fault is due.
func (t *Topology) begin(ctx context.Context, c adapter.Call) error {
	t.state.mu.Lock()
	t.state.counts.Calls++
	t.state.mu.Unlock()
	if err := t.faults.before(ctx, c); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return c.Wrap(nil, "", err)
	}
	return nil
}

// end lets a call fail that has taken effect, if such a fault is due.
func (t *Topology) end(c adapter.Call) error { return t.faults.after(c) }

// writeIn stores with do what is in a namespace, unless this is a dry run. The state is locked.
func (t *Topology) writeIn(name string, do func()) {
	t.write(func() { t.state.change(name, do) })
}

// write stores with do, unless this is a dry run. The state is locked.
func (t *Topology) write(do func()) {
	if !t.dry {
		t.state.counts.Writes++
		do()
	}
}
