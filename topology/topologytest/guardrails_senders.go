package topologytest

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// as returns the same request from another sender.
func as(user string, groups []string, r topology.Request) topology.Request {
	r.User, r.Groups = user, groups
	return r
}

// asController returns the same request from a component of the cluster itself.
func asController(name string, r topology.Request) topology.Request {
	return as("system:serviceaccount:kube-system:"+name, nil, r)
}

func asAdministrator(r topology.Request) topology.Request {
	return as("an-administrator", []string{"system:masters"}, r)
}

// checkSenders checks to which senders each rule applies. Controllers create the pods and claims of
// a tenant's Deployment or StatefulSet, so most rules apply to them too.
func (g guardrails) checkSenders(t T) {
	m := g.newMember(t, strictAllowances)
	g.requireNoneInForce(t, m)
	g.outsider.Grant(t, m.namespace, topology.Grant{
		Role: "controllers", Rules: []rbac.Rule{{
			APIGroups: []string{"", "discovery.k8s.io"}, Verbs: []string{"create", "patch"},
			Resources: []string{"pods", "persistentvolumeclaims", "endpointslices", "configmaps", "secrets"},
		}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "system:serviceaccounts:kube-system"}},
	})
	for resource, manifest := range map[string]string{
		"pods": pod(""), "persistentvolumeclaims": claim(`"storageClassName":"gold"`),
		"services": service(`"type":"NodePort"`), "endpoints": endpoints("by-hand", "192.0.2.1"),
	} {
		g.outsider.Put(t, m.namespace, "", resource, manifest)
	}
	g.install(t, topology.AllGuardrails()...)
	m.checkControllers()
	m.checkFinalizers()
	m.checkUpdates()
	m.checkNamespace()
}

func (m member) checkControllers() {
	badPod := m.creates("", "pods", pod(`"nodeName":"n"`))
	badClaim := m.creates("", "persistentvolumeclaims", claim(`"storageClassName":"gold"`))
	m.requireRefused(asController("replicaset-controller", badPod), topology.GuardrailPlacement)
	m.requireRefused(asController("statefulset-controller", badClaim), topology.GuardrailClaims)
	m.requireRefused(asAdministrator(badPod), topology.GuardrailPlacement)
	m.requireRefused(asAdministrator(badClaim), topology.GuardrailClaims)
	m.requireRefused(asAdministrator(m.creates("", "pods", podOf("nginx", ""))), topology.GuardrailImages)
	byHand := m.creates("discovery.k8s.io", "endpointslices", endpointSlice(""))
	m.requireRefused(byHand, topology.GuardrailEndpoints)
	m.requireAdmitted(asController("endpointslice-controller", byHand))
	m.requireAdmitted(asAdministrator(byHand))
	m.requireAdmitted(asAdministrator(m.creates("", "services", service(`"externalIPs":["192.0.2.1"]`))))
}

func (m member) checkFinalizers() {
	hold := m.creates("", "configmaps", configMap(`"example.com/hold"`))
	m.requireRefused(hold, topology.GuardrailFinalizers)
	m.requireAdmitted(asController("generic-garbage-collector", hold))
	m.requireAdmitted(asAdministrator(hold))
	fromTemplate := m.creates("", "pods", held(pod("")))
	m.requireRefused(asController("replicaset-controller", fromTemplate), topology.GuardrailFinalizers)
	m.requireRefused(asAdministrator(fromTemplate), topology.GuardrailFinalizers)
	tracked := strings.Replace(pod(""), `"metadata":{`,
		`"metadata":{"finalizers":["batch.kubernetes.io/job-tracking"],"ownerReferences":[`+
			`{"apiVersion":"batch/v1","kind":"Job","name":"j","uid":"1","controller":true}],`, 1)
	m.requireAdmitted(asController("job-controller", m.creates("", "pods", tracked)))
}

// usualTolerations are the tolerations that Kubernetes adds to every pod. An update must keep them.
const usualTolerations = `{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",` +
	`"tolerationSeconds":300},` +
	`{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}`

