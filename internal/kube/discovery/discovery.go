// Package discovery discovers the facts about a cluster.
//
// [Platform] returns the facts that network rules and quotas depend on: the name servers, the
// addresses of the API server and of the cluster itself, its storage classes and priority classes.
// [Readiness] returns the version, the distribution and the network plugin.
//
// # Files
//
// discovery.go asks for one subject after the other: dns.go (name servers), nodelocaldns.go
// (NodeLocal DNSCache), apiserver.go, ranges.go (addresses of services), nodes.go (addresses of
// nodes and pods, extended resources), storage.go, priority.go. openshift.go has the differences of
// OpenShift, including its name servers. readiness.go finds the version, the distribution and the
// network plugin.
//
// The tests that ask a cluster are in topology/k8s/platform_test.go.
package discovery

import (
	"context"
	"net/netip"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// Known holds the facts from k8s.Options. Fields that are set are not discovered, except that the
// discovered ranges are added to OwnRanges.
type Known struct {
	OwnRanges          []netip.Prefix
	DNS                []topology.NetworkRule
	IngressControllers []topology.NetworkPeer
	Monitoring         []topology.NetworkPeer
}

// Platform discovers the platform. It sends one request for each subject, and one for each page of
// nodes.
func Platform(ctx context.Context, clients kube.Clients, known Known) (topology.Platform, error) {
	p := topology.Platform{
		OwnRanges: slices.Clone(known.OwnRanges), DNS: known.DNS,
		IngressControllers: known.IngressControllers, Monitoring: known.Monitoring,
	}
	groups, err := apiGroups(ctx, clients.Server)
	if err != nil {
		return p, err
	}
	if groups.Has(openShiftGroup) {
		addOpenShift(&p)
	}
	for _, discover := range []func(context.Context, kube.Clients, *topology.Platform) error{
		discoverDNS, discoverAPIServer, discoverServiceRanges, discoverNodes, discoverStorage, discoverPriority,
	} {
		if err := discover(ctx, clients, &p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// apiGroups returns the names of the API groups that the cluster serves.
func apiGroups(ctx context.Context, server kube.Server) (sets.Set[string], error) {
	var list metav1.APIGroupList
	if err := server.GetJSON(ctx, "/apis", &list); err != nil {
		return nil, err
	}
	names := sets.New[string]()
	for _, group := range list.Groups {
		names.Insert(group.Name)
	}
	return names, nil
}
