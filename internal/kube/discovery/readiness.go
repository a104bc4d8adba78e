package discovery

import (
	"context"

	"k8s.io/apimachinery/pkg/version"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// networkPlugins are the network plugins that enforce network policies. Each is recognised by an
// API group that it adds.
var networkPlugins = []struct{ group, name string }{
	{"cilium.io", "cilium"},
	{"crd.projectcalico.org", "calico"},
	{"projectcalico.org", "calico"},
	{"k8s.ovn.org", "ovn-kubernetes"},
	{"crd.antrea.io", "antrea"},
}

// Readiness returns the version, the distribution and the network plugin of the cluster. It leaves
// Missing empty.
func Readiness(ctx context.Context, server kube.Server) (topology.Readiness, error) {
	ready := topology.Readiness{Distribution: "kubernetes"}
	var info version.Info
	if err := server.GetJSON(ctx, "/version", &info); err != nil {
		return ready, err
	}
	groups, err := apiGroups(ctx, server)
	if err != nil {
		return ready, err
	}
	ready.Version = info.GitVersion
	if groups.Has(openShiftGroup) {
		ready.Distribution = "openshift"
	}
	for _, plugin := range networkPlugins {
		if groups.Has(plugin.group) {
			ready.NetworkPlugin = plugin.name
			break
		}
	}
	return ready, nil
}
