package topologytest

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// as is the same request of somebody else.
func as(user string, groups []string, r topology.Request) topology.Request {
	r.User, r.Groups = user, groups
	return r
}

// controller is a component of the cluster itself.
func controller(name string, r topology.Request) topology.Request {
	return as("system:serviceaccount:kube-system:"+name, nil, r)
}

func administrator(r topology.Request) topology.Request {
	return as("an-administrator", []string{"system:masters"}, r)
}

// checkSenders checks for whom each rule holds. What a tenant's Deployment or StatefulSet makes is made by controllers, and must be held against
// the rules all the same.
func checkSenders[P GuardrailsTopology](t T, h Harness[P], install func(T, ...topology.Guardrail)) {
	t.Helper()
	who := newMember(t, h)
	removeGuardrails(t, h, who)
	h.Outsider.Grant(t, who.namespace, topology.Grant{
		Role: "controllers", Rules: []rbac.Rule{{
			APIGroups: []string{"", "discovery.k8s.io"}, Verbs: []string{"create", "patch"},
			Resources: []string{"pods", "persistentvolumeclaims", "endpointslices", "configmaps", "secrets"},
		}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "system:serviceaccounts:kube-system"}},
	})
	for resource, manifest := range map[string]string{
		"pods": pod(""), "persistentvolumeclaims": claim(`"storageClassName":"gold"`), "services": service(`"type":"NodePort"`),
		"endpoints": `{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"by-hand"},"subsets":[{"addresses":[{"ip":"192.0.2.1"}]}]}`,
	} {
		h.Outsider.Put(t, who.namespace, "", resource, manifest)
	}
	install(t, topology.AllGuardrails()...)
	checkControllers(who)
	checkUpdates(who)
	checkNamespace(who)
}

func checkControllers(who member) {
	badPod, badClaim := who.creates("", "pods", pod(`"nodeName":"n"`)), who.creates("", "persistentvolumeclaims", claim(`"storageClassName":"gold"`))
	who.refused(controller("replicaset-controller", badPod), topology.GuardrailPlacement)
	who.refused(controller("statefulset-controller", badClaim), topology.GuardrailClaims)
	who.refused(administrator(badPod), topology.GuardrailPlacement)
	who.refused(administrator(badClaim), topology.GuardrailClaims)
	who.refused(administrator(who.creates("", "pods", podOf("nginx", ""))), topology.GuardrailImages)

	handMade := who.creates("discovery.k8s.io", "endpointslices", slice(""))
	who.refused(handMade, topology.GuardrailEndpoints)
	who.admitted(controller("endpointslice-controller", handMade))
	who.admitted(administrator(handMade))
	hold := who.creates("", "configmaps", configMap(`"example.com/hold"`))
	who.refused(hold, topology.GuardrailFinalizers)
	who.admitted(controller("generic-garbage-collector", hold))
	who.admitted(administrator(hold))
	fromTemplate := who.creates("", "pods", held(pod("")))
	who.refused(controller("replicaset-controller", fromTemplate), topology.GuardrailFinalizers)
	who.refused(administrator(fromTemplate), topology.GuardrailFinalizers)
	who.admitted(controller("job-controller", who.creates("", "pods", strings.Replace(pod(""), `"metadata":{`,
		`"metadata":{"finalizers":["batch.kubernetes.io/job-tracking"],"ownerReferences":[{"apiVersion":"batch/v1","kind":"Job","name":"j","uid":"1","controller":true}],`, 1))))
	who.admitted(administrator(who.creates("", "services", service(`"externalIPs":["192.0.2.1"]`))))
}

// usual are the tolerations that Kubernetes gives to every pod, which an update must keep.
const usual = `{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},` +
	`{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}`

func checkUpdates(who member) {
	label := `{"metadata":{"labels":{"a":"b"}}}`
	for resource, name := range map[string]string{"pods": "app", "persistentvolumeclaims": "data", "services": "web", "endpoints": "by-hand"} {
		who.admitted(who.patches(resource, name, label))
	}
	who.refused(who.patches("pods", "app", `{"spec":{"containers":[{"name":"app","image":"nginx:1",`+safe+`}]}}`), topology.GuardrailImages)
	who.refused(who.patches("pods", "app", `{"spec":{"tolerations":[`+usual+`,{"operator":"Exists"}]}}`), topology.GuardrailPlacement)
	debug := who.patches("pods", "app", `{"spec":{"ephemeralContainers":[{"name":"debug","image":"nginx",`+safe+`}]}}`)
	debug.Subresource = "ephemeralcontainers"
	who.refused(debug, topology.GuardrailImages)
	debug.Object = []byte(`{"spec":{"ephemeralContainers":[{"name":"debug","image":"registry.example.com/acme/debug",` + safe + `}]}}`)
	who.admitted(debug)

	bind := who.patches("persistentvolumeclaims", "data", `{"spec":{"volumeName":"theirs"}}`)
	who.refused(bind, topology.GuardrailClaims)
	who.admitted(controller("persistent-volume-binder", bind))
	who.refused(who.patches("services", "web", `{"spec":{"type":"LoadBalancer"}}`), topology.GuardrailServices)
	who.refused(who.patches("endpoints", "by-hand", `{"subsets":[{"addresses":[{"ip":"192.0.2.2"}]}]}`), topology.GuardrailEndpoints)
	who.refused(who.patches("services", "web", `{"metadata":{"finalizers":["example.com/hold"]}}`), topology.GuardrailFinalizers)
	cleanup := who.patches("services", "web", `{"metadata":{"finalizers":["service.kubernetes.io/load-balancer-cleanup"]}}`)
	who.refused(cleanup, topology.GuardrailFinalizers)
	cleanup.Subresource = "status"
	who.admitted(cleanup)
}

// checkNamespace checks a member who can write the namespace itself, by a grant that Polyphony would never give.
func checkNamespace(who member) {
	for _, subresource := range []string{"", "status"} {
		for patch, isRefused := range map[string]bool{
			`{"metadata":{"labels":{"team":"a"},"annotations":{"example.com/team":"a"}}}`:           false,
			`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`:           true,
			`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":null}}}`:                   true,
			`{"metadata":{"labels":{"` + topology.LabelTenant + `":null}}}`:                         true,
			`{"metadata":{"labels":{"` + adapter.LabelDomain + `bank.example.com":"held"}}}`:        true,
			`{"metadata":{"annotations":{"` + topology.AnnotationAllow + `image-registries":"*"}}}`: true,
			`{"metadata":{"labels":null}}`:                     true,
			`{"metadata":{"finalizers":["example.com/hold"]}}`: true,
			`{"metadata":{"annotations":{"` + topology.AnnotationDeletionProtection + `":"true"},"labels":{"a":"b"}}}`: true,
		} {
			r := who.patches("namespaces", who.namespace, patch)
			r.Subresource = subresource
			if isRefused {
				who.refused(r, topology.GuardrailNamespaces)
			} else {
				who.admitted(r)
			}
			who.admitted(administrator(r))
		}
	}
	finalize := who.request("update", "", "namespaces", who.namespace,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+who.namespace+`"},"spec":{"finalizers":["kubernetes"]}}`)
	finalize.Subresource = "finalize"
	who.refused(finalize, topology.GuardrailNamespaces)
}
