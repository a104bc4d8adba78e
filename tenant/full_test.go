package tenant

import (
	"net/netip"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// full is a Score that sets every field. testdata/full.yaml is the same.
func full() TenantScore {
	return TenantScore{
		TenantConfig: TenantConfig{
			Name: "acme", DisplayName: "Acme Ltd.",
			Labels:      map[string]string{"app.kubernetes.io/part-of": "shop", "cost-center": "42"},
			Annotations: map[string]string{"Example.com/contact": "acme@example.com"},
			PodSecurity: topology.PodSecurityBaseline, Adopt: true, InheritGrants: true, DeletionProtection: true,
			ImageRegistries: []string{"registry.example.com/acme", "docker.io/library"},
			PriorityClasses: []string{"urgent", "batch"},
			RuntimeClasses:  []string{"gvisor"}, Tolerations: []string{"example.com/team", "dedicated"},
			DefaultToken: true,
		},
		ResourceQuotas: ResourceQuotaConfig{
			Requests: compute("8", "16Gi", "50Gi"), Limits: compute("16", "32Gi", "100Gi"), Storage: amount("400Gi"),
			Extended: map[string]resource.Quantity{"nvidia.com/gpu": *amount("2"), "hugepages-2Mi": *amount("128Mi")},
			Objects: ObjectCounts{
				Pods: new(int64(101)), AllPods: new(int64(1010)), Services: new(int64(102)),
				LoadBalancers: new(int64(103)), NodePorts: new(int64(104)),
				PersistentVolumeClaims: new(int64(105)), Secrets: new(int64(106)), ConfigMaps: new(int64(107)),
				ServiceAccounts:        new(int64(108)),
				ReplicationControllers: new(int64(109)), Deployments: new(int64(110)), ReplicaSets: new(int64(111)),
				StatefulSets: new(int64(112)),
				DaemonSets:   new(int64(113)), ControllerRevisions: new(int64(114)), Jobs: new(int64(115)),
				CronJobs:                 new(int64(116)),
				HorizontalPodAutoscalers: new(int64(117)), PodDisruptionBudgets: new(int64(118)),
				Ingresses: new(int64(119)),
				Leases:    new(int64(120)), ResourceClaims: new(int64(121)),
			},
			Container: ContainerBounds{
				DefaultRequest: compute("200m", "256Mi", "200Mi"), DefaultLimit: compute("1", "1Gi", "2Gi"),
				Min: compute("10m", "16Mi", "10Mi"), Max: compute("4", "8Gi", "20Gi"),
			},
			Pod: Bounds{Min: compute("20m", "32Mi", "20Mi"), Max: compute("8", "16Gi", "40Gi")},
		},
		NetworkIsolation: NetworkIsolationPolicy{
			PublicInternetEgress: true, IngressControllers: true, Monitoring: true, APIServer: true,
			Ingress: []NetworkPeer{
				{Tenant: "globex", PodLabels: map[string]string{"app": "frontend"}, Ports: []NetworkPort{{Port: 8080}}},
				{NamespaceLabels: map[string]string{"team": "blue"},
					Ports: []NetworkPort{{Protocol: netpolicy.UDP, Port: 514}}},
			},
			Egress: []NetworkPeer{
				{CIDR: "10.0.0.0/8", Ports: []NetworkPort{{Protocol: netpolicy.TCP, Port: 5432},
					{Protocol: netpolicy.SCTP, Port: 8000, EndPort: 8010}}},
				{CIDR: "fd00::/8", Ports: []NetworkPort{{Port: 443}}},
			},
			Domains: []string{"shop.acme.example", "acme.example.com"},
			IngressAnnotations: []string{"nginx.ingress.kubernetes.io/rewrite-target",
				"cert-manager.io/cluster-issuer"},
			ExternalNames: []string{"rds.amazonaws.com", "db.example.net"},
		},
		StorageAccess: StorageAccessConfig{
			Classes: []StorageClassAccess{{Name: "fast", Capacity: *amount("100Gi"), Claims: new(int64(4))},
				{Name: "bulk", Capacity: *amount("300Gi")}},
			DefaultClass: "bulk", ClaimMin: amount("1Gi"), ClaimMax: amount("50Gi"),
			InlineDrivers: []string{"secrets-store.csi.k8s.io", "csi.cert-manager.io"},
		},
		RBAC: RBACConfig{
			Members: []Member{
				{Role: Developer, Name: "acme-devs"},
				{Role: Admin, Kind: rbac.Group, Name: "acme-ops"},
				{Role: Viewer, Kind: rbac.User, Name: "jane@example.com"},
				{Role: Developer, Kind: rbac.ServiceAccount, Name: "deployer", Namespace: "ci"},
			},
			ReadVisibility: VisibilityCluster,
		},
	}
}

func compute(cpu, memory, ephemeralStorage string) ComputeResources {
	return ComputeResources{CPU: amount(cpu), Memory: amount(memory), EphemeralStorage: amount(ephemeralStorage)}
}

// bigPlatform has everything that a Score can ask for.
func bigPlatform() topology.Platform {
	in := func(namespace, app string) topology.NetworkPeer {
		return topology.NetworkPeer{NamespaceLabels: map[string]string{topology.LabelNamespaceName: namespace},
			PodLabels: map[string]string{"app": app}}
	}
	return topology.Platform{
		DNS: []topology.NetworkRule{{Peers: []topology.NetworkPeer{in("kube-system", "dns")},
			Ports: []topology.NetworkPort{{Protocol: netpolicy.UDP, Port: 53}, {Protocol: netpolicy.TCP, Port: 53}}}},
		APIServer: []topology.NetworkRule{
			{Peers: []topology.NetworkPeer{{CIDR: "10.96.0.1/32"}, {CIDR: "192.0.2.10/32"}},
				Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 443}}}},
		IngressControllers: []topology.NetworkPeer{in("ingress-nginx", "controller")},
		Monitoring:         []topology.NetworkPeer{in("monitoring", "prometheus")},
		OwnRanges: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("10.244.0.0/16"),
			netip.MustParsePrefix("198.51.102.0/24"),
			netip.MustParsePrefix("fd00:10:244::/56"), netip.MustParsePrefix("2a02:1234::/48")},
		IPv4: true, IPv6: true,
		StorageClasses:       []topology.StorageClass{{Name: "bulk"}, {Name: "fast", Default: true}, {Name: "secret"}},
		DefaultPriorityClass: "standard",
		ExtendedResources:    []string{"hugepages-1Gi", "nvidia.com/gpu", "vendor.example/fpga"},
	}
}
