package tenanttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// Resources, as ask takes them.
const (
	networkPolicies = "networkpolicies.networking.k8s.io"
	roles           = "roles.rbac.authorization.k8s.io"
	roleBindings    = "rolebindings.rbac.authorization.k8s.io"
	rbacV1          = "rbac.authorization.k8s.io/v1"
)

// accessAttacks returns the attacks that rights alone stop.
func accessAttacks() []AttackCase {
	return slices.Concat(fenceAttacks(), rightsAttacks(), otherTenantAttacks(), platformAttacks(), nodeAttacks())
}

// access returns an attack that rights stop.
func access(name string, attempts func(setup) []attempt) AttackCase {
	return AttackCase{Name: name, Fence: topology.FenceAccess, attempts: attempts}
}

// fenceAttacks returns attacks on the objects that isolate the own tenant.
func fenceAttacks() []AttackCase {
	return []AttackCase{
		access("NetworkPolicy that allows everything", func(s setup) []attempt {
			return each(create(networkPolicies, s.own, object("networking.k8s.io/v1", "NetworkPolicy", absent,
				`"spec":{"podSelector":{},"ingress":[{}],"egress":[{}],"policyTypes":["Ingress","Egress"]}`)))
		}),
		access("change of the tenant's own network policy, quota, limits or roles", func(s setup) []attempt {
			return each(
				write("patch", networkPolicies, s.own, storedName, `{"spec":{"ingress":[{}]}}`),
				write("patch", "resourcequotas", s.own, storedName, `{"spec":{"hard":{"pods":"1000"}}}`),
				write("patch", "limitranges", s.own, storedName, `{"spec":{"limits":[]}}`),
				write("patch", roles, s.own, storedRole, `{"rules":[]}`),
				write("patch", roleBindings, s.own, storedRole, `{"subjects":[]}`),
			)
		}),
		access("deletion of the tenant's own network policy, quota, limits, roles or namespace", func(s setup) []attempt {
			var requests []topology.Request
			for _, resource := range []string{networkPolicies, "resourcequotas", "limitranges", roles, roleBindings} {
				requests = append(requests, ask("delete", resource, s.own, storedName), ask("deletecollection", resource, s.own, ""))
			}
			return each(append(requests, ask("delete", "namespaces", s.own, s.own))...)
		}),
	}
}

// rightsAttacks returns attacks that try to get more rights.
func rightsAttacks() []AttackCase {
	return []AttackCase{
		access("RoleBinding to view, edit, admin or cluster-admin", bindings),
		access("Role with escalate, bind or impersonate", func(s setup) []attempt {
			rule := `"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["escalate","bind","impersonate"]}]`
			return each(
				create(roles, s.own, object(rbacV1, "Role", absent, rule)),
				create("clusterroles.rbac.authorization.k8s.io", "", object(rbacV1, "ClusterRole", absent, rule)),
				ask("escalate", roles, s.own, ""), ask("bind", roles, s.own, ""),
				ask("escalate", "clusterroles.rbac.authorization.k8s.io", "", ""), ask("bind", "clusterroles.rbac.authorization.k8s.io", "", "cluster-admin"),
			)
		}),
		access("ClusterRole that aggregates into view, edit or admin", func(setup) []attempt {
			var requests []topology.Request
			for _, role := range []string{"view", "edit", "admin"} {
				requests = append(requests, create("clusterroles.rbac.authorization.k8s.io", "", `{"apiVersion":"`+rbacV1+`","kind":"ClusterRole","metadata":{"name":"`+absent+
					`","labels":{"rbac.authorization.k8s.io/aggregate-to-`+role+`":"true"}},"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["*"]}]}`))
			}
			return each(requests...)
		}),
		access("impersonation of users, groups and service accounts", func(s setup) []attempt {
			return each(ask("impersonate", "users", "", "admin"), ask("impersonate", "groups", "", "system:masters"),
				ask("impersonate", "serviceaccounts", s.own, "default"), ask("impersonate", "serviceaccounts", s.other, "default"))
		}),
		access("the right to bypass guardrails", func(setup) []attempt {
			return each(ask("bypass", "guardrails.tenancy.polyphony.dev", "", "services"))
		}),
		access("token of another service account", func(s setup) []attempt {
			token := `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"audiences":[]}}`
			return each(write("create", "serviceaccounts/token", s.own, "default", token), write("create", "serviceaccounts/token", s.other, "default", token))
		}),
	}
}

