package k8s

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// platformAge is how long what was found out about the cluster is taken for true.
const platformAge = time.Minute

// platformMemory holds what was found out. One caller at a time finds out, so that many tenants at once ask once.
type platformMemory struct {
	turn     chan struct{} // holds one while somebody finds out
	read     time.Time
	platform topology.Platform
}

const (
	labelNamespaceName = corev1.LabelMetadataName
	systemNamespace    = metav1.NamespaceSystem
	openShiftGroup     = "config.openshift.io"
	pageSize           = 1000
)

// Platform implements topology.Platforms. What it says is at most a minute old.
func (t *Topology) Platform(ctx context.Context) (topology.Platform, error) {
	c := adapter.Read(topology.KindPlatform, "")
	select {
	case t.platform.turn <- struct{}{}:
		defer func() { <-t.platform.turn }()
	case <-ctx.Done():
		return topology.Platform{}, c.Stopped(ctx)
	}
	if ctx.Err() != nil {
		return topology.Platform{}, c.Stopped(ctx)
	}
	if age := time.Since(t.platform.read); !t.platform.read.IsZero() && age < platformAge {
		return t.platform.platform.Clone(), nil
	}
	var p topology.Platform
	err := t.retry(ctx, c, func(ctx context.Context) (err error) {
		p, err = t.explore(ctx)
		return err
	})
	if err != nil {
		return topology.Platform{}, err
	}
	t.platform.read, t.platform.platform = time.Now(), p
	return p.Clone(), nil
}

// explore finds out what the cluster is.
func (t *Topology) explore(ctx context.Context) (topology.Platform, error) {
	p := topology.Platform{OwnRanges: slices.Clone(t.opts.OwnRanges), DNS: t.opts.DNS, IngressControllers: t.opts.IngressControllers, Monitoring: t.opts.Monitoring}
	groups, err := t.apiGroups(ctx)
	if err != nil {
		return p, err
	}
	if groups.Has(openShiftGroup) {
		p.IngressControllers = orElse(p.IngressControllers, policyGroup("ingress"))
		p.Monitoring = orElse(p.Monitoring, policyGroup("monitoring"))
		p.DNS = orElse(p.DNS, openShiftDNS())
	}
	for _, explore := range []func(context.Context, *topology.Platform) error{t.exploreDNS, t.exploreAPIServer, t.exploreRanges, t.exploreNodes, t.exploreStorage, t.explorePriority} {
		if err := explore(ctx, &p); err != nil {
			return p, err
		}
	}
	return p, nil
}

func orElse[V any](given, otherwise []V) []V {
	if len(given) > 0 {
		return given
	}
	return otherwise
}

// policyGroup is how OpenShift marks the namespaces of its own ingress controllers and monitoring.
func policyGroup(group string) []topology.NetworkPeer {
	return []topology.NetworkPeer{{NamespaceLabels: map[string]string{"network.openshift.io/policy-group": group}}}
}

// openShiftDNS is in a namespace of its own, and its pods listen on 5353: rules are about the port of the pod, not of the service.
func openShiftDNS() []topology.NetworkRule {
	return []topology.NetworkRule{{
		Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{labelNamespaceName: "openshift-dns"}}},
		Ports: dnsPorts(5353),
	}}
}

func dnsPorts(ports ...int32) []topology.NetworkPort {
	var all []topology.NetworkPort
	for _, port := range ports {
		all = append(all, topology.NetworkPort{Protocol: netpolicy.UDP, Port: port}, topology.NetworkPort{Protocol: netpolicy.TCP, Port: port})
	}
	return all
}

// exploreDNS finds the name servers behind the service that carries the customary label, and NodeLocal DNSCache, which
// answers on an address of the node itself.
func (t *Topology) exploreDNS(ctx context.Context, p *topology.Platform) error {
	if len(p.DNS) > 0 {
		return nil
	}
	peer := topology.NetworkPeer{NamespaceLabels: map[string]string{labelNamespaceName: systemNamespace}, PodLabels: map[string]string{"k8s-app": "kube-dns"}}
	ports := sets.New[int32](53)
	services, err := t.clients.services(systemNamespace).List(ctx, "k8s-app=kube-dns")
	if err != nil {
		return err
	}
	for _, service := range services.Items {
		if len(service.Spec.Selector) == 0 {
			continue
		}
		peer.PodLabels = service.Spec.Selector
		for _, port := range service.Spec.Ports {
			if port.Port == 53 && port.TargetPort.IntVal != 0 {
				ports.Insert(port.TargetPort.IntVal)
			}
		}
	}
	rule := topology.NetworkRule{Peers: []topology.NetworkPeer{peer}, Ports: dnsPorts(sets.List(ports)...)}
	p.DNS = []topology.NetworkRule{rule}
	local, err := t.nodeLocalDNS(ctx)
	if err == nil && len(local) > 0 {
		p.DNS = append(p.DNS, topology.NetworkRule{Peers: local, Ports: dnsPorts(53)})
	}
	return err
}

