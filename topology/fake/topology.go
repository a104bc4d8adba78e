package fake

import (
	"context"
	"net/netip"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Options describes the modelled infrastructure. The zero value is an empty cluster on the
// DefaultPlatform.
type Options struct {
	// Name is the name of the topology. Empty: "fake".
	Name string

	// Platform describes the surroundings of the tenants. Nil: that of [DefaultPlatform].
	Platform *topology.Platform
}

// DefaultPlatform returns an IPv4 platform whose pods and services have addresses in 10.244.0.0/16
// and 10.96.0.0/12. It has name servers in kube-system, and no storage classes.
func DefaultPlatform() topology.Platform {
	return topology.Platform{
		DNS: []topology.NetworkRule{{
			Peers: []topology.NetworkPeer{{
				NamespaceLabels: map[string]string{topology.LabelNamespaceName: "kube-system"},
				PodLabels:       map[string]string{"k8s-app": "kube-dns"},
			}},
			Ports: []topology.NetworkPort{
				{Protocol: netpolicy.UDP, Port: 53}, {Protocol: netpolicy.TCP, Port: 53},
			},
		}},
		OwnRanges: []netip.Prefix{
			netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("10.244.0.0/16"),
		},
		IPv4: true,
	}
}

// Topology is infrastructure in memory. Use [New]; the zero value does not work. Its methods may be
// called from several goroutines.
type Topology struct {
	name   string
	state  *state
	dry    bool
	faults *faults // nil: none
}

// New returns an empty infrastructure.
func New(opts Options) *Topology {
	if opts.Name == "" {
		opts.Name = "fake"
	}
	platform := DefaultPlatform()
	if opts.Platform != nil {
		platform = opts.Platform.Clone()
	}
	return &Topology{name: opts.Name, state: newState(platform)}
}

// DryRun returns a view of the infrastructure that writes nothing. Ensure and Delete return the
// change that they would make. A missing namespace counts as planned.
func (t *Topology) DryRun() *Topology {
	dry := *t
	dry.dry = true
	return &dry
}

// Name implements topology.Topology. It returns the name from the options.
func (t *Topology) Name() string { return t.name }

// Ready implements topology.Topology. A fake lacks no permission and enforces no network rules.
func (t *Topology) Ready(ctx context.Context) (topology.Readiness, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindReadiness, "")); err != nil {
		return topology.Readiness{}, err
	}
	return topology.Readiness{Version: "v0.0.0-fake", Distribution: "fake"}, nil
}

// Counts is the number of calls and writes of an infrastructure, through all its views.
type Counts struct {
	// Calls counts the calls of capabilities, including failed ones. The renewal of a lease does
	// not count.
	Calls int

	// Writes counts the values that were stored or removed. Leases are not counted.
	Writes int
}

// Counts returns the counts since [New].
func (t *Topology) Counts() Counts {
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	return t.state.counts
}

// begin counts a call. It returns an error if the context has ended or if a fault is due.
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

// end returns the error of a call that has taken effect, if a late fault is due.
func (t *Topology) end(c adapter.Call) error { return t.faults.after(c) }

// writeIn runs store, which changes a namespace or its contents, unless this is a dry run. The
// caller holds the lock of the state.
func (t *Topology) writeIn(name string, store func()) {
	t.write(func() { t.state.change(name, store) })
}

// write runs store, unless this is a dry run. The caller holds the lock of the state.
func (t *Topology) write(store func()) {
	if !t.dry {
		t.state.counts.Writes++
		store()
	}
}

// reportWait reports that the awaited condition does not hold yet.
func reportWait(ctx context.Context, c adapter.Call) {
	what := "be in force"
	if c.Kind == topology.KindNamespace {
		what = "be gone"
	}
	topology.ReportProgress(ctx, c.Waiting(what))
}
