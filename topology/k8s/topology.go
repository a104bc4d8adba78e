package k8s

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/discovery"
	"github.com/polyphony-go/polyphony/internal/kube/dryrun"
	"github.com/polyphony-go/polyphony/internal/kube/limiter"
	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Options holds the facts that the adapter cannot discover. The zero value fits a cluster whose
// tenants need neither ingress controllers nor monitoring.
type Options struct {
	// Name is the name of the topology in reports. Empty: the host of the API server.
	Name string

	// OwnRanges are addresses of pods and nodes, which never count as the internet. The adapter
	// discovers the ranges of services, the pod ranges and addresses of nodes, and the addresses of
	// the API server, and adds them. If nodes have public addresses, set their range: the rules
	// then stay the same when nodes are added or removed.
	OwnRanges []netip.Prefix

	// DNS are the egress rules that reach the name servers. Empty: discovered (kube-dns or CoreDNS
	// in kube-system, NodeLocal DNSCache, OpenShift's).
	DNS []topology.NetworkRule

	// IngressControllers are the peers from which ingress controllers connect. Each has a range of
	// addresses or labels of namespaces; labels of pods alone are refused, because tenants choose
	// them. Empty: OpenShift's own on OpenShift, and none elsewhere. A Score that admits ingress
	// controllers is refused if there are none.
	IngressControllers []topology.NetworkPeer

	// Monitoring are the peers that scrape metrics. The rules are those of IngressControllers.
	Monitoring []topology.NetworkPeer

	// LeaseNamespace is the namespace of leases. It must exist, and no tenant may write there.
	// Empty: "kube-system".
	LeaseNamespace string

	// MaxInFlight is the number of requests at a time. The adapter sends fewer while the server is
	// overloaded. 0: 64, about the capacity of one connection to an API server.
	MaxInFlight int

	// MaxTries is the number of attempts of a call that fails for a temporary reason. 0: 8, with
	// pauses of about six seconds in all, or longer ones if the server asks for them. Each request
	// of an attempt may take rest.Config.Timeout, by default 30 seconds. A server that accepts
	// connections and does not answer therefore holds a call for minutes, not seconds.
	MaxTries int
}

const (
	defaultLeaseNamespace = "kube-system"
	defaultMaxInFlight    = 64
	defaultMaxTries       = 8
)

// Topology is a Kubernetes cluster. [New] returns one.
type Topology struct {
	name  string
	opts  Options
	retry retry.Policy

	server   kube.Clients // sends every request
	reads    kube.Clients // as server, or from the snapshot
	clients  kube.Clients // as reads; on a dry run, writes do nothing
	snapshot *snapshot    // nil: there is none
	platform *platformCache
	dry      bool
}

// New returns the topology of the cluster that cfg leads to. It sends no request.
//
// Client-side throttling is off unless cfg sets a rate (QPS) or a RateLimiter: the API server
// protects itself by priority and fairness. A request times out after cfg.Timeout, or 30 seconds.
//
// Requests log nothing. client-go logs through klog, by default to standard error, but its errors
// say the same, so the adapter gives each request a logger that drops all lines. Warnings of the
// API server reach cfg.WarningHandler if it is set, and are dropped otherwise. The adapter changes
// no setting of klog: what client-go logs outside of requests, such as that it cannot load a
// renewed client certificate, goes where the program sends it.
func New(cfg *rest.Config, opts Options) (*Topology, error) {
	if cfg == nil {
		return nil, errors.New("k8s: New needs a *rest.Config; k8s.io/client-go/tools/clientcmd makes one from a kubeconfig")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	clients, err := kube.New(cfg, func(next http.RoundTripper, timeout time.Duration) http.RoundTripper {
		return limiter.New(next, opts.MaxInFlight, timeout)
	})
	if err != nil {
		return nil, fmt.Errorf("k8s: %w", err)
	}
	name := opts.Name
	if name == "" {
		name = clients.Server.Host()
	}
	return &Topology{
		name: name, opts: opts,
		retry:  retry.Policy{MaxTries: opts.MaxTries, Starting: clients.Server.Starting},
		server: clients, reads: clients, clients: clients,
		platform: newPlatformCache(),
	}, nil
}

func (o Options) validate() error {
	if o.MaxInFlight < 0 || o.MaxTries < 0 {
		return fmt.Errorf("k8s: Options.MaxInFlight (%d) and Options.MaxTries (%d) must not be negative", o.MaxInFlight, o.MaxTries)
	}
	for _, prefix := range o.OwnRanges {
		if !prefix.IsValid() {
			return errors.New("k8s: Options.OwnRanges has an invalid range")
		}
	}
	for _, place := range slices.Concat(o.IngressControllers, o.Monitoring) {
		if place.CIDR == "" && (place.EveryNamespace || len(place.NamespaceLabels) == 0) {
			return errors.New("k8s: Options.IngressControllers and Options.Monitoring need labels of namespaces or a " +
				"range of addresses; tenants choose the labels of pods")
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.LeaseNamespace == "" {
		o.LeaseNamespace = defaultLeaseNamespace
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = defaultMaxInFlight
	}
	if o.MaxTries == 0 {
		o.MaxTries = defaultMaxTries
	}
	return o
}

// DryRun returns a view of the cluster that writes nothing. Ensure and Delete return the change
// that they would make now. A missing namespace counts as planned. Waits return at once.
func (t *Topology) DryRun() *Topology {
	dry := *t
	dry.dry = true
	dry.clients = dryrun.Clients(dry.reads)
	return &dry
}

// Name returns Options.Name, or the host of the API server.
func (t *Topology) Name() string { return t.name }

// Ready implements topology.Topology. It asks the cluster for every permission whether the caller
// has it.
func (t *Topology) Ready(ctx context.Context) (topology.Readiness, error) {
	c := adapter.Read(topology.KindReadiness, "")
	ready, err := t.readReadiness(ctx, c)
	if err != nil {
		return topology.Readiness{}, err
	}
	ready.Missing, err = t.findMissing(ctx, c)
	return ready, err
}

// readReadiness reads the description of the cluster, without the missing permissions.
func (t *Topology) readReadiness(ctx context.Context, c adapter.Call) (topology.Readiness, error) {
	var ready topology.Readiness
	err := t.retry.Do(ctx, c, func(ctx context.Context) (err error) {
		ready, err = discovery.Readiness(ctx, t.clients.Server)
		return err
	})
	return ready, err
}
