package topologytest

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// Manifests of objects, with more fields of their specification.

func spec(more, rest string) string {
	if more == "" {
		return "{" + rest + "}"
	}
	return "{" + more + "," + rest + "}"
}

func service(more string) string {
	return `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":` + spec(more, `"ports":[{"port":80}],"selector":{"app":"web"}`) + `}`
}

func claim(more string) string {
	return `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":` +
		spec(more, `"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}`) + `}`
}

const safe = `"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}`

func podOf(image, more string) string {
	if more == "" {
		more = `"automountServiceAccountToken":false`
	}
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app"},"spec":` + spec(more,
		`"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"app","image":"`+image+`",`+safe+`}]`) + `}`
}

// pod gets no token, unless more says something about its service account.
func pod(more string) string {
	if more != "" && !strings.Contains(more, "serviceAccount") {
		more = `"automountServiceAccountToken":false,` + more
	}
	return podOf("registry.example.com/acme/app:1", more)
}

func ingress(annotations, more string) string {
	return `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"web","annotations":{` + annotations + `}},"spec":{` + more + `}}`
}

func host(name string) string {
	return `"rules":[{"host":"` + name + `","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}}]}}]`
}

func slice(more string) string {
	return `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web"` + more + `},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"]}]}`
}

func volumes(source string) string { return `"volumes":[{"name":"v",` + source + `}]` }

// guarded is an object that a rule refuses in a strict namespace.
type guarded struct {
	rule            topology.Guardrail
	group, resource string
	object          string
	instead         string // nearly the same, and admitted there; none: nothing is
	allowable       bool   // admitted in a namespace where everything is allowed
}

