package k8s_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// grammar makes random objects from values that some, all or none of the namespaces allow. An
// object may be invalid, or refused by pod security.
type grammar struct{ *rand.Rand }

type (
	object = map[string]any
	list   = []any
)

// one returns a random value. A value that is in the list twice is twice as likely.
func one[V any](g grammar, values ...V) V { return values[g.IntN(len(values))] }

// some returns some of the values in their order, often few.
func some[V any](g grammar, values ...V) []V {
	var picked []V
	for _, v := range values {
		if g.IntN(3) == 0 {
			picked = append(picked, v)
		}
	}
	return picked
}

// set sets a field with a probability of one in n.
func (g grammar) set(o object, oneIn int, field string, value any) {
	if g.IntN(oneIn) == 0 {
		o[field] = value
	}
}

var anyAnnotations = []string{
	"nginx.ingress.kubernetes.io/server-snippet", "nginx.ingress.kubernetes.io/rewrite-target", "kubernetes.io/ingress.class", "nginx.org/location-snippets",
	"sub.traefik.io/router", "example.com/team", "example.com/snippet-of-code", "konghq.com/plugins",
}

func (g grammar) allowances(tenant string) topology.Allowances {
	return topology.Allowances{
		Domains:            some(g, tenant+".example.com", tenant+".example.net"),
		IngressAnnotations: some(g, "konghq.com/plugins", "nginx.ingress.kubernetes.io/rewrite-target", "nginx.org/location-snippets"),
		ServiceTypes:       some(g, topology.LoadBalancer, topology.NodePort),
		ExternalNames:      some(g, "db.example.com", "example.com"),
		StorageClasses:     some(g, "gold", "silver"),
		InlineDrivers:      some(g, "a.csi.example.com", "b.csi.example.com"),
		ImageRegistries: one(g, some(g, "docker.io", "docker.io/library", "localhost/app", "registry.example.com", "registry.example.com/acme", "registry.example.com:5000/acme"),
			[]string{"docker.io", "registry.example.com/acme"}, []string{"*"}),
		PriorityClasses: one(g, []string{"usual"}, []string{"high", "usual"}, some(g, "high", "usual")),
		RuntimeClasses:  some(g, "sandbox"),
		Tolerations:     some(g, "dedicated", "example.com/gpu"),
		DefaultToken:    g.IntN(2) == 0,
	}
}

func (g grammar) metadata(name string) object {
	meta := object{"name": name}
	g.set(meta, 4, "labels", object{one(g, "team", "kubernetes.io/service-name"): one(g, "", "a", "b")})
	if g.IntN(6) == 0 {
		var finalizers list
		for _, f := range some(g, "example.com/hold", "foregroundDeletion", "kubernetes.io/pvc-protection", "orphan") {
			finalizers = append(finalizers, f)
		}
		meta["finalizers"] = finalizers
	}
	return meta
}

// annotate adds annotations that shared controllers read.
func (g grammar) annotate(meta object, tenant string) {
	annotations := object{}
	if g.IntN(3) == 0 {
		annotations[one(g, anyAnnotations...)] = one(g, "", "a", "b")
	}
	if g.IntN(5) == 0 {
		annotations[one(g, "external-dns.alpha.kubernetes.io/hostname", "external-dns.alpha.kubernetes.io/internal-hostname", "external-dns.example.com/ttl")] =
			one(g, g.host(tenant), g.host(tenant)+", "+g.host(tenant), "")
	}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
}

func (g grammar) host(tenant string) string {
	own := tenant + one(g, ".example.com", ".example.com", ".example.net")
	return one(g, own, own, "www."+own, "*."+own, "x"+own, "a.b."+own, "bank.example.com", "example.com", "*.example.com", "")
}

