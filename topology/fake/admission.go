package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/podsecurity"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Admit implements topology.Admission: rights, limits, pod security, guardrails and quotas, in the order in which a cluster asks them. Not modelled, and
// said so, are pods that are given resources as a whole, and changes of those of containers. Whether an object is valid, and what policies of others say, is
// not looked at: "allowed" is that no fence of Polyphony's refuses.
func (t *Topology) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	c := adapter.Ask(topology.KindAdmission, r.Namespace)
	if err := t.begin(ctx, c); err != nil {
		return topology.Verdict{}, err
	}
	if err := r.Validate(); err != nil {
		return topology.Verdict{}, c.Invalid(err)
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	r.Groups = r.SenderGroups()
	if answer := t.state.authorize(r.Question); !answer.Allowed {
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
		return topology.Verdict{}, c.Fail(topology.ErrNotFound, "the namespace does not exist")
	}
	if ns.value.Terminating && r.Verb == "create" {
		return topology.Verdict{By: topology.FenceOther, Reason: "the namespace is being deleted"}, nil
	}
	object, old, err := ns.written(c, r)
	if err != nil {
		return topology.Verdict{}, err
	}
	if r.Verb == "create" { // what is stored has its defaults
		if object, err = t.state.defaulted(ns, r.APIGroup, r.Resource, object); err != nil {
			return topology.Verdict{}, c.Fail(topology.ErrInvalid, err.Error())
		}
	}
	return t.state.judge(c, ns, r, object, old)
}

// judge asks one fence after the other. The first that refuses is the answer.
func (s *state) judge(c adapter.Call, ns *namespace, r topology.Request, object, old json.RawMessage) (topology.Verdict, error) {
	if err := modelled(c, r, object); err != nil {
		return topology.Verdict{}, err
	}
	refusedBy := func(fence topology.Fence, ask func() (string, error)) func() (topology.Verdict, error) {
		return func() (topology.Verdict, error) {
			reason, err := ask()
			if err != nil || reason == "" {
				return topology.Verdict{Allowed: err == nil}, err
			}
			return topology.Verdict{By: fence, Reason: reason}, nil
		}
	}
	for _, ask := range []func() (topology.Verdict, error){
		refusedBy(topology.FenceLimits, func() (string, error) { return ns.limited(r, object) }),
		refusedBy(topology.FencePodSecurity, func() (string, error) { return ns.insecure(r, object, old) }),
		func() (topology.Verdict, error) { return s.guard(r.Question, ns, object, old) },
		refusedBy(topology.FenceQuota, func() (string, error) { return ns.overQuota(r, object, old) }),
	} {
		verdict, err := ask()
		if err != nil {
			return topology.Verdict{}, c.Fail(topology.ErrInvalid, err.Error())
		}
		if !verdict.Allowed {
			return verdict, nil
		}
	}
	return topology.Verdict{Allowed: true}, nil
}

// modelled refuses what there is no model of.
func modelled(c adapter.Call, r topology.Request, object json.RawMessage) error {
	if r.APIGroup != "" || r.Resource != "pods" {
		return nil
	}
	pod, err := readConsumer(object)
	if err != nil {
		return c.Fail(topology.ErrInvalid, err.Error())
	}
	if pod.Spec.Resources != nil || r.Subresource == "resize" {
		return c.Fail(topology.ErrNotModelled, "the fake does not model pods that are given resources as a whole, nor changes of those of containers")
	}
	return nil
}

// insecure says what the namespace's level of pod security forbids about a pod, or nothing.
func (n *namespace) insecure(r topology.Request, object, old json.RawMessage) (string, error) {
	level := cmp.Or(n.value.PodSecurity, topology.PodSecurity(n.foreignLabels["pod-security.kubernetes.io/enforce"]))
	if r.APIGroup != "" || r.Resource != "pods" || level == "" || r.Subresource != "" && r.Subresource != "ephemeralcontainers" {
		return "", nil
	}
	if old != nil {
		if significant, err := podsecurity.Significant(object, old); err != nil || !significant {
			return "", err
		}
	}
	reasons, err := podsecurity.Check(level, object)
	return strings.Join(reasons, ", "), err
}

// systemNamespaces are those that every cluster has.
var systemNamespaces = []string{"default", "kube-node-lease", "kube-public", "kube-system"}

// written is what the request would store, and what is stored now.
func (n *namespace) written(c adapter.Call, r topology.Request) (object, old json.RawMessage, err error) {
	if r.Verb == "create" {
		return r.Object, nil, nil
	}
	old = n.objects[objectKey{r.APIGroup, r.Resource, r.Name}]
	if r.Resource == "namespaces" && r.Name == n.value.Name {
		old = n.manifest()
	}
	if old == nil {
		return nil, nil, c.Fail(topology.ErrNotFound, "there is no "+r.Resource+" "+r.Name+" to write to")
	}
	if r.Verb == "update" {
		return r.Object, old, nil
	}
	object, err = mergePatch(old, r.Object)
	if err != nil {
		return nil, nil, c.Fail(topology.ErrInvalid, err.Error())
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

// defaulted is the object with what the infrastructure fills in and some fence looks at.
func (s *state) defaulted(ns *namespace, group, resource string, data json.RawMessage) (json.RawMessage, error) {
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
	if resource == "pods" {
		fill(spec, "priorityClassName", s.platform.DefaultPriorityClass)
		account, _ := spec["serviceAccount"].(string) // its name of old
		fill(spec, "serviceAccountName", cmp.Or(account, "default"))
		mountToken(spec)
		ns.fillResources(spec)
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