// guardrailTable has the tenant's domain in own.
func guardrailTable(own string) []guarded {
	const (
		services   = topology.GuardrailServices
		endpoints  = topology.GuardrailEndpoints
		hosts      = topology.GuardrailIngress
		claims     = topology.GuardrailClaims
		placement  = topology.GuardrailPlacement
		images     = topology.GuardrailImages
		networking = "networking.k8s.io"
		registry   = "registry.example.com/acme"
	)
	plain := pod("")
	rows := []guarded{
		{services, "", "services", service(`"externalIPs":["192.0.2.1"]`), service(""), false},
		{services, "", "services", service(`"type":"NodePort"`), service(`"type":"ClusterIP"`), true},
		{services, "", "services", service(`"type":"LoadBalancer"`), service(`"clusterIP":"None"`), true},
		{services, "", "services", service(`"type":"ExternalName","externalName":"db.example.com"`), "", true},
		{services, "", "services", service(`"type":"ExternalName","externalName":"db.example.com."`), "", true},
		{services, "", "services", service(`"type":"ExternalName","externalName":"web.globex.svc.cluster.local"`), "", false},
		{services, "", "services", service(`"type":"ExternalName","externalName":"notexample.com"`), "", false},
		{endpoints, "", "endpoints", `{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"web"},"subsets":[{"addresses":[{"ip":"192.0.2.1"}]}]}`, "", false},
		{endpoints, "discovery.k8s.io", "endpointslices", slice(""), "", false},
		{endpoints, "discovery.k8s.io", "endpointslices", slice(`,"labels":{"kubernetes.io/service-name":"web","endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}`), "", false},
		{hosts, networking, "ingresses", ingress("", host(own)), "", true},
		{hosts, networking, "ingresses", ingress("", host("www."+own)), "", true},
		{hosts, networking, "ingresses", ingress("", host("*."+own)), "", true},
		{hosts, networking, "ingresses", ingress("", host("x"+own)), "", false},
		{hosts, networking, "ingresses", ingress("", host("example.com")), "", false},
		{hosts, networking, "ingresses", ingress("", host("*.example.com")), "", false},
		{hosts, networking, "ingresses", ingress("", host("")), "", false},
		{hosts, networking, "ingresses", ingress("", host(own)+`,"defaultBackend":{"service":{"name":"web","port":{"number":80}}}`), "", false},
		{hosts, networking, "ingresses", ingress("", host(own)+`,"tls":[{"hosts":["`+own+`"],"secretName":"tls"}]`), "", true},
		{hosts, networking, "ingresses", ingress("", host(own)+`,"tls":[{"hosts":["bank.example.com"],"secretName":"tls"}]`), "", false},
		{hosts, networking, "ingresses", ingress("", host(own)+`,"tls":[{"secretName":"tls"}]`), "", false},
		{hosts, networking, "ingresses", ingress(`"nginx.ingress.kubernetes.io/server-snippet":"x"`, host(own)), "", true},
		{hosts, networking, "ingresses", ingress(`"nginx.org/location-snippets":"x"`, host(own)), "", false},
		{hosts, networking, "ingresses", ingress(`"external-dns.alpha.kubernetes.io/hostname":"a.`+own+`, `+own+`"`, host(own)), "", true},
		{hosts, networking, "ingresses", ingress(`"external-dns.alpha.kubernetes.io/hostname":"a.`+own+`,bank.example.com"`, host(own)), "", false},
		{hosts, networking, "ingresses", ingress(`"cert-manager.io/alt-names":"bank.example.com"`, host(own)), "", false},
		{hosts, networking, "ingresses", ingress(`"zalando.org/skipper-routes":"r: * -> <shunt>;"`, host(own)), "", false},
		{hosts, networking, "ingresses", ingress(`"cert-manager.io/cluster-issuer":"letsencrypt"`, strings.Replace(host(own), `"path":"/"`, `"path":"/a { }"`, 1)), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":"gold"`), "", true},
		{claims, "", "persistentvolumeclaims", betaClaim("gold"), "", true},
		{claims, "", "persistentvolumeclaims", betaClaim("silver"), "", false},
		{claims, "", "persistentvolumeclaims", betaClaim(""), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":""`), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":"silver"`), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":"gold","volumeName":"theirs"`), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":"gold","selector":{"matchLabels":{"tenant":"globex"}}`), "", false},
		{claims, "", "persistentvolumeclaims", claim(`"storageClassName":"gold","dataSourceRef":{"apiGroup":"snapshot.storage.k8s.io","kind":"VolumeSnapshot","name":"s","namespace":"globex"}`), "", false},
		{topology.GuardrailVolumes, "", "pods", pod(volumes(`"csi":{"driver":"csi.example.com"}`)), pod(volumes(`"emptyDir":{}`)), true},
		{topology.GuardrailVolumes, "", "pods", pod(volumes(`"csi":{"driver":"other.example.com"}`)), pod(volumes(`"configMap":{"name":"c"}`)), false},
		{placement, "", "pods", pod(`"nodeName":"control-plane-1"`), pod(`"nodeSelector":{"disk":"fast"}`), false},
		{placement, "", "pods", pod(`"tolerations":[{"operator":"Exists"}]`), pod(`"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists"}]`), false},
		{placement, "", "pods", pod(`"tolerations":[{"operator":"Exists","effect":"NoSchedule"}]`), "", false},
		{placement, "", "pods", pod(`"tolerations":[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists"}]`), "", true},
		{placement, "", "pods", pod(`"tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists"}]`), "", false},
		{placement, "", "pods", pod(`"terminationGracePeriodSeconds":315360000`), pod(`"terminationGracePeriodSeconds":3600`), false},
		{placement, "", "pods", pod(apart(`"namespaceSelector":{}`)), pod(apart(`"labelSelector":{"matchLabels":{"app":"web"}}`)), false},
		{placement, "", "pods", pod(apart(`"namespaces":["kube-system"]`)), "", false},
		{placement, "", "pods", pod(`"tolerations":[{"key":"dedicated","value":"globex"}]`), "", false},
		{placement, "", "pods", pod(`"priorityClassName":"system-node-critical"`), plain, true},
		{placement, "", "pods", pod(`"runtimeClassName":"sandbox"`), plain, true},
		{images, "", "pods", podOf("nginx", ""), podOf(registry+"/web@sha256:0123456789012345678901234567890123456789012345678901234567890123", ""), true},
		{images, "", "pods", podOf("docker.io/library/nginx:1", ""), podOf(registry+"/a/b/c:1", ""), true},
		{images, "", "pods", podOf(registry+"x/web", ""), "", true},
		{images, "", "pods", podOf("registry.example.com:5000/acme/web", ""), podOf(registry+":v1", ""), true},
		{images, "", "pods", podOf("ACME/app", ""), podOf(registry, ""), true},
		{images, "", "pods", podOf("evil.example.com/"+registry+"/web", ""), "", true},
		{images, "", "pods", pod(`"initContainers":[{"name":"i","image":"nginx",` + safe + `}]`), pod(`"initContainers":[{"name":"i","image":"` + registry + `/init",` + safe + `}]`), true},
		{topology.GuardrailDefaultToken, "", "pods", pod(`"serviceAccountName":"default"`), pod(`"serviceAccountName":"default","automountServiceAccountToken":false`), true},
		{topology.GuardrailTokenSecrets, "", "secrets", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t","annotations":{"kubernetes.io/service-account.name":"default"}},"type":"kubernetes.io/service-account-token"}`,
			`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"t"},"type":"Opaque"}`, false},
		{topology.GuardrailFinalizers, "", "configmaps", configMap(`"example.com/hold"`), configMap(`"foregroundDeletion"`), false},
		{topology.GuardrailFinalizers, "", "pods", held(podOf("registry.example.com/acme/app", "")), podOf("registry.example.com/acme/app", ""), false},
		{topology.GuardrailFinalizers, "", "configmaps", configMap(`"kubernetes.io/pvc-protection"`), configMap(""), false},
	}
	return rows
}

// betaClaim names its class by the annotation of old, which counts more than the field.
func betaClaim(class string) string {
	return strings.Replace(claim(`"storageClassName":"gold"`), `"name":"data"`, `"name":"data","annotations":{"volume.beta.kubernetes.io/storage-class":"`+class+`"}`, 1)
}

// apart keeps a pod away from others.
func apart(from string) string {
	return `"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"topology.kubernetes.io/zone",` + from + `}]}}`
}

// held is the manifest with a finalizer.
func held(manifest string) string {
	return strings.Replace(manifest, `"metadata":{`, `"metadata":{"finalizers":["example.com/hold"],`, 1)
}

func configMap(finalizers string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","finalizers":[` + finalizers + `]}}`
}

func checkGuardrailTable[P GuardrailsTopology](t T, h Harness[P], install func(T, ...topology.Guardrail)) {
	t.Helper()
	h.Outsider.Put(t, "", "node.k8s.io", "runtimeclasses", `{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"sandbox"},"handler":"sandbox"}`)
	tight, loose := newMember(t, h), newMemberWith(t, h, allowed)
	install(t, topology.AllGuardrails()...)
	own := loose.namespace + ".example.com"
	for _, row := range guardrailTable(own) {
		tight.refused(tight.creates(row.group, row.resource, row.object), row.rule)
		if row.instead != "" {
			tight.admitted(tight.creates(row.group, row.resource, row.instead))
		}
		if row.allowable {
			loose.admitted(loose.creates(row.group, row.resource, row.object))
		} else {
			loose.refused(loose.creates(row.group, row.resource, row.object), row.rule)
		}
	}
}
