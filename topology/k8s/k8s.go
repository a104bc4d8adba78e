// Package k8s is the topology of a Kubernetes cluster.
//
// A tenant is a namespace; what fences it in are the cluster's own ResourceQuota, LimitRange, NetworkPolicy, Role and RoleBinding,
// one object of each (two for each role that has members), and pod security labels. Objects in a tenant's namespace are called "polyphony"
// or "polyphony-<role>", and carry the label tenancy.polyphony.dev/tenant, which is the mark of ownership.
//
// What is compared is always the whole specification in force with the whole one that is wanted, never who last wrote a field: a foreign writer who
// opens our own policy leaves no trace in ours. A difference is repaired by replacing the specification, at the version that was read;
// labels and annotations of others are kept. Transient failures (429, 5xx, lost connections, conflicts, and refusals by
// an API server that is not ready) are tried again with growing pauses, each time from the reading on.
package k8s

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/topology"
)

// Options says what cannot be found out from the cluster. The zero value is fine for one that needs neither ingress controllers nor monitoring.
type Options struct {
	Name string // in reports; unset: the API server's host

	// OwnRanges are addresses of pods and nodes, which are never "the internet". Found out are the ranges of services, the pod ranges and addresses
	// of nodes, and the API server's. Where nodes have public addresses, give the range that they come from: it takes their place in the rules,
	// which then stay the same as nodes come and go.
	OwnRanges []netip.Prefix

	// DNS are egress rules that reach the name servers. Unset: found out (kube-dns or CoreDNS in kube-system, NodeLocal DNSCache, OpenShift's).
	DNS []topology.NetworkRule

	// IngressControllers and Monitoring are where those run. Unset: OpenShift's own on OpenShift, elsewhere unknown, so that a Score that lets
	// them in is refused.
	IngressControllers []topology.NetworkPeer
	Monitoring         []topology.NetworkPeer

	// LeaseNamespace is where leases are kept. It has to exist, and no tenant may write there. Unset: "kube-system".
	LeaseNamespace string

	MaxInFlight int // requests at a time, fewer while the server asks for it; unset: 64, about what one connection to an API server carries
	MaxTries    int // of a request that fails for a while; unset: 8, about six seconds, or as long as the server asks for
}

// What Options mean where they are unset.
const (
	defaultLeaseNamespace = "kube-system"

	defaultMaxInFlight = 64
	defaultMaxTries    = 8
	defaultTimeout     = 30 * time.Second // of one request, if rest.Config has none
)

// Topology is a Kubernetes cluster. Use New.
type Topology struct {
	name     string
	opts     Options
	clients  *clients
	platform *platformMemory
	dry      bool
}

// New returns the topology of the cluster that cfg leads to. It sends no request. Client-side throttling is off unless cfg sets a
// rate (QPS) or a RateLimiter itself; the API server's own priority and fairness is what protects it.
func New(cfg *rest.Config, opts Options) (*Topology, error) {
	if cfg == nil {
		return nil, fmt.Errorf("k8s: a *rest.Config is needed; k8s.io/client-go/tools/clientcmd makes one of a kubeconfig")
	}
	if opts.MaxInFlight < 0 || opts.MaxTries < 0 {
		return nil, fmt.Errorf("k8s: Options.MaxInFlight (%d) and Options.MaxTries (%d) must not be negative", opts.MaxInFlight, opts.MaxTries)
	}
	for _, prefix := range opts.OwnRanges {
		if !prefix.IsValid() {
			return nil, fmt.Errorf("k8s: Options.OwnRanges has an invalid range")
		}
	}
	for _, place := range slices.Concat(opts.IngressControllers, opts.Monitoring) {
		if place.CIDR == "" && (place.EveryNamespace || len(place.NamespaceLabels) == 0) {
			return nil, fmt.Errorf("k8s: Options.IngressControllers and Options.Monitoring need namespace labels or a range of addresses; labels of pods are what tenants choose")
		}
	}
	if opts.LeaseNamespace == "" {
		opts.LeaseNamespace = defaultLeaseNamespace
	}
	if opts.MaxInFlight == 0 {
		opts.MaxInFlight = defaultMaxInFlight
	}
	if opts.MaxTries == 0 {
		opts.MaxTries = defaultMaxTries
	}
	clients, err := newClients(cfg, opts.MaxInFlight)
	if err != nil {
		return nil, fmt.Errorf("k8s: %w", err)
	}
	name := opts.Name
	if name == "" {
		name = clients.host
	}
	return &Topology{name: name, opts: opts, clients: clients, platform: &platformMemory{turn: make(chan struct{}, 1)}}, nil
}

// DryRun returns the same cluster, seen by somebody who does not write: every Ensure and Delete says what it would do, from what is
// there now, and does not do it. A missing namespace is taken as planned.
func (t *Topology) DryRun() *Topology {
	dry := *t
	dry.dry = true
	return &dry
}

// Name returns Options.Name, or the API server's host.
func (t *Topology) Name() string { return t.name }
