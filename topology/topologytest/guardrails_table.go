package topologytest

import (
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// guarded is an object that a guardrail refuses in a strict namespace.
type guarded struct {
	object    string
	instead   string // a similar object that is admitted there; empty: none
	allowable bool   // the object is admitted in a namespace with everyAllowance
}

// guardedKind is a list of objects of one resource that one guardrail refuses.
type guardedKind struct {
	rule            topology.Guardrail
	group, resource string
	objects         []guarded
}

// checkTable sends every object of the table to a strict namespace and to one that is allowed
// everything.
func (g guardrails) checkTable(t T) {
	g.outsider.Put(t, "", "node.k8s.io", "runtimeclasses",
		`{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"sandbox"},"handler":"sandbox"}`)
	tight, loose := g.newMember(t, strictAllowances), g.newMember(t, everyAllowance)
	g.install(t, topology.AllGuardrails()...)
	for _, kind := range guardrailTable(loose.namespace + ".example.com") {
		for _, row := range kind.objects {
			tight.requireRefused(tight.creates(kind.group, kind.resource, row.object), kind.rule)
			if row.instead != "" {
				tight.requireAdmitted(tight.creates(kind.group, kind.resource, row.instead))
			}
			request := loose.creates(kind.group, kind.resource, row.object)
			if row.allowable {
				loose.requireAdmitted(request)
			} else {
				loose.requireRefused(request, kind.rule)
			}
		}
	}
}

// guardrailTable returns the table; own is the domain of the tenant.
func guardrailTable(own string) []guardedKind {
	const networking, discovery, claims = "networking.k8s.io", "discovery.k8s.io", "persistentvolumeclaims"
	labelled := `,"labels":{"kubernetes.io/service-name":"web",` +
		`"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}`
	return []guardedKind{
		{topology.GuardrailServices, "", "services", guardedServices()},
		{topology.GuardrailEndpoints, "", "endpoints", []guarded{{endpoints("web", "192.0.2.1"), "", false}}},
		{topology.GuardrailEndpoints, discovery, "endpointslices", []guarded{
			{endpointSlice(""), "", false}, {endpointSlice(labelled), "", false},
		}},
		{topology.GuardrailIngress, networking, "ingresses", slices.Concat(guardedHosts(own), guardedAnnotations(own))},
		{topology.GuardrailClaims, "", claims, guardedClaims()},
		{topology.GuardrailVolumes, "", "pods", []guarded{
			{pod(volumes(`"csi":{"driver":"csi.example.com"}`)), pod(volumes(`"emptyDir":{}`)), true},
			{pod(volumes(`"csi":{"driver":"other.example.com"}`)), pod(volumes(`"configMap":{"name":"c"}`)), false},
		}},
		{topology.GuardrailPlacement, "", "pods", guardedPlacements()},
		{topology.GuardrailImages, "", "pods", guardedImages()},
		{topology.GuardrailDefaultToken, "", "pods", []guarded{{
			pod(`"serviceAccountName":"default"`),
			pod(`"serviceAccountName":"default","automountServiceAccountToken":false`), true,
		}}},
		{topology.GuardrailTokenSecrets, "", "secrets", []guarded{{tokenSecret, opaqueSecret, false}}},
		{topology.GuardrailFinalizers, "", "configmaps", []guarded{
			{configMap(`"example.com/hold"`), configMap(`"foregroundDeletion"`), false},
			{configMap(`"kubernetes.io/pvc-protection"`), configMap(""), false},
		}},
		{topology.GuardrailFinalizers, "", "pods", []guarded{
			{held(podOf("registry.example.com/acme/app", "")), podOf("registry.example.com/acme/app", ""), false},
		}},
	}
}

const (
	tokenSecret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t","annotations":` +
		`{"kubernetes.io/service-account.name":"default"}},"type":"kubernetes.io/service-account-token"}`
	opaqueSecret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t"},"type":"Opaque"}`
)

func guardedServices() []guarded {
	external := func(name string) string { return service(`"type":"ExternalName","externalName":"` + name + `"`) }
	return []guarded{
		{service(`"externalIPs":["192.0.2.1"]`), service(""), false},
		{service(`"type":"NodePort"`), service(`"type":"ClusterIP"`), true},
		{service(`"type":"LoadBalancer"`), service(`"clusterIP":"None"`), true},
		{external("db.example.com"), "", true},
		{external("db.example.com."), "", true},
		{external("web.globex.svc.cluster.local"), "", false},
		{external("notexample.com"), "", false},
	}
}

func guardedHosts(own string) []guarded {
	tls := func(more string) string { return ingress("", host(own)+`,"tls":[{`+more+`"secretName":"tls"}]`) }
	return []guarded{
		{ingress("", host(own)), "", true},
		{ingress("", host("www."+own)), "", true},
		{ingress("", host("*."+own)), "", true},
		{ingress("", host("x"+own)), "", false},
		{ingress("", host("example.com")), "", false},
		{ingress("", host("*.example.com")), "", false},
		{ingress("", host("")), "", false},
		{ingress("", host(own)+`,"defaultBackend":`+backend), "", false},
		{tls(`"hosts":["` + own + `"],`), "", true},
		{tls(`"hosts":["bank.example.com"],`), "", false},
		{tls(""), "", false},
	}
}

func guardedAnnotations(own string) []guarded {
	annotated := func(key, value string) string { return ingress(`"`+key+`":"`+value+`"`, host(own)) }
	const hostname = "external-dns.alpha.kubernetes.io/hostname"
	return []guarded{
		{annotated("nginx.ingress.kubernetes.io/server-snippet", "x"), "", true},
		{annotated("nginx.org/location-snippets", "x"), "", false},
		{annotated(hostname, "a."+own+", "+own), "", true},
		{annotated(hostname, "a."+own+",bank.example.com"), "", false},
		{annotated("cert-manager.io/alt-names", "bank.example.com"), "", false},
		{annotated("zalando.org/skipper-routes", "r: * -> <shunt>;"), "", false},
		{ingress(`"cert-manager.io/cluster-issuer":"letsencrypt"`,
			strings.Replace(host(own), `"path":"/"`, `"path":"/a { }"`, 1)), "", false},
	}
}

func guardedClaims() []guarded {
	gold := func(more string) string { return claim(`"storageClassName":"gold"` + more) }
	return []guarded{
		{gold(""), "", true},
		{betaClaim("gold"), "", true},
		{betaClaim("silver"), "", false},
		{betaClaim(""), "", false},
		{claim(`"storageClassName":""`), "", false},
		{claim(`"storageClassName":"silver"`), "", false},
		{gold(`,"volumeName":"theirs"`), "", false},
		{gold(`,"selector":{"matchLabels":{"tenant":"globex"}}`), "", false},
		{gold(`,"dataSourceRef":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot",` +
			`"name":"s","namespace":"globex"}`), "", false},
	}
}

func guardedPlacements() []guarded {
	tolerating := func(fields string) string { return pod(`"tolerations":[{` + fields + `}]`) }
	return []guarded{
		{pod(`"nodeName":"control-plane-1"`), pod(`"nodeSelector":{"disk":"fast"}`), false},
		{tolerating(`"operator":"Exists"`), tolerating(`"key":"node.kubernetes.io/not-ready","operator":"Exists"`), false},
		{tolerating(`"operator":"Exists","effect":"NoSchedule"`), "", false},
		{tolerating(`"key":"node-role.kubernetes.io/control-plane","operator":"Exists"`), "", true},
		{tolerating(`"key":"node.kubernetes.io/unschedulable","operator":"Exists"`), "", false},
		{pod(`"terminationGracePeriodSeconds":315360000`), pod(`"terminationGracePeriodSeconds":3600`), false},
		{pod(apart(`"namespaceSelector":{}`)), pod(apart(`"labelSelector":{"matchLabels":{"app":"web"}}`)), false},
		{pod(apart(`"namespaces":["kube-system"]`)), "", false},
		{tolerating(`"key":"dedicated","value":"globex"`), "", false},
		{pod(`"priorityClassName":"system-node-critical"`), pod(""), true},
		{pod(`"runtimeClassName":"sandbox"`), pod(""), true},
	}
}

func guardedImages() []guarded {
	const registry = "registry.example.com/acme"
	digest := "@sha256:" + strings.Repeat("0123456789", 6) + "0123"
	initPod := func(image string) string {
		return pod(`"initContainers":[{"name":"i","image":"` + image + `",` + safe + `}]`)
	}
	return []guarded{
		{podOf("nginx", ""), podOf(registry+"/web"+digest, ""), true},
		{podOf("docker.io/library/nginx:1", ""), podOf(registry+"/a/b/c:1", ""), true},
		{podOf(registry+"x/web", ""), "", true},
		{podOf("registry.example.com:5000/acme/web", ""), podOf(registry+":v1", ""), true},
		{podOf("ACME/app", ""), podOf(registry, ""), true},
		{podOf("evil.example.com/"+registry+"/web", ""), "", true},
		{initPod("nginx"), initPod(registry + "/init"), true},
	}
}
