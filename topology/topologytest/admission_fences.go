package topologytest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// fenced is a namespace with fences, a request that one of them refuses, and a similar request that
// they admit.
type fenced struct {
	rule     string
	level    topology.PodSecurity // unset: privileged
	limits   []topology.Limit
	hard     string   // the quota: "cpu=1 memory=1Gi"
	there    []string // objects that exist before
	resource string
	verb     string // unset: create
	refused  string
	allowed  string
	by       topology.Fence
}

func limit(of topology.LimitType, least, most string) []topology.Limit {
	l := topology.Limit{Type: of, Min: parseAmounts(least), Max: parseAmounts(most)}
	if of == topology.LimitContainer { // the defaults that Kubernetes sets
		l.Default, l.DefaultRequest = parseAmounts(most), parseAmounts(least+" "+most)
	}
	return []topology.Limit{l}
}

const onePort, twoPorts = `"ports":[{"name":"a","port":80}]`, `"ports":[{"name":"a","port":80},{"name":"b","port":81}]`

func fencedTable() []fenced {
	security := func(rule string, level topology.PodSecurity, refused, allowed string) fenced {
		return fenced{rule: "pod security: " + rule, level: level, resource: "pods", refused: refused, allowed: allowed, by: topology.FencePodSecurity}
	}
	bound := func(rule string, limits []topology.Limit, resource, refused, allowed string) fenced {
		return fenced{rule: "limits: " + rule, limits: limits, resource: resource, refused: refused, allowed: allowed, by: topology.FenceLimits}
	}
	quota := func(rule, hard string, there []string, resource, refused, allowed string) fenced {
		return fenced{rule: "quota: " + rule, hard: hard, there: there, resource: resource, refused: refused, allowed: allowed, by: topology.FenceQuota}
	}
	const pods, claims, services, single, whole = "pods", "persistentvolumeclaims", "services", topology.LimitContainer, topology.LimitPod
	plain := asking("")
	running := func(name, resources string) []string { return []string{named(name, asking(resources))} }
	sidecar := strings.Replace(container("side", "cpu=1"), `"image"`, `"restartPolicy":"Always","image"`, 1)
	table := []fenced{
		security("baseline refuses the network of the node", topology.PodSecurityBaseline, podWith(`"hostNetwork":true`, container("app", "")), plain),
		security("baseline refuses host paths", topology.PodSecurityBaseline, podWith(`"volumes":[{"name":"v","hostPath":{"path":"/"}}]`, container("app", "")), podWith(`"volumes":[{"name":"v","emptyDir":{}}]`, container("app", ""))),
		security("baseline refuses privileged containers", topology.PodSecurityBaseline, strings.Replace(plain, `"image"`, `"securityContext":{"privileged":true},"image"`, 1), plain),
		security("baseline also applies to init containers", topology.PodSecurityBaseline, podWith(`"initContainers":[`+strings.Replace(container("i", ""), `"image"`, `"securityContext":{"privileged":true},"image"`, 1)+`]`, container("app", "")), plain),
		security("restricted refuses containers that may run as root", topology.PodSecurityRestricted, strings.Replace(pod(""), `"runAsNonRoot":true`, `"runAsNonRoot":false`, 1), pod("")),
		security("restricted refuses containers that keep capabilities", topology.PodSecurityRestricted, strings.Replace(pod(""), `"drop":["ALL"]`, `"drop":["KILL"]`, 1), pod("")),
		security("restricted refuses containers without a seccomp profile", topology.PodSecurityRestricted, strings.Replace(pod(""), `"RuntimeDefault"`, `"Unconfined"`, 1), pod("")),
		security("restricted refuses network volumes", topology.PodSecurityRestricted, pod(volumes(`"nfs":{"server":"192.0.2.1","path":"/"}`)), pod(volumes(`"configMap":{"name":"c"}`))),

		bound("a container above its upper bound is refused", limit(single, "", "cpu=1"), pods, asking("|cpu=2"), asking("|cpu=1")),
		bound("a container below its lower bound is refused", limit(single, "cpu=100m", ""), pods, asking("cpu=50m"), asking("cpu=100m")),
		bound("a container without requests gets the default request", limit(single, "cpu=100m", "cpu=1"), pods, asking("cpu=50m|"), plain),
		bound("an init container above the upper bound is refused", limit(single, "", "cpu=1"), pods, podWith(`"initContainers":[`+container("i", "|cpu=2")+`]`, container("app", "")), podWith(`"initContainers":[`+container("i", "|cpu=1")+`]`, container("app", ""))),
		bound("a pod whose containers together exceed its upper bound is refused", limit(whole, "", "cpu=2"), pods, podWith("", container("a", "|cpu=1"), container("b", "|cpu=1500m")), podWith("", container("a", "|cpu=1"), container("b", "|cpu=1"))),
		bound("a pod without a limit is refused if pods have an upper bound", limit(whole, "", "cpu=2"), pods, plain, asking("|cpu=1")),
		bound("a claim above its upper bound is refused", limit(topology.LimitPVC, "", "storage=1Gi"), claims, sizedClaim("manual", "2Gi"), sizedClaim("manual", "1Gi")),
		bound("a claim below its lower bound is refused", limit(topology.LimitPVC, "storage=1Gi", ""), claims, sizedClaim("manual", "1Mi"), sizedClaim("manual", "1Gi")),

		quota("the requests of all pods count against requests.cpu", "requests.cpu=1", running("there", "cpu=600m"), pods, asking("cpu=500m"), asking("cpu=400m")),
		quota("the limits of all pods count against limits.memory", "limits.memory=1Gi", running("there", "|memory=512Mi"), pods, asking("|memory=1Gi"), asking("|memory=512Mi")),
		quota("a pod without a request is refused if requests are bounded", "requests.cpu=1", nil, pods, plain, asking("cpu=1")),
		quota("a limit counts as a request if there is no request", "requests.cpu=1", nil, pods, asking("|cpu=2"), asking("|cpu=1")),
		quota("extended resources count against their bound", "requests.example.com/gpu=1", nil, pods, asking("example.com/gpu=2|example.com/gpu=2"), asking("example.com/gpu=1|example.com/gpu=1")),
		quota("an init container that requests more than all containers counts instead", "requests.cpu=2", nil, pods, podWith(`"initContainers":[`+container("i", "cpu=3")+`]`, container("app", "cpu=1")), podWith(`"initContainers":[`+container("i", "cpu=2")+`]`, container("app", "cpu=1"))),
		quota("a sidecar counts in addition to the containers", "requests.cpu=2", nil, pods, podWith(`"initContainers":[`+sidecar+`]`, container("app", "cpu=1500m")), podWith(`"initContainers":[`+sidecar+`]`, container("app", "cpu=1"))),
		quota("existing pods count against the number of pods", "pods=1", running("there", ""), pods, plain, ""),
		quota("the storage of all claims counts against requests.storage", "requests.storage=3Gi", []string{named("there", sizedClaim("manual", "1Gi"))}, claims, sizedClaim("manual", "3Gi"), sizedClaim("manual", "2Gi")),
		quota("storage counts against the bound of its class", "gold.storageclass.storage.k8s.io/requests.storage=1Gi", nil, claims, sizedClaim("gold", "2Gi"), sizedClaim("silver", "2Gi")),
		quota("claims count against the bound of their class", "gold.storageclass.storage.k8s.io/persistentvolumeclaims=0", nil, claims, sizedClaim("gold", "1Gi"), sizedClaim("silver", "1Gi")),
		quota("existing claims count against the number of claims", "persistentvolumeclaims=1", []string{named("there", sizedClaim("manual", "1Gi"))}, claims, sizedClaim("manual", "1Gi"), ""),
		quota("each port of a NodePort Service counts as a node port", "services.nodeports=1", nil, services, serviceWith(`"type":"NodePort",`+twoPorts), serviceWith(`"type":"NodePort",`+onePort)),
		quota("the ports of a load balancer count as node ports, unless it allocates none", "services.nodeports=0", nil, services, serviceWith(`"type":"LoadBalancer",`+onePort), serviceWith(`"type":"LoadBalancer","allocateLoadBalancerNodePorts":false,`+onePort)),
		quota("LoadBalancer Services count against the number of load balancers", "services.loadbalancers=0", nil, services, serviceWith(`"type":"LoadBalancer",`+onePort), serviceWith(`"type":"NodePort",`+onePort)),
		quota("the objects that every namespace has count against count bounds", "configmaps=1", nil, "configmaps", configMap(""), ""),
	}
	grown := quota("an update that needs more than the quota is refused", "services.nodeports=0", []string{named("web", serviceWith(onePort))}, services, `{"spec":{"type":"NodePort"}}`, `{"spec":{"type":"ClusterIP"}}`)
	grown.verb = "patch"
	return append(table, grown)
}