func (g grammar) service(tenant, name string) object {
	spec := object{"ports": list{object{"port": 80}}}
	g.set(spec, 1, "type", one(g, "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"))
	if spec["type"] == "LoadBalancer" {
		g.set(spec, 4, "allocateLoadBalancerNodePorts", false)
	}
	g.set(spec, 4, "externalIPs", one(g, list{"192.0.2.1"}, list{"192.0.2.2", "192.0.2.1"}, list{}))
	if spec["type"] == "ExternalName" {
		spec["externalName"] = one(g, "db.example.com", "db.example.com.", "example.com", "a.db.example.com", "notexample.com", "web.globex.svc.cluster.local")
	}
	meta := g.metadata(name)
	g.annotate(meta, tenant)
	return object{"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
}

func (g grammar) ingress(tenant, name string) object {
	backend := object{"service": object{"name": "web", "port": object{"number": 80}}}
	rules := list{}
	for range one(g, 0, 1, 1, 2) {
		rule := object{"http": object{"paths": list{object{"path": "/", "pathType": "Prefix", "backend": backend}}}}
		g.set(rule, 1, "host", g.host(tenant))
		rules = append(rules, rule)
	}
	spec := object{"rules": rules}
	g.set(spec, 5, "defaultBackend", backend)
	g.set(spec, 4, "tls", one(g, list{object{"hosts": list{g.host(tenant)}}}, list{object{"secretName": "tls"}}, list{}, list{object{"hosts": list{tenant + ".example.com", g.host(tenant)}}}))
	meta := g.metadata(name)
	g.annotate(meta, tenant)
	return object{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}
}

func (g grammar) claim(_, name string) object {
	spec := object{"accessModes": list{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": one(g, "1Gi", "2Gi")}}}
	g.set(spec, 2, "storageClassName", one(g, "gold", "silver", "bronze", ""))
	g.set(spec, 6, "volumeName", one(g, "theirs", ""))
	g.set(spec, 6, "selector", one(g, object{}, object{"matchLabels": object{"a": "b"}}))
	g.set(spec, 8, "dataSource", object{"kind": "PersistentVolumeClaim", "name": "other"})
	return object{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": g.metadata(name), "spec": spec}
}

func (g grammar) configMap(_, name string) object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": g.metadata(name), "data": object{"a": one(g, "b", "c")}}
}

func (g grammar) secret(_, name string) object {
	meta := g.metadata(name)
	g.set(meta, 2, "annotations", object{"kubernetes.io/service-account.name": one(g, "default", "builder")})
	return object{"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": one(g, "Opaque", "kubernetes.io/service-account-token")}
}

func (g grammar) endpointSlice(_, name string) object {
	o := object{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": g.metadata(name), "addressType": "IPv4"}
	o["endpoints"] = one(g, list{object{"addresses": list{"192.0.2.1"}}}, list{object{"addresses": list{"192.0.2.2"}}}, list{})
	g.set(o, 2, "ports", list{object{"name": "http", "port": 80, "protocol": "TCP"}})
	return o
}

func (g grammar) endpoints(_, name string) object {
	o := object{"apiVersion": "v1", "kind": "Endpoints", "metadata": g.metadata(name)}
	g.set(o, 2, "subsets", list{object{"addresses": list{object{"ip": one(g, "192.0.2.1", "192.0.2.2")}}}})
	return o
}

func (g grammar) image() string {
	return one(g, "nginx", "nginx:1", "docker.io/library/nginx", "library/nginx", "acme/app", "registry.example.com/acme/app:1", "registry.example.com/acme/app:1",
		"registry.example.com/acme", "registry.example.com/acme:v1", "registry.example.com/acmeX/app", "registry.example.com:5000/acme/app", "registry.example.com/other",
		"localhost/app", "localhost/app/x", "ACME/app", "docker.io/ACME/app", "a.b/registry.example.com/acme/app", "nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123")
}

func (g grammar) container(name string) object {
	secure := object{"allowPrivilegeEscalation": false, "capabilities": object{"drop": list{"ALL"}}}
	g.set(secure, 20, "privileged", true)
	g.set(secure, 20, "allowPrivilegeEscalation", true)
	g.set(secure, 20, "runAsUser", one(g, 0, 1000))
	g.set(secure, 20, "runAsNonRoot", one(g, true, false))
	g.set(secure, 20, "seccompProfile", object{"type": one(g, "RuntimeDefault", "Unconfined")})
	g.set(secure, 20, "capabilities", object{"add": list{one(g, "CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN")}, "drop": list{one(g, "ALL", "KILL")}})
	c := object{"name": name, "image": g.image(), "securityContext": secure}
	g.set(c, 20, "ports", list{object{"containerPort": 80, "hostPort": one(g, 0, 80)}})
	g.set(c, 2, "resources", object{"requests": g.amounts(), "limits": g.amounts()})
	return c
}

func (g grammar) amounts() object {
	amounts := object{}
	g.set(amounts, 2, "cpu", one(g, "100m", "0.5", "1", "2"))
	g.set(amounts, 3, "memory", one(g, "64Mi", "128Mi", "1Gi"))
	g.set(amounts, 8, "ephemeral-storage", one(g, "1Gi", "2Gi"))
	return amounts
}

func (g grammar) quantities(names map[string][]string) map[string]resource.Quantity {
	amounts := map[string]resource.Quantity{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if g.IntN(3) == 0 {
			amounts[name] = resource.MustParse(one(g, names[name]...))
		}
	}
	return amounts
}

// quota returns a random quota, under which some objects fit.
func (g grammar) quota(tenant string) topology.Quota {
	return topology.Quota{Namespace: tenant, Hard: g.quantities(map[string][]string{
		"pods": {"3", "4", "10"}, "count/pods": {"3", "10"}, "requests.cpu": {"4", "6"}, "cpu": {"5"}, "limits.cpu": {"5", "8"}, "limits.memory": {"2Gi", "4Gi"},
		"requests.ephemeral-storage": {"2Gi", "3Gi"}, "services": {"3", "5"}, "services.nodeports": {"0", "2", "5"}, "services.loadbalancers": {"1", "2", "5"},
		"persistentvolumeclaims": {"3", "5"}, "requests.storage": {"5Gi", "6Gi", "9Gi"}, "gold.storageclass.storage.k8s.io/requests.storage": {"0", "3Gi", "5Gi"},
		"silver.storageclass.storage.k8s.io/persistentvolumeclaims": {"0", "1", "5"}, "configmaps": {"4", "5", "9"}, "count/secrets": {"3", "5"},
		"count/ingresses.networking.k8s.io": {"3", "9"},
	})}
}

// limits returns random limits, complete as the API server would store them.
func (g grammar) limits(tenant string) topology.LimitRange {
	most := g.quantities(map[string][]string{"cpu": {"1", "2"}, "memory": {"128Mi", "1Gi"}})
	least := g.quantities(map[string][]string{"cpu": {"100m"}, "memory": {"64Mi"}})
	preset := maps.Clone(least)
	maps.Copy(preset, most)
	return topology.LimitRange{Namespace: tenant, Limits: []topology.Limit{
		{Type: topology.LimitContainer, Min: least, Max: most, Default: most, DefaultRequest: preset},
		{Type: topology.LimitPod, Max: g.quantities(map[string][]string{"cpu": {"2", "3"}, "memory": {"1Gi"}})},
		{Type: topology.LimitPVC, Min: g.quantities(map[string][]string{"storage": {"1Gi"}}), Max: map[string]resource.Quantity{"storage": resource.MustParse(one(g, "1Gi", "2Gi"))}},
	}}
}

func (g grammar) toleration() object {
	t := object{"operator": "Exists"}
	g.set(t, 2, "key", one(g, "dedicated", "example.com/gpu", "node.kubernetes.io/unreachable", "node-role.kubernetes.io/control-plane", ""))
	g.set(t, 3, "effect", one(g, "NoSchedule", "NoExecute"))
	return t
}

func (g grammar) volume() object {
	v := object{"name": "v"}
	source := one(g, "", "emptyDir", "configMap", "csi", "csi", "csi", "nfs", "nfs", "nfs", "nfs", "hostPath", "image", "persistentVolumeClaim", "ephemeral")
	switch source {
	case "":
		return v
	case "configMap":
		v[source] = object{"name": "c"}
	case "csi":
		v[source] = object{"driver": one(g, "a.csi.example.com", "b.csi.example.com", "c.csi.example.com")}
	case "nfs":
		v[source] = object{"server": "192.0.2.1", "path": "/"}
	case "hostPath":
		v[source] = object{"path": "/etc"}
	case "image":
		v[source] = object{"reference": g.image()}
	case "persistentVolumeClaim":
		v[source] = object{"claimName": "data"}
	case "ephemeral":
		v[source] = object{"volumeClaimTemplate": object{"spec": g.claim("", "")["spec"]}}
	default:
		v[source] = object{}
	}
	return v
}

// affinity makes an affinity to pods of the tenant's own namespace, of another one, or of all.
func (g grammar) affinity(tenant string) object {
	term := object{"topologyKey": "kubernetes.io/hostname", "labelSelector": object{}}
	g.set(term, 2, "namespaces", list{one(g, tenant, "default")})
	g.set(term, 4, "namespaceSelector", object{})
	terms := object{"requiredDuringSchedulingIgnoredDuringExecution": list{term}}
	if g.IntN(2) == 0 {
		terms = object{"preferredDuringSchedulingIgnoredDuringExecution": list{object{"weight": 1, "podAffinityTerm": term}}}
	}
	return object{one(g, "podAffinity", "podAntiAffinity"): terms}
}

func (g grammar) pod(tenant, name string) object {
	spec := object{"containers": list{g.container("app")}, "automountServiceAccountToken": false}
	g.set(spec, 5, "automountServiceAccountToken", true)
	if g.IntN(4) == 0 {
		delete(spec, "automountServiceAccountToken")
	}
	g.set(spec, 3, "serviceAccountName", one(g, "default", "builder", ""))
	g.set(spec, 10, "serviceAccount", one(g, "default", "builder"))
	g.set(spec, 8, "initContainers", list{g.container("init")})
	g.set(spec, 20, one(g, "hostNetwork", "hostPID", "hostIPC"), true)
	g.set(spec, 2, "securityContext", object{"runAsNonRoot": true, "seccompProfile": object{"type": "RuntimeDefault"}})
	g.set(spec, 8, "nodeName", one(g, "node-1", ""))
	g.set(spec, 5, "priorityClassName", one(g, "high", "usual", "system-node-critical", ""))
	g.set(spec, 8, "runtimeClassName", "sandbox")
	g.set(spec, 4, "affinity", g.affinity(tenant))
	g.set(spec, 3, "terminationGracePeriodSeconds", one(g, 24*60*60, 24*60*60+1))
	g.set(spec, 5, "tolerations", list{g.toleration()})
	g.set(spec, 2, "volumes", list{g.volume()})
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": g.metadata(name), "spec": spec}
}

// podPatch returns a patch of fields that can change in a pod.
func (g grammar) podPatch() object {
	spec := object{}
	g.set(spec, 2, "containers", list{g.container("app")})
	g.set(spec, 2, "tolerations", list{
		object{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
		object{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}, g.toleration(),
	})
	return object{"metadata": g.patchOf(g.metadata("")), "spec": spec}
}

// patchOf returns a merge patch that sets some fields to those of the object, and removes others.
func (g grammar) patchOf(o object) object {
	patch := object{}
	for _, field := range slices.Sorted(maps.Keys(o)) {
		nested, ok := o[field].(object)
		switch {
		case field == "apiVersion" || field == "kind" || field == "name" || g.IntN(3) == 0:
		case ok:
			patch[field] = g.patchOf(nested)
		default:
			patch[field] = one(g, o[field], o[field], nil)
		}
	}
	return patch
}

func marshal(t *testing.T, o object) string {
	t.Helper()
	data, err := json.Marshal(o)
	require.NoError(t, err)
	return string(data)
}
