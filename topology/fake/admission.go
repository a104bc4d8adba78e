package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Admit implements topology.Admission. Rights and guardrails are modelled, and counts of objects. Not modelled, and said so wherever nothing of these
// refuses, are pod security, limits and quotas of what pods use. Whether an object is valid, and what policies of others say, is not looked at: "allowed"
// is that no fence of Polyphony's refuses.
func (t *Topology) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	c := call{"ask", "Admission", r.Namespace}
	if err := t.begin(ctx, c); err != nil {
		return topology.Verdict{}, err
	}
	if err := r.Check(); err != nil {
		return topology.Verdict{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	r.Groups = r.SenderGroups()
	if answer := t.state.authorize(r.AccessQuestion); !answer.Allowed {
		return topology.Verdict{By: topology.FenceAccess, Reason: answer.Reason}, nil
	}
	if len(r.Object) == 0 {
		return topology.Verdict{Allowed: true}, nil
	}
	ns := t.state.namespaces[r.Namespace]
	switch {
	case ns == nil && (r.Namespace == "" || slices.Contains(systemNamespaces, r.Namespace)): // no fence of a tenant's is there
		return topology.Verdict{Allowed: true}, nil
	case ns == nil:
		return topology.Verdict{}, c.fails(topology.ErrNotFound, "the namespace does not exist")
	}
	if ns.value.Terminating && r.Verb == "create" {
		return topology.Verdict{By: topology.FenceOther, Reason: "the namespace is being deleted"}, nil
	}
	object, old, err := ns.written(c, r)
	if err != nil {
		return topology.Verdict{}, err
	}
	if r.Verb == "create" { // what is stored has its defaults
		if object, err = t.state.defaulted(r.Resource, object); err != nil {
			return topology.Verdict{}, c.fails(topology.ErrInvalid, err.Error())
		}
	}
	if ns.value.Managed {
		if verdict, err := t.state.guard(r.AccessQuestion, ns.value.Allowed, object, old); err != nil || !verdict.Allowed {
			if err != nil {
				err = c.fails(topology.ErrInvalid, err.Error())
			}
			return verdict, err
		}
	}
	return ns.counted(c, r, object)
}

// systemNamespaces are those that every cluster has.
var systemNamespaces = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// written is what the request would store, and what is stored now.
func (n *namespace) written(c call, r topology.Request) (object, old json.RawMessage, err error) {
	if r.Verb == "create" {
		return r.Object, nil, nil
	}
	old = n.objects[objectKey{r.APIGroup, r.Resource, r.Name}]
	if r.Resource == "namespaces" && r.Name == n.value.Name {
		old = n.manifest()
	}
	if old == nil {
		return nil, nil, c.fails(topology.ErrNotFound, "there is no "+r.Resource+" "+r.Name+" to write to")
	}
	if r.Verb == "update" {
		return r.Object, old, nil
	}
	object, err = mergePatch(old, r.Object)
	if err != nil {
		return nil, nil, c.fails(topology.ErrInvalid, err.Error())
	}
	return object, old, nil
}

// mergePatch applies a patch as RFC 7386 says.
func mergePatch(target, patch json.RawMessage) (json.RawMessage, error) {
	var into, from any
	if err := json.Unmarshal(target, &into); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &from); err != nil {
		return nil, err
	}
	return json.Marshal(merged(into, from))
}

func merged(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, value := range changes {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = merged(object[key], value)
		}
	}
	return object
}

// defaulted is the object with what the infrastructure fills in and guardrails look at.
func (s *state) defaulted(resource string, data json.RawMessage) (json.RawMessage, error) {
	if resource != "pods" && resource != "persistentvolumeclaims" {
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
	if resource == "pods" {
		fill(spec, "priorityClassName", s.platform.DefaultPriorityClass)
		account, _ := spec["serviceAccount"].(string) // its name of old
		fill(spec, "serviceAccountName", cmp.Or(account, "default"))
		mountToken(spec)
	} else if _, named := spec["storageClassName"]; !named { // an empty one is none
		i := slices.IndexFunc(s.platform.StorageClasses, func(c topology.StorageClass) bool { return c.Default })
		if i >= 0 {
			spec["storageClassName"] = s.platform.StorageClasses[i].Name
		}
	}
	return json.Marshal(object)
}

// fill sets a field of text that has none.
func fill(spec map[string]any, field, text string) {
	if have, _ := spec[field].(string); have == "" && text != "" {
		spec[field] = text
	}
}

// mountToken adds the volume with the service account's token, unless the pod says otherwise.
func mountToken(spec map[string]any) {
	volumes, ok := spec["volumes"].([]any)
	if spec["automountServiceAccountToken"] == false || !ok && spec["volumes"] != nil {
		return
	}
	spec["volumes"] = append(volumes, map[string]any{"name": "kube-api-access-fake", "projected": map[string]any{}})
}

// counted holds what is written against the counts of the quota, once nothing else has refused it.
func (n *namespace) counted(c call, r topology.Request, object json.RawMessage) (topology.Verdict, error) {
	if r.Resource == "pods" {
		return topology.Verdict{}, c.fails(topology.ErrNotModelled, "the fake does not model pod security, limits and what pods use")
	}
	keys := []string{"count/" + r.Resource + "." + r.APIGroup}
	if r.APIGroup == "" {
		keys = []string{r.Resource, "count/" + r.Resource}
	}
	for _, key := range keys {
		if hard, bounded := n.quotaOf(key); bounded && r.Verb == "create" && r.Subresource == "" && n.count(r.APIGroup, r.Resource) >= hard.Value() {
			return topology.Verdict{By: topology.FenceQuota, Reason: "the quota is " + hard.String() + " " + r.Resource + ", and all are used"}, nil
		}
	}
	claim, exposed := r.Resource == "persistentvolumeclaims", r.Resource == "services" && isExposed(object)
	if n.quota.value != nil && (claim || exposed) || n.limitRange.value != nil && claim {
		return topology.Verdict{}, c.fails(topology.ErrNotModelled, "the fake does not model quotas of storage, node ports and load balancers, nor limits")
	}
	return topology.Verdict{Allowed: true}, nil
}

func (n *namespace) quotaOf(key string) (hard resource.Quantity, bounded bool) {
	if n.quota.value == nil {
		return hard, false
	}
	hard, bounded = n.quota.value.Hard[key]
	return hard, bounded
}

func (n *namespace) count(group, resource string) (used int64) {
	for at := range n.objects {
		if at.group == group && at.resource == resource {
			used++
		}
	}
	return used
}

// isExposed tells whether a Service takes node ports or a load balancer, of which there are quotas.
func isExposed(object json.RawMessage) bool {
	var service struct {
		Spec struct {
			Type topology.ServiceType `json:"type"`
		} `json:"spec"`
	}
	return json.Unmarshal(object, &service) != nil || service.Spec.Type == topology.NodePort || service.Spec.Type == topology.LoadBalancer
}
