package tenanttest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AttackCase is one way out of a tenant.
type AttackCase struct {
	Name  string
	Fence topology.Fence     // what stops a member who has the right to write
	Rule  topology.Guardrail // if Fence is the guardrails

	needs    func(scene) string // what the attacker must be allowed for a positive control to pass; nil: nothing
	attempts func(scene) []attempt
}

// attempt is one request, and what should pass instead; nil: the same, sent by an administrator.
type attempt struct {
	request topology.Request
	instead *topology.Request
}

// scene is who attacks whom, and with what.
type scene struct {
	own, other string                 // namespaces, the attacker's and the victim's
	domain     string                 // the attacker's; empty: it has none
	theirs     string                 // a host of the victim's
	types      []topology.ServiceType // that the attacker may have
	image      string                 // that the attacker may run; empty: none
	anyImage   bool
	token      bool                 // it may have the default token
	level      topology.PodSecurity // of its pods
	class      string               // of storage that the attacker has; empty: none
}

func newScene(attacker, victim tenant.TenantScore) scene {
	s := scene{
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
	storedName = topology.PolicyName                                   // in a tenant's namespace
	storedRole = storedName + "-" + string(tenant.Viewer)              // of a role and its binding
	storedRule = storedName + "-" + string(topology.GuardrailServices) // of a guardrail
)

// Names of objects that do not exist.
const (
	nobody = "polyphony-tenanttest"
	label  = `"metadata":{"labels":{"polyphony-tenanttest":"true"}}`
)

// ask is a request without an object, group and resource written as "resource.group/subresource".
func ask(verb, resource, namespace, name string) topology.Request {
	resource, subresource, _ := strings.Cut(resource, "/")
	resource, group, _ := strings.Cut(resource, ".")
	return topology.Request{Question: rbac.Question{
		Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
	}}
}

// write is a request with an object.
func write(verb, resource, namespace, name, object string) topology.Request {
	r := ask(verb, resource, namespace, name)
	r.Object = json.RawMessage(object)
	return r
}

func create(resource, namespace, object string) topology.Request {
	return write("create", resource, namespace, "", object)
}

// each are attempts whose control is the same request, sent by an administrator.
func each(requests ...topology.Request) []attempt {
	var all []attempt
	for _, r := range requests {
		all = append(all, attempt{request: r})
	}
	return all
}

// object is a manifest.
func object(apiVersion, kind, name, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, apiVersion, kind, name, rest)
}

// pods are attempts to create the pods in the attacker's namespace; the control is one that does
// nothing special.
func (s scene) pods(manifests ...string) []attempt {
	var all []attempt
	harmless := create("pods", s.own, s.pod("", "", ""))
	for _, manifest := range manifests {
		all = append(all, attempt{create("pods", s.own, manifest), &harmless})
	}
	return all
}

// pod is one that a restricted tenant may run, with more fields of its specification, of its
// container and of the container's security context. A field of more takes the place of one that is
// there.
func (s scene) pod(more, container, security string) string {
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
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": nobody}, "spec": spec,
	})
	return string(data)
}

// services are attempts to create Services with the specifications; the control is one that only
// pods reach.
func (s scene) services(specs ...string) []attempt {
	var all []attempt
	manifest := func(spec string) topology.Request {
		return create("services", s.own, object("v1", "Service", nobody, `"spec":{"ports":[{"port":80}],"selector":{"app":"x"}`+spec+`}`))
	}
	harmless := manifest("")
	for _, spec := range specs {
		all = append(all, attempt{manifest("," + spec), &harmless})
	}
	return all
}

// ingress is an Ingress in the attacker's namespace.
func (s scene) ingress(annotations, spec string) topology.Request {
	return create("ingresses.networking.k8s.io", s.own,
		`{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"`+nobody+`","annotations":{`+annotations+`}},"spec":{`+spec+`}}`)
}

func rules(host string) string {
	return `"rules":[{"host":"` + host + `","http":{"paths":[{"path":"/","pathType":"Prefix","backend":` + backend + `}]}}]`
}

const backend = `{"service":{"name":"x","port":{"number":80}}}`

// claims are attempts to claim volumes; the control is a claim of a class that the attacker has.
func (s scene) claims(specs ...string) []attempt {
	manifest := func(spec string) topology.Request {
		return create("persistentvolumeclaims", s.own, object("v1", "PersistentVolumeClaim", nobody,
			`"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},`+spec+`}`))
	}
	harmless := manifest(`"storageClassName":"` + s.class + `"`)
	var all []attempt
	for _, spec := range specs {
		all = append(all, attempt{manifest(spec), &harmless})
	}
	return all
}

// What attacks need.

func needsDomain(s scene) string {
	if s.domain == "" {
		return "a domain in networkIsolation.domains"
	}
	return ""
}

func needsClass(s scene) string {
	if s.class == "" {
		return "a storage class in storageAccess.classes"
	}
	return ""
}

func needsImage(s scene) string {
	if s.image == "" {
		return "a registry in tenantConfig.imageRegistries"
	}
	return ""
}
