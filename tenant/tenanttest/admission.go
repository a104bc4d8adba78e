package tenanttest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// Attacks returns all known attacks that can be tried without writes, in the order of
// docs/threat-model.md.
func Attacks() []AttackCase {
	var all []AttackCase
	for _, list := range [][]AttackCase{accessAttacks(), networkAttacks(), podAttacks(), storageAttacks(), namespaceAttacks()} {
		all = append(all, list...)
	}
	return all
}

func guarded(rule topology.Guardrail, name string, needs func(setup) string, attempts func(setup) []attempt) AttackCase {
	return AttackCase{Name: name, Fence: topology.FenceGuardrails, Rule: rule, needs: needs, attempts: attempts}
}

func networkAttacks() []AttackCase {
	ingress := func(name string, attempts func(setup) []topology.Request) AttackCase {
		return guarded(topology.GuardrailIngress, name, needsDomain, func(s setup) []attempt {
			harmless := s.ingress("", rules(s.domain))
			var all []attempt
			for _, r := range attempts(s) {
				all = append(all, attempt{r, &harmless})
			}
			return all
		})
	}
	return []AttackCase{
		guarded(topology.GuardrailServices, "externalIPs of a Service (CVE-2020-8554)", nil, func(s setup) []attempt {
			return s.services(`"externalIPs":["192.0.2.1"]`)
		}),
		guarded(topology.GuardrailServices, "Services of the types NodePort and LoadBalancer", nil, func(s setup) []attempt {
			var specs []string
			for _, kind := range []topology.ServiceType{topology.NodePort, topology.LoadBalancer} {
				if !slices.Contains(s.types, kind) {
					specs = append(specs, `"type":"`+string(kind)+`"`)
				}
			}
			return s.services(specs...)
		}),
		guarded(topology.GuardrailServices, "ExternalName to another tenant", nil, func(s setup) []attempt {
			return s.services(`"type":"ExternalName","externalName":"web.`+s.other+`.svc.cluster.local"`, `"type":"ExternalName","externalName":"kubernetes.default.svc"`)
		}),
		{Name: "endpoints with addresses outside the tenant (CVE-2021-25740)", Fence: topology.FenceAccess, attempts: func(s setup) []attempt {
			return each(
				create("endpointslices.discovery.k8s.io", s.own, object("discovery.k8s.io/v1", "EndpointSlice", absent, `"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"]}]`)),
				create("endpoints", s.own, object("v1", "Endpoints", absent, `"subsets":[{"addresses":[{"ip":"192.0.2.1"}]}]`)),
			)
		}},
		ingress("host of another tenant in an Ingress", func(s setup) []topology.Request {
			return []topology.Request{s.ingress("", rules(s.theirs)), s.ingress("", rules("www."+s.theirs)),
				s.ingress("", rules(s.domain)+`,"tls":[{"hosts":["`+s.theirs+`"],"secretName":"x"}]`)}
		}),
		ingress("wildcard host, missing host and default backend in an Ingress", func(s setup) []topology.Request {
			return []topology.Request{s.ingress("", rules("*.com")), s.ingress("", rules("")), s.ingress("", `"defaultBackend":`+backend)}
		}),
		ingress("snippets and other instructions to a shared ingress controller (CVE-2021-25742)", func(s setup) []topology.Request {
			return []topology.Request{s.ingress(`"nginx.ingress.kubernetes.io/server-snippet":"return 200;"`, rules(s.domain)),
				s.ingress(`"nginx.ingress.kubernetes.io/server-alias":"`+s.theirs+`"`, rules(s.domain)), s.ingress(`"nginx.org/location-snippets":"x"`, rules(s.domain)),
				s.ingress("", strings.Replace(rules(s.domain), `"path":"/"`, `"path":"/ { } }"`, 1))}
		}),
		ingress("DNS name or certificate of another tenant", func(s setup) []topology.Request {
			return []topology.Request{s.ingress(`"external-dns.alpha.kubernetes.io/hostname":"`+s.theirs+`"`, rules(s.domain)),
				s.ingress(`"cert-manager.io/alt-names":"`+s.theirs+`"`, rules(s.domain))}
		}),
	}
}

