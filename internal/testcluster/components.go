package testcluster

import "strconv"

// etcd listens on sockets in the cluster's directory, where no other user of the machine can reach
// it. The paths are relative because the path of a socket is limited to about a hundred characters.
// They end in a port number because etcd requires one.
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
		"--unsafe-no-fsync", // the data need not survive a power failure
		"--log-level=warn",
	}
}

func (c *Cluster) apiserverArgs(port int) []string {
	return []string{
		"--etcd-servers=" + etcdClients,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		// The address in the endpoints of default/kubernetes. Loopback is not allowed there, so
		// this is an address that is reserved for documentation.
		"--advertise-address=192.0.2.1",
		"--tls-cert-file=" + c.path(servingCert),
		"--tls-private-key-file=" + c.path(servingKey),
		"--client-ca-file=" + c.path(caFile),
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		// kubeadm adds this plugin to the default ones. PodSecurity, LimitRanger, ResourceQuota
		// and the admission policies are among the defaults.
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true", // so that PodSecurity refuses privileged pods
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.path(accountKey),
		"--service-account-signing-key-file=" + c.path(accountKey),
		"--profiling=false",
		// Without this gate the API server drops the namespace of a claim's data source, and no
		// guardrail would see it.
		"--feature-gates=CrossNamespaceVolumeDataSource=true",
	}
}

func (c *Cluster) controllerArgs(port int) []string {
	return []string{
		"--kubeconfig=" + c.path(controllerKubeconfig),
		"--authentication-skip-lookup=true", // this cluster has no ConfigMap with the CA of a proxy
		"--client-ca-file=" + c.path(caFile),
		"--authorization-kubeconfig=" + c.path(controllerKubeconfig),
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + c.path(servingCert),
		"--tls-private-key-file=" + c.path(servingKey),
		"--leader-elect=false",
		"--use-service-account-credentials=true", // as in production, each controller has its own rights
		"--service-account-private-key-file=" + c.path(accountKey),
		"--root-ca-file=" + c.path(caFile),
		"--controller-start-interval=0s",
		// The controller manager creates this directory. By default it is in /usr.
		"--flex-volume-plugin-dir=" + c.path("flexvolume"),
		"--concurrent-namespace-syncs=20",
		"--concurrent-resource-quota-syncs=20",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--profiling=false",
	}
}