// admissionFenceCases send pairs of requests to fences other than rights: one that a fence refuses,
// and a similar one that it admits.
func admissionFenceCases[P AdmissionTopology](h Harness[P]) []Case {
	var all []Case
	for _, f := range fencedTable() {
		all = append(all, Case{f.rule, func(t T) { checkFenced(t, h, f) }})
	}
	return all
}

func checkFenced[P AdmissionTopology](t T, h Harness[P], f fenced) {
	t.Helper()
	s := newFencedSender(t, h, f.level)
	s.becomes(s.sends("create", "", "pods", "", pod("")), "") // once the namespace is complete
	for _, object := range f.there {
		h.Outsider.Put(t, s.namespace, "", f.resource, object)
	}
	if len(f.limits) > 0 {
		_, err := h.Topology.EnsureLimitRange(t.Context(), topology.LimitRange{Namespace: s.namespace, Limits: f.limits})
		require.NoError(t, err)
	}
	if f.hard != "" {
		_, err := h.Topology.EnsureQuota(t.Context(), topology.Quota{Namespace: s.namespace, Hard: parseAmounts(f.hard)})
		require.NoError(t, err)
		require.NoError(t, h.Topology.AwaitQuota(t.Context(), s.namespace))
	}
	for object, by := range map[string]topology.Fence{f.refused: f.by, f.allowed: ""} {
		if object == "" {
			continue
		}
		r := s.sends("create", "", f.resource, "", object)
		if f.verb != "" {
			r.Verb, r.Name = f.verb, "web"
		}
		s.becomes(r, by)
		if by != "" {
			require.NotEmpty(t, s.gets(r).Reason)
		}
	}
}

// newFencedSender returns a sender that may write pods, claims, services and config maps in a
// namespace with a pod security level.
func newFencedSender[P AdmissionTopology](t T, h Harness[P], level topology.PodSecurity) sender {
	t.Helper()
	if level == "" {
		level = topology.PodSecurityPrivileged
	}
	name := newPlace(t, h.Topology)
	_, err := h.Topology.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: level})
	require.NoError(t, err)
	s := sender{t, h.Topology, name + "-1", nil, name}
	kinds := []string{"configmaps", "persistentvolumeclaims", "pods", "services"}
	h.Outsider.Grant(t, name, topology.Grant{
		Role: "sender", Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: kinds, Verbs: []string{"create", "patch"}}},
		Subjects: []rbac.Subject{{Kind: rbac.User, Name: s.user}},
	})
	return s
}