// nodeLocalDNS are the addresses that NodeLocal DNSCache is told to listen on by its argument -localip.
func (t *Topology) nodeLocalDNS(ctx context.Context) ([]topology.NetworkPeer, error) {
	set, err := t.clients.daemonSets(systemNamespace).Get(ctx, "node-local-dns")
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var peers []topology.NetworkPeer
	for _, container := range set.Spec.Template.Spec.Containers {
		for _, address := range localIPs(append(container.Command, container.Args...)) {
			peers = append(peers, single(address))
		}
	}
	return peers, nil
}

func localIPs(args []string) []netip.Addr {
	var addresses []netip.Addr
	for i, arg := range args {
		value, ok := strings.CutPrefix(strings.TrimLeft(arg, "-"), "localip")
		switch {
		case !ok:
			continue
		case value == "" && i+1 < len(args):
			value = args[i+1]
		}
		for text := range strings.SplitSeq(strings.TrimPrefix(value, "="), ",") {
			if address, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

func single(address netip.Addr) topology.NetworkPeer {
	return topology.NetworkPeer{CIDR: netip.PrefixFrom(address, address.BitLen()).String()}
}

// exploreAPIServer finds the addresses behind the service "kubernetes".
func (t *Topology) exploreAPIServer(ctx context.Context, p *topology.Platform) error {
	slices, err := t.clients.endpointSlices(metav1.NamespaceDefault).List(ctx, discoveryv1.LabelServiceName+"=kubernetes")
	if err != nil {
		return err
	}
	for _, slice := range slices.Items {
		var rule topology.NetworkRule
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil {
					rule.Peers = append(rule.Peers, single(address))
					addAddress(p, text)
				}
			}
		}
		for _, port := range slice.Ports {
			if port.Port != nil {
				rule.Ports = append(rule.Ports, topology.NetworkPort{Protocol: netpolicy.TCP, Port: *port.Port})
			}
		}
		if len(rule.Peers) > 0 && len(rule.Ports) > 0 { // a rule without either would be about everybody
			p.APIServer = append(p.APIServer, rule)
		}
	}
	return nil
}

// exploreRanges finds the ranges of services, which also tell the address families. Clusters older than 1.33 do not serve them.
func (t *Topology) exploreRanges(ctx context.Context, p *topology.Platform) error {
	cidrs, err := t.clients.serviceCIDRs().List(ctx, "")
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err == nil {
		for _, cidr := range cidrs.Items {
			addRanges(p, cidr.Spec.CIDRs)
		}
	}
	return nil
}

// addAddress adds a single address to the own ranges. Host names are none.
func addAddress(p *topology.Platform, text string) {
	if address, err := netip.ParseAddr(text); err == nil {
		addRanges(p, []string{netip.PrefixFrom(address, address.BitLen()).String()})
	}
}

func addRanges(p *topology.Platform, cidrs []string) {
	for _, text := range cidrs {
		if prefix, err := netip.ParsePrefix(text); err == nil && !slices.Contains(p.OwnRanges, prefix.Masked()) {
			p.OwnRanges = append(p.OwnRanges, prefix.Masked())
		}
	}
}

// exploreNodes finds the addresses and pod ranges of nodes and the extended resources that they have, and then knows the address families.
func (t *Topology) exploreNodes(ctx context.Context, p *topology.Platform) error {
	extended := sets.New[string]()
	err := t.clients.nodes().EachPage(ctx, "", func(nodes *corev1.NodeList) {
		for _, node := range nodes.Items {
			addRanges(p, node.Spec.PodCIDRs)
			for _, address := range node.Status.Addresses {
				addAddress(p, address.Address)
			}
			for name := range node.Status.Allocatable {
				if isExtended(string(name)) {
					extended.Insert(string(name))
				}
			}
		}
	})
	if err != nil {
		return err
	}
	p.ExtendedResources = sets.List(extended)
	for _, prefix := range p.OwnRanges {
		p.IPv4 = p.IPv4 || prefix.Addr().Is4()
		p.IPv6 = p.IPv6 || prefix.Addr().Is6()
	}
	if len(p.OwnRanges) == 0 {
		p.IPv4 = true
	}
	slices.SortFunc(p.OwnRanges, netip.Prefix.Compare)
	return nil
}

func isExtended(name string) bool {
	domain, _, found := strings.Cut(name, "/")
	return strings.HasPrefix(name, corev1.ResourceHugePagesPrefix) || found && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io")
}

func (t *Topology) exploreStorage(ctx context.Context, p *topology.Platform) error {
	classes, err := t.clients.storageClasses().List(ctx, "")
	if err != nil {
		return err
	}
	for _, class := range classes.Items {
		p.StorageClasses = append(p.StorageClasses, topology.StorageClass{
			Name: class.Name, Default: class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true",
		})
	}
	slices.SortFunc(p.StorageClasses, func(a, b topology.StorageClass) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// explorePriority finds the priority class that pods get which name none. Of several the one of the least value counts, as it does to the API server.
func (t *Topology) explorePriority(ctx context.Context, p *topology.Platform) error {
	classes, err := t.clients.priorityClasses().List(ctx, "")
	if err != nil {
		return err
	}
	var least int32
	for _, class := range classes.Items {
		if class.GlobalDefault && (p.DefaultPriorityClass == "" || class.Value < least) {
			p.DefaultPriorityClass, least = class.Name, class.Value
		}
	}
	return nil
}