// otherTenantAttacks returns attacks on another tenant.
func otherTenantAttacks() []AttackCase {
	return []AttackCase{
		access("secrets and configuration of another tenant", func(s setup) []attempt {
			var requests []topology.Request
			for _, resource := range []string{"secrets", "configmaps"} {
				requests = append(requests, ask("get", resource, s.other, absent), ask("list", resource, s.other, ""), ask("watch", resource, s.other, ""),
					ask("list", resource, "", ""), ask("delete", resource, s.other, absent), ask("deletecollection", resource, s.other, ""))
			}
			return each(requests...)
		}),
		access("writes into another tenant", writesElsewhere),
		access("commands in pods of another tenant, their logs and connections to them", intoPods),
	}
}

// platformAttacks returns attacks on the platform.
func platformAttacks() []AttackCase {
	return []AttackCase{
		access("leases, events and configuration of the platform", func(s setup) []attempt {
			var requests []topology.Request
			for _, namespace := range []string{s.other, "kube-system", "default"} {
				requests = append(requests, ask("list", "leases.coordination.k8s.io", namespace, ""), ask("list", "events", namespace, ""), ask("list", "secrets", namespace, ""),
					create("configmaps", namespace, object("v1", "ConfigMap", absent, "")),
					create("leases.coordination.k8s.io", namespace, object("coordination.k8s.io/v1", "Lease", absent, "")),
					create("events", namespace, object("v1", "Event", absent, `"involvedObject":{"namespace":"`+namespace+`"}`)))
			}
			return each(requests...)
		}),
		access("certificate signing requests", signingRequests),
		access("nodes and their proxy", func(setup) []attempt {
			return each(ask("list", "nodes", "", ""), ask("get", "nodes/proxy", "", absent), ask("create", "nodes/proxy", "", absent),
				write("patch", "nodes", "", absent, `{`+label+`}`), ask("delete", "nodes", "", absent))
		}),
		access("webhook configurations, admission policies and API services", func(setup) []attempt {
			const admission = "admissionregistration.k8s.io"
			return each(
				create("validatingwebhookconfigurations."+admission, "", object(admission+"/v1", "ValidatingWebhookConfiguration", absent, "")),
				create("mutatingwebhookconfigurations."+admission, "", object(admission+"/v1", "MutatingWebhookConfiguration", absent, "")),
				write("patch", "validatingadmissionpolicies."+admission, "", storedRule, `{`+label+`}`),
				ask("delete", "validatingadmissionpolicybindings."+admission, "", storedRule),
				ask("delete", "apiservices.apiregistration.k8s.io", "", absent),
				ask("delete", "customresourcedefinitions.apiextensions.k8s.io", "", absent),
			)
		}),
	}
}

// nodeAttacks returns attacks that create cluster-wide objects, or reach nodes.
func nodeAttacks() []AttackCase {
	return []AttackCase{
		access("new priority classes, storage classes, volumes and runtime classes", func(setup) []attempt {
			return each(
				create("priorityclasses.scheduling.k8s.io", "", object("scheduling.k8s.io/v1", "PriorityClass", absent, `"value":1000`)),
				create("storageclasses.storage.k8s.io", "", object("storage.k8s.io/v1", "StorageClass", absent, `"provisioner":"example.com/x"`)),
				create("persistentvolumes", "", object("v1", "PersistentVolume", absent, `"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/"}}`)),
				create("runtimeclasses.node.k8s.io", "", object("node.k8s.io/v1", "RuntimeClass", absent, `"handler":"x"`)),
			)
		}),
		access("new namespaces, and the namespaces of other tenants", func(s setup) []attempt {
			return each(create("namespaces", "", object("v1", "Namespace", absent, "")), ask("list", "namespaces", "", ""), ask("get", "namespaces", s.other, s.other),
				write("patch", "namespaces", s.other, s.other, `{`+label+`}`), ask("delete", "namespaces", s.other, s.other))
		}),
		access("DaemonSet, and pods that the tenant binds to a node or whose status it writes", func(s setup) []attempt {
			onEveryNode := object("apps/v1", "DaemonSet", absent, `"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"b"}]}}}`)
			elsewhere := create("daemonsets.apps", "default", onEveryNode) // where no quota refuses it
			return append([]attempt{{create("daemonsets.apps", s.own, onEveryNode), &elsewhere}}, each(
				write("create", "pods/binding", s.own, absent, object("v1", "Binding", absent, `"target":{"kind":"Node","name":"x"}`)),
				write("patch", "pods/status", s.own, absent, `{"status":{"podIP":"192.0.2.1"}}`),
			)...)
		}),
	}
}