func (m member) checkUpdates() {
	label := `{"metadata":{"labels":{"a":"b"}}}`
	for resource, name := range map[string]string{
		"pods": "app", "persistentvolumeclaims": "data", "services": "web", "endpoints": "by-hand",
	} {
		m.requireAdmitted(m.patches(resource, name, label))
	}
	image := m.patches("pods", "app", `{"spec":{"containers":[{"name":"app","image":"nginx:1",`+safe+`}]}}`)
	m.requireRefused(image, topology.GuardrailImages)
	m.requireRefused(m.patches("pods", "app",
		`{"spec":{"tolerations":[`+usualTolerations+`,{"operator":"Exists"}]}}`), topology.GuardrailPlacement)
	m.checkDebugContainers()
	bind := m.patches("persistentvolumeclaims", "data", `{"spec":{"volumeName":"theirs"}}`)
	m.requireRefused(bind, topology.GuardrailClaims)
	m.requireAdmitted(asController("persistent-volume-binder", bind))
	m.requireRefused(m.patches("services", "web", `{"spec":{"type":"LoadBalancer"}}`), topology.GuardrailServices)
	elsewhere := m.patches("endpoints", "by-hand", `{"subsets":[{"addresses":[{"ip":"192.0.2.2"}]}]}`)
	m.requireRefused(elsewhere, topology.GuardrailEndpoints)
	hold := m.patches("services", "web", `{"metadata":{"finalizers":["example.com/hold"]}}`)
	m.requireRefused(hold, topology.GuardrailFinalizers)
	cleanup := m.patches("services", "web",
		`{"metadata":{"finalizers":["service.kubernetes.io/load-balancer-cleanup"]}}`)
	m.requireRefused(cleanup, topology.GuardrailFinalizers)
	cleanup.Subresource = "status"
	m.requireAdmitted(cleanup)
}

// checkDebugContainers checks containers that are added to a pod while it runs.
func (m member) checkDebugContainers() {
	add := func(image string) topology.Request {
		r := m.patches("pods", "app",
			`{"spec":{"ephemeralContainers":[{"name":"debug","image":"`+image+`",`+safe+`}]}}`)
		r.Subresource = "ephemeralcontainers"
		return r
	}
	m.requireRefused(add("nginx"), topology.GuardrailImages)
	m.requireAdmitted(add("registry.example.com/acme/debug"))
}

// checkNamespace checks a member with rights on the namespace itself, which Polyphony never grants.
func (m member) checkNamespace() {
	for _, subresource := range []string{"", "status"} {
		for patch, refused := range map[string]bool{
			`{"metadata":{"labels":{"team":"a"},"annotations":{"example.com/team":"a"}}}`:           false,
			`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`:           true,
			`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":null}}}`:                   true,
			`{"metadata":{"labels":{"` + topology.LabelTenant + `":null}}}`:                         true,
			`{"metadata":{"labels":{"` + adapter.LabelDomain + `bank.example.com":"held"}}}`:        true,
			`{"metadata":{"annotations":{"` + topology.AnnotationAllow + `image-registries":"*"}}}`: true,
			`{"metadata":{"labels":null}}`:                     true,
			`{"metadata":{"finalizers":["example.com/hold"]}}`: true,
			`{"metadata":{"annotations":{"` + topology.AnnotationDeletionProtection +
				`":"true"},"labels":{"a":"b"}}}`: true,
		} {
			r := m.patches("namespaces", m.namespace, patch)
			r.Subresource = subresource
			if refused {
				m.requireRefused(r, topology.GuardrailNamespaces)
			} else {
				m.requireAdmitted(r)
			}
			m.requireAdmitted(asAdministrator(r))
		}
	}
	finalize := m.request("update", "", "namespaces", m.namespace,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+m.namespace+`"},"spec":{"finalizers":["kubernetes"]}}`)
	finalize.Subresource = "finalize"
	m.requireRefused(finalize, topology.GuardrailNamespaces)
}
