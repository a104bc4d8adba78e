package roster_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/internal/guardrail"
)

// pods are one pod for each level of pod security.
var pods = []string{
	`{"spec":{"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},` +
		`"containers":[{"name":"c","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}`,
	`{"spec":{"containers":[{"name":"c"}]}}`,
	`{"spec":{"hostNetwork":true,"containers":[{"name":"c"}]}}`,
}

// writes are one object for each value that guardrails look at.
var writes = func() (all []guardrail.Write) {
	write := func(resource, format string, values ...any) {
		object := json.RawMessage(fmt.Sprintf(format, values...))
		all = append(all, guardrail.Write{Resource: resource, Object: object})
	}
	for _, image := range []string{
		"nginx", "bitnami/redis", "registry.example.com/other",
		"registry.example.com/acme/api", "registry.example.com/acme/web",
		"registry.example.com/acme/web/v2", "registry.example.com/acmes/web", "registry.example.com:5000/acme/web",
		"registry.example.org/acme/web",
	} {
		write("pods", `{"spec":{"serviceAccountName":"own","containers":[{"image":%q}]}}`, image)
	}
	for _, class := range []string{"low", "high"} {
		write("pods", `{"spec":{"serviceAccountName":"own","priorityClassName":%q}}`, class)
	}
	for _, class := range []string{"gvisor", "kata"} {
		write("pods", `{"spec":{"serviceAccountName":"own","runtimeClassName":%q}}`, class)
	}
	for _, key := range []string{"gpu", "spot", "example.com/gpu", "nvidia.com/gpu"} {
		write("pods", `{"spec":{"serviceAccountName":"own","tolerations":[{"key":%q,"operator":"Exists"}]}}`, key)
	}
	write("pods", `{"spec":{"volumes":[{"name":"kube-api-access-x","projected":{}}]}}`)
	for _, driver := range []string{"secrets.csi.example.com", "certs.csi.example.com"} {
		write("pods", `{"spec":{"serviceAccountName":"own","volumes":[{"name":"v","csi":{"driver":%q}}]}}`, driver)
	}
	for _, host := range []string{
		"acme.example.com", "www.acme.example.com", "a.www.acme.example.com", "api.acme.example.com",
		"*.acme.example.com", "notacme.example.com", "acme.example.org",
	} {
		write("ingresses", `{"spec":{"rules":[{"host":%q,"http":{"paths":[]}}]}}`, host)
		write("services", `{"spec":{"type":"ExternalName","externalName":%q}}`, host)
	}
	for _, key := range annotations {
		write("ingresses", `{"metadata":{"annotations":{%q:"x"}}}`, key)
	}
	for _, kind := range []string{"LoadBalancer", "NodePort"} {
		write("services", `{"spec":{"type":%q}}`, kind)
	}
	for _, class := range []string{"standard", "fast"} {
		write("persistentvolumeclaims", `{"spec":{"storageClassName":%q}}`, class)
	}
	return all
}()

// product returns every combination of one value of each list.
func product(lists ...[]string) [][]string {
	all := [][]string{nil}
	for _, list := range lists {
		var longer [][]string
		for _, head := range all {
			for _, value := range list {
				longer = append(longer, append(append([]string{}, head...), value))
			}
		}
		all = longer
	}
	return all
}

func cutSubresource(resource string) (name, subresource string) {
	name, subresource, _ = strings.Cut(resource, "/")
	return name, subresource
}
