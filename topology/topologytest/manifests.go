package topologytest

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The functions below return manifests of objects. Their argument more is a part of the
// specification, written as the fields of a JSON object without its braces.

func spec(more, rest string) string {
	if more == "" {
		return "{" + rest + "}"
	}
	return "{" + more + "," + rest + "}"
}

func service(more string) string {
	return `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":` +
		spec(more, `"ports":[{"port":80}],"selector":{"app":"web"}`) + `}`
}

func claim(more string) string {
	return `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":` +
		spec(more, `"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}`) + `}`
}

// betaClaim also names its class by the deprecated annotation, which takes precedence over the
// field.
func betaClaim(class string) string {
	annotation := `"volume.beta.kubernetes.io/storage-class":"` + class + `"`
	return strings.Replace(claim(`"storageClassName":"gold"`),
		`"name":"data"`, `"name":"data","annotations":{`+annotation+`}`, 1)
}

// safe is the security context of a container that pod security admits at every level.
const safe = `"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}`

// podOf returns a pod that pod security admits at every level.
func podOf(image, more string) string {
	if more == "" {
		more = `"automountServiceAccountToken":false`
	}
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app"},"spec":` + spec(more,
		`"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},`+
			`"containers":[{"name":"app","image":"`+image+`",`+safe+`}]`) + `}`
}

// pod returns a pod without a token, unless more sets its service account.
func pod(more string) string {
	if more != "" && !strings.Contains(more, "serviceAccount") {
		more = `"automountServiceAccountToken":false,` + more
	}
	return podOf("registry.example.com/acme/app:1", more)
}

func ingress(annotations, more string) string {
	return `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"web","annotations":{` +
		annotations + `}},"spec":{` + more + `}}`
}

const backend = `{"service":{"name":"web","port":{"number":80}}}`

// host returns the part of an Ingress that serves a host.
func host(name string) string {
	return `"rules":[{"host":"` + name + `","http":{"paths":[{"path":"/","pathType":"Prefix","backend":` +
		backend + `}]}}]`
}

func endpoints(name, address string) string {
	return `{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"` + name +
		`"},"subsets":[{"addresses":[{"ip":"` + address + `"}]}]}`
}

// endpointSlice returns an EndpointSlice. Here more is a part of the metadata.
func endpointSlice(more string) string {
	return `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web"` + more +
		`},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"]}]}`
}

// volumes returns the part of a pod that mounts a source.
func volumes(source string) string { return `"volumes":[{"name":"v",` + source + `}]` }

// apart returns the part of a pod that keeps it away from others.
func apart(from string) string {
	return `"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[` +
		`{"topologyKey":"topology.kubernetes.io/zone",` + from + `}]}}`
}

// held returns the manifest with a finalizer.
func held(manifest string) string {
	return strings.Replace(manifest, `"metadata":{`, `"metadata":{"finalizers":["example.com/hold"],`, 1)
}

func configMap(finalizers string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","finalizers":[` + finalizers + `]}}`
}

// The functions below return objects that use resources.

// asking returns a pod with one container with resources, written as in container.
func asking(resources string) string { return podWith("", container("app", resources)) }

// podWith returns a pod that pod security admits at the level privileged only.
func podWith(spec string, containers ...string) string {
	if spec != "" {
		spec += ","
	}
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"app"},"spec":{"automountServiceAccountToken":false,` +
		spec + `"containers":[` + strings.Join(containers, ",") + `]}}`
}

// container returns a container with the resources "requests|limits", each written as in
// parseAmounts.
func container(name, resources string) string {
	requests, limits, _ := strings.Cut(resources, "|")
	return `{"name":"` + name + `","image":"i","resources":{"requests":{` + amountFields(requests) +
		`},"limits":{` + amountFields(limits) + `}}}`
}

func amountFields(amounts string) string {
	var all []string
	for pair := range strings.FieldsSeq(amounts) {
		name, amount, _ := strings.Cut(pair, "=")
		all = append(all, `"`+name+`":"`+amount+`"`)
	}
	return strings.Join(all, ",")
}

// parseAmounts reads "cpu=1 memory=1Gi".
func parseAmounts(amounts string) map[string]resource.Quantity {
	all := map[string]resource.Quantity{}
	for pair := range strings.FieldsSeq(amounts) {
		name, amount, _ := strings.Cut(pair, "=")
		all[name] = resource.MustParse(amount)
	}
	return all
}

func sizedClaim(class, size string) string {
	return `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":{"storageClassName":"` +
		class + `","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"` + size + `"}}}}`
}

func serviceWith(spec string) string {
	return `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{` + spec + `}}`
}

// named returns the manifest with another name.
func named(name, manifest string) string {
	before, after, _ := strings.Cut(manifest, `"metadata":{"name":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before + `"metadata":{"name":"` + name + `"` + after
}
