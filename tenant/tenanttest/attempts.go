package tenanttest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AttackCase is one attempt to escape from a tenant.
type AttackCase struct {
	Name  string             // a noun phrase; docs/threat-model.md lists it
	Fence topology.Fence     // stops a member who has the right to write
	Rule  topology.Guardrail // empty unless Fence is topology.FenceGuardrails

	// needs returns what the Score of the attacker lacks for the positive control. Nil: nothing.
	needs func(setup) string

	attempts func(setup) []attempt
}

// attempt is one request with its positive control.
type attempt struct {
	request topology.Request
	instead *topology.Request // the positive control; nil: the same request by an administrator
}

// setup holds the facts about the attacker and the victim that requests are made of.
type setup struct {
	own, other string                 // namespaces, the attacker's and the victim's
	domain     string                 // of the attacker; empty: none
	theirs     string                 // a host of the victim
	types      []topology.ServiceType // allowed to the attacker
	image      string                 // allowed to the attacker; empty: none
	anyImage   bool                   // the attacker may run every image
	token      bool                   // the attacker may have the default token
	level      topology.PodSecurity   // of the attacker
	class      string                 // a storage class of the attacker; empty: none
}

func newSetup(attacker, victim tenant.TenantScore) setup {
	s := setup{
		own: attacker.TenantConfig.Name, other: victim.TenantConfig.Name, theirs: victim.TenantConfig.Name + ".example.com",
	}
	s.token, s.level = attacker.TenantConfig.DefaultToken, attacker.TenantConfig.PodSecurity
	if domains := attacker.NetworkIsolation.Domains; len(domains) > 0 {
		s.domain = domains[0]
	}
	if domains := victim.NetworkIsolation.Domains; len(domains) > 0 {
		s.theirs = domains[0]
	}
	switch registries := attacker.TenantConfig.ImageRegistries; {
	case len(registries) == 0:
	case registries[0] == "*":
		s.image, s.anyImage = "docker.io/library/busybox:1", true
	default:
		s.image = registries[0] + "/polyphony-tenanttest:1"
	}
	objects := attacker.ResourceQuotas.Objects
	for kind, count := range map[topology.ServiceType]*int64{topology.NodePort: objects.NodePorts, topology.LoadBalancer: objects.LoadBalancers} {
		if count != nil && *count > 0 {
			s.types = append(s.types, kind)
		}
	}
	if classes := attacker.StorageAccess.Classes; len(classes) > 0 {
		s.class = classes[0].Name
	}
	return s
}

// Names of objects that attacks change, as Polyphony stores them on Kubernetes. They matter only to
// roles with resourceNames. Any other role refuses an attack by its resource, whatever the name.
const (
	storedName = "polyphony"                                           // in a tenant's namespace
	storedRole = storedName + "-" + string(tenant.Viewer)              // of a role and its binding
	storedRule = storedName + "-" + string(topology.GuardrailServices) // of a guardrail
)

// Names and labels of objects that do not exist.
const (
	absent = "polyphony-tenanttest"
	label  = `"metadata":{"labels":{"polyphony-tenanttest":"true"}}`
)

// ask returns a request without an object. The resource is written as "resource.group/subresource".
func ask(verb, resource, namespace, name string) topology.Request {
	resource, subresource, _ := strings.Cut(resource, "/")
	resource, group, _ := strings.Cut(resource, ".")
	return topology.Request{Question: rbac.Question{
		Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
	}}
}

// write returns a request with an object.
func write(verb, resource, namespace, name, object string) topology.Request {
	r := ask(verb, resource, namespace, name)
	r.Object = json.RawMessage(object)
	return r
}

func create(resource, namespace, object string) topology.Request {
	return write("create", resource, namespace, "", object)
}

// each returns attempts whose positive control is the same request, sent by an administrator.
func each(requests ...topology.Request) []attempt {
	var all []attempt
	for _, r := range requests {
		all = append(all, attempt{request: r})
	}
	return all
}

// object returns a manifest. The rest is added to its top level.
func object(apiVersion, kind, name, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, apiVersion, kind, name, rest)
}

// pods returns attempts to create pods in the attacker's namespace. The positive control is a
// harmless pod.
func (s setup) pods(manifests ...string) []attempt {
	var all []attempt
	harmless := create("pods", s.own, s.pod("", "", ""))
	for _, manifest := range manifests {
		all = append(all, attempt{create("pods", s.own, manifest), &harmless})
	}
	return all
}

// pod returns a pod that a restricted tenant may run, with more fields of its specification, of its
// container and of the container's security context. They replace existing fields.
func (s setup) pod(more, container, security string) string {
	spec := map[string]any{
		"automountServiceAccountToken": false,
		"securityContext":              map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
	}
	c := map[string]any{"name": "app", "image": s.image}
	context := map[string]any{"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []string{"ALL"}}}
	for _, part := range []struct {
		into map[string]any
		text string
	}{{spec, more}, {c, container}, {context, security}} {
		if err := json.Unmarshal([]byte("{"+part.text+"}"), &part.into); err != nil {
			panic(fmt.Errorf("%s: %w", part.text, err)) // the texts are this package's own
		}
	}
	c["securityContext"] = context
	spec["containers"] = []any{c}
	data, _ := json.Marshal(map[string]any{ // strings always marshal
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": absent}, "spec": spec,
	})
	return string(data)
}

// services returns attempts to create Services with these specifications. The positive control is a
// ClusterIP Service.
func (s setup) services(specs ...string) []attempt {
	var all []attempt
	manifest := func(spec string) topology.Request {
		return create("services", s.own, object("v1", "Service", absent, `"spec":{"ports":[{"port":80}],"selector":{"app":"x"}`+spec+`}`))
	}
	harmless := manifest("")
	for _, spec := range specs {
		all = append(all, attempt{manifest("," + spec), &harmless})
	}
	return all
}

// ingress returns a request for an Ingress in the attacker's namespace.
func (s setup) ingress(annotations, spec string) topology.Request {
	return create("ingresses.networking.k8s.io", s.own,
		`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"`+absent+`","annotations":{`+annotations+`}},"spec":{`+spec+`}}`)
}

func rules(host string) string {
	return `"rules":[{"host":"` + host + `","http":{"paths":[{"path":"/","pathType":"Prefix","backend":` + backend + `}]}}]`
}

const backend = `{"service":{"name":"x","port":{"number":80}}}`

// claims returns attempts to claim volumes. The positive control is a claim of a class that the
// attacker has.
func (s setup) claims(specs ...string) []attempt {
	manifest := func(spec string) topology.Request {
		return create("persistentvolumeclaims", s.own, object("v1", "PersistentVolumeClaim", absent,
			`"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},`+spec+`}`))
	}
	harmless := manifest(`"storageClassName":"` + s.class + `"`)
	var all []attempt
	for _, spec := range specs {
		all = append(all, attempt{manifest(spec), &harmless})
	}
	return all
}

// The functions below return the field of the attacker's Score that an attack needs. Empty: it is
// set.

func needsDomain(s setup) string {
	if s.domain == "" {
		return "a domain in networkIsolation.domains"
	}
	return ""
}

func needsClass(s setup) string {
	if s.class == "" {
		return "a storage class in storageAccess.classes"
	}
	return ""
}

func needsImage(s setup) string {
	if s.image == "" {
		return "a registry in tenantConfig.imageRegistries"
	}
	return ""
}