func podAttacks() []AttackCase {
	pods := func(fence topology.Fence, rule topology.Guardrail, name string, manifests func(setup) []string) AttackCase {
		return AttackCase{Name: name, Fence: fence, Rule: rule, needs: needsImage, attempts: func(s setup) []attempt { return s.pods(manifests(s)...) }}
	}
	const guardrails = topology.FenceGuardrails
	return []AttackCase{
		pods(guardrails, topology.GuardrailPlacement, "pod with the class system-node-critical, a node name or a toleration of every taint", func(s setup) []string {
			return []string{s.pod(`"priorityClassName":"system-node-critical"`, "", ""), s.pod(`"nodeName":"control-plane-1"`, "", ""),
				s.pod(`"tolerations":[{"operator":"Exists"}]`, "", ""), s.pod(`"tolerations":[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists"}]`, "", "")}
		}),
		pods(guardrails, topology.GuardrailPlacement, "anti-affinity that keeps pods of other tenants off a node", func(s setup) []string {
			return []string{s.pod(`"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","namespaceSelector":{}}]}}`, "", "")}
		}),
		pods(guardrails, topology.GuardrailPlacement, "pod with a grace period of years", func(s setup) []string {
			return []string{s.pod(`"terminationGracePeriodSeconds":315360000`, "", "")}
		}),
		pods(guardrails, topology.GuardrailImages, "image from a registry that is not allowed", func(s setup) []string {
			if s.anyImage {
				return nil
			}
			return []string{s.pod("", `"image":"evil.example.com/x"`, ""), s.pod(`"initContainers":[{"name":"x","image":"evil.example.com/x","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]`, "", ""),
				s.pod(`"volumes":[{"name":"v","image":{"reference":"evil.example.com/x"}}]`, "", "")}
		}),
		pods(guardrails, topology.GuardrailVolumes, "volume that bypasses claims", func(s setup) []string {
			return []string{s.pod(`"volumes":[{"name":"v","csi":{"driver":"polyphony-tenanttest.example.com"}}]`, "", "")}
		}),
		pods(guardrails, topology.GuardrailDefaultToken, "pod that gets the token of the service account default", func(s setup) []string {
			if s.token {
				return nil
			}
			return []string{s.pod(`"automountServiceAccountToken":true`, "", "")}
		}),
		pods(topology.FencePodSecurity, "", "privileged container, added capability, privilege escalation, user root", func(s setup) []string {
			var manifests []string
			if s.level != topology.PodSecurityPrivileged {
				manifests = append(manifests, s.pod("", "", `"privileged":true,"allowPrivilegeEscalation":true`), s.pod("", "", `"capabilities":{"add":["SYS_ADMIN"]}`))
			}
			if s.level == topology.PodSecurityRestricted || s.level == "" {
				manifests = append(manifests, s.pod("", "", `"allowPrivilegeEscalation":true`), s.pod(`"securityContext":{"runAsUser":0,"seccompProfile":{"type":"RuntimeDefault"}}`, "", ""))
			}
			return manifests
		}),
		pods(topology.FencePodSecurity, "", "host path, host network, host port, host processes and host IPC", func(s setup) []string {
			if s.level == topology.PodSecurityPrivileged {
				return nil
			}
			return []string{s.pod(`"volumes":[{"name":"v","hostPath":{"path":"/"}}]`, "", ""), s.pod(`"hostNetwork":true`, "", ""), s.pod("", `"ports":[{"containerPort":80,"hostPort":80}]`, ""),
				s.pod(`"hostPID":true`, "", ""), s.pod(`"hostIPC":true`, "", "")}
		}),
		pods(topology.FenceLimits, "", "container with a limit of zero, which Kubernetes treats as no limit", func(s setup) []string {
			return []string{s.pod("", `"resources":{"limits":{"cpu":"0","memory":"0","ephemeral-storage":"0"},"requests":{"cpu":"0","memory":"0","ephemeral-storage":"0"}}`, "")}
		}),
		pods(topology.FenceQuota, "", "pod that exceeds the quota, also by way of quota scopes", func(s setup) []string {
			much := `"resources":{"limits":{"cpu":"9999","memory":"9999Ti"},"requests":{"cpu":"9999","memory":"9999Ti"}}`
			return []string{s.pod("", much, ""), s.pod(`"activeDeadlineSeconds":60`, much, ""), s.pod(`"terminationGracePeriodSeconds":0`, much, "")}
		}),
	}
}

func storageAttacks() []AttackCase {
	claims := func(name string, specs func(setup) []string) AttackCase {
		return guarded(topology.GuardrailClaims, name, needsClass, func(s setup) []attempt { return s.claims(specs(s)...) })
	}
	return []AttackCase{
		claims("claim of another tenant's volume", func(s setup) []string {
			class := `"storageClassName":"` + s.class + `",`
			return []string{class + `"volumeName":"theirs"`, class + `"selector":{"matchLabels":{"a":"b"}}`}
		}),
		claims("storage class that is not allowed, or none", func(setup) []string {
			return []string{`"storageClassName":"polyphony-tenanttest"`, `"storageClassName":""`}
		}),
		guarded(topology.GuardrailClaims, "storage class by the deprecated annotation", needsClass, func(s setup) []attempt {
			all := s.claims(`"storageClassName":"` + s.class + `"`)
			all[0].request.Object = json.RawMessage(strings.Replace(string(all[0].request.Object), `"metadata":{`,
				`"metadata":{"annotations":{"volume.beta.kubernetes.io/storage-class":"polyphony-tenanttest"},`, 1))
			return all
		}),
		guarded(topology.GuardrailTokenSecrets, "Secret with a token that never expires", nil, func(s setup) []attempt {
			return each(create("secrets", s.own, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"`+absent+
				`","annotations":{"kubernetes.io/service-account.name":"default"}},"type":"kubernetes.io/service-account-token"}`))
		}),
	}
}

func namespaceAttacks() []AttackCase {
	return []AttackCase{
		{Name: "labels of the tenant's namespace, through any subresource (GHSA-2ww6-hf35-mfjm)", Fence: topology.FenceAccess, attempts: func(s setup) []attempt {
			var requests []topology.Request
			for _, resource := range []string{"namespaces", "namespaces/status"} {
				requests = append(requests,
					write("patch", resource, s.own, s.own, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`),
					write("patch", resource, s.own, s.own, `{"metadata":{"labels":{"`+topology.LabelTenant+`":null}}}`))
			}
			return each(append(requests, write("update", "namespaces/finalize", s.own, s.own, object("v1", "Namespace", s.own, `"spec":{"finalizers":["kubernetes"]}`)))...)
		}},
		guarded(topology.GuardrailFinalizers, "finalizer that blocks the deletion of the namespace", nil, func(s setup) []attempt {
			return each(create("configmaps", s.own, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"`+absent+`","finalizers":["example.com/hold"]}}`),
				create("services", s.own, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"`+absent+`","finalizers":["service.kubernetes.io/load-balancer-cleanup"]},"spec":{"ports":[{"port":80}]}}`))
		}),
	}
}