func bindings(s setup) []attempt {
	var requests []topology.Request
	for _, role := range []string{"view", "edit", "admin", "cluster-admin"} {
		rest := `"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"` + role + `"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"` + s.own + `"}]`
		for _, namespace := range []string{s.own, s.other} {
			requests = append(requests, create(roleBindings, namespace, object(rbacV1, "RoleBinding", absent, rest)))
		}
		requests = append(requests, create("clusterrolebindings.rbac.authorization.k8s.io", "", object(rbacV1, "ClusterRoleBinding", absent, rest)))
	}
	return each(requests...)
}

func writesElsewhere(s setup) []attempt {
	requests := []topology.Request{
		create("secrets", s.other, object("v1", "Secret", absent, "")),
		create("configmaps", s.other, object("v1", "ConfigMap", absent, "")),
		create("serviceaccounts", s.other, object("v1", "ServiceAccount", absent, "")),
		create("services", s.other, object("v1", "Service", absent, `"spec":{"ports":[{"port":80}]}`)),
	}
	for _, resource := range []string{
		"pods", "services", "persistentvolumeclaims", "serviceaccounts", "deployments.apps", "statefulsets.apps", "jobs.batch", "cronjobs.batch",
		"ingresses.networking.k8s.io", networkPolicies, "resourcequotas", "limitranges", roles, roleBindings, "horizontalpodautoscalers.autoscaling",
		"poddisruptionbudgets.policy", "leases.coordination.k8s.io",
	} {
		requests = append(requests, write("patch", resource, s.other, absent, `{`+label+`}`), ask("delete", resource, s.other, absent), ask("deletecollection", resource, s.other, ""))
	}
	requests = append(requests, write("patch", "deployments.apps/scale", s.other, absent, `{"spec":{"replicas":0}}`))
	return each(requests...)
}

func intoPods(s setup) []attempt {
	var requests []topology.Request
	for _, subresource := range []string{"exec", "attach", "portforward", "proxy"} {
		requests = append(requests, ask("get", "pods/"+subresource, s.other, absent), ask("create", "pods/"+subresource, s.other, absent))
	}
	requests = append(requests, ask("get", "pods/log", s.other, absent), ask("get", "services/proxy", s.other, absent),
		ask("get", "pods/proxy", s.own, absent), ask("get", "services/proxy", s.own, absent), // the API server would connect past the network rules
		write("patch", "pods/ephemeralcontainers", s.other, absent, `{"spec":{"ephemeralContainers":[{"name":"a","image":"b"}]}}`))
	return each(requests...)
}

func signingRequests(setup) []attempt {
	const signing = "certificatesigningrequests.certificates.k8s.io"
	return each(
		create(signing, "", object("certificates.k8s.io/v1", "CertificateSigningRequest", absent,
			`"spec":{"signerName":"kubernetes.io/kube-apiserver-client","usages":["client auth"],"request":"`+certificateRequest()+`"}`)),
		write("patch", "certificatesigningrequests.certificates.k8s.io/approval", "", absent, `{"status":{"conditions":[]}}`),
		ask("approve", "signers.certificates.k8s.io", "", "kubernetes.io/kube-apiserver-client"),
	)
}

// certificateRequest returns a request for a certificate of a powerful user.
func certificateRequest() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // since Go 1.24 it cannot fail
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:admin"}}, key)
	if err != nil {
		panic(err) // nothing in it is from outside
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}
