package testcluster

import "strconv"

// etcd listens on sockets in the cluster's own directory, where no other user of
// the machine can reach it. Their names are relative, for those of sockets are
// limited to some hundred characters, and they look as if they had a port because
// etcd asks for one.
const (
	etcdClients = "unix://etcd.sock:1"
	etcdPeers   = "unix://etcd-peer.sock:1"
)

func (c *Cluster) etcdArgs() []string {
	return []string{
		"--name=testcluster",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=" + etcdClients,
		"--advertise-client-urls=" + etcdClients,
		"--listen-peer-urls=" + etcdPeers,
		"--initial-advertise-peer-urls=" + etcdPeers,
		"--initial-cluster=testcluster=" + etcdPeers,
		"--unsafe-no-fsync", // nobody needs the data after a power cut
		"--log-level=warn",
	}
}

func (c *Cluster) apiserverArgs(port int) []string {
	return []string{
		"--etcd-servers=" + etcdClients,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		// The address in the endpoints of default/kubernetes. Loopback is not
		// allowed there, so it is one that is reserved for documentation.
		"--advertise-address=192.0.2.1",
		"--tls-cert-file=" + c.path(servingCert),
		"--tls-private-key-file=" + c.path(servingKey),
		"--client-ca-file=" + c.path(caFile),
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		// In addition to the default ones, among them PodSecurity, LimitRanger,
		// ResourceQuota and the admission policies; this is what kubeadm adds.
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true", // so that it is pod security that refuses
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.path(accountKey),
		"--service-account-signing-key-file=" + c.path(accountKey),
		"--profiling=false",
		// Claims can name data of other namespaces, so that it is a guardrail that refuses.
		"--feature-gates=CrossNamespaceVolumeDataSource=true",
	}
}

func (c *Cluster) controllerArgs(port int) []string {
	return []string{
		"--kubeconfig=" + c.path(controllerKubeconfig),
		"--authentication-skip-lookup=true", // of the API server's CA and a proxy's, which there is none of
		"--client-ca-file=" + c.path(caFile),
		"--authorization-kubeconfig=" + c.path(controllerKubeconfig),
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + c.path(servingCert),
		"--tls-private-key-file=" + c.path(servingKey),
		"--leader-elect=false",
		"--use-service-account-credentials=true", // each controller has its own rights, as in production
		"--service-account-private-key-file=" + c.path(accountKey),
		"--root-ca-file=" + c.path(caFile),
		"--controller-start-interval=0s",
		// Made if it does not exist, and by default in /usr.
		"--flex-volume-plugin-dir=" + c.path("flexvolume"),
		"--concurrent-namespace-syncs=20",
		"--concurrent-resource-quota-syncs=20",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--profiling=false",
	}
}
