package fake

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// withDefaults returns an object with the defaults that a cluster adds before it checks the object.
// It adds only those that a check reads. Only pods and claims have any.
func (s *state) withDefaults(
	ns *namespace, group, resource string, data json.RawMessage,
) (json.RawMessage, error) {
	if group != "" || resource != "pods" && resource != "persistentvolumeclaims" {
		return data, nil
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	spec, _ := object["spec"].(map[string]any)
	if spec == nil {
		return data, nil
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		setDefault(metadata, "namespace", ns.value.Name)
	}
	if resource == "pods" {
		s.setPodDefaults(ns, spec)
	} else {
		s.setClaimDefaults(spec)
	}
	return json.Marshal(object)
}

// setPodDefaults adds the priority class, the service account with its token, and resources.
func (s *state) setPodDefaults(ns *namespace, spec map[string]any) {
	setDefault(spec, "priorityClassName", s.platform.DefaultPriorityClass)
	account, _ := spec["serviceAccount"].(string) // the deprecated name of the field
	setDefault(spec, "serviceAccountName", cmp.Or(account, "default"))
	mountToken(spec)
	ns.setDefaultResources(spec)
}

// setClaimDefaults adds the default storage class. A class that is stated and empty means none.
func (s *state) setClaimDefaults(spec map[string]any) {
	if _, stated := spec["storageClassName"]; stated {
		return
	}
	isDefault := func(c topology.StorageClass) bool { return c.Default }
	if i := slices.IndexFunc(s.platform.StorageClasses, isDefault); i >= 0 {
		spec["storageClassName"] = s.platform.StorageClasses[i].Name
	}
}

// setDefault sets a text field that is empty.
func setDefault(spec map[string]any, field, text string) {
	if have, _ := spec[field].(string); have == "" && text != "" {
		spec[field] = text
	}
}

// mountToken adds the volume with the token of the service account, unless the pod declines it.
func mountToken(spec map[string]any) {
	volumes, ok := spec["volumes"].([]any)
	if spec["automountServiceAccountToken"] == false || !ok && spec["volumes"] != nil {
		return
	}
	token := map[string]any{"name": "kube-api-access-fake", "projected": map[string]any{}}
	spec["volumes"] = append(volumes, token)
}
