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

// Admit implements topology.Admission. It checks rights, limits, pod security, guardrails and
// quotas, in the order of a cluster.
//
// Pods that state their resources as a whole, and changes of the resources of running containers,
// are ErrNotModelled. Admit does not check whether an object is valid, and applies no policies of
// others: a request is allowed unless something that Polyphony provisions refuses it.
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
	isSystem := r.Namespace == "" || slices.Contains(systemNamespaces, r.Namespace)
	switch {
	case ns == nil && isSystem: // outside every tenant
		return topology.Verdict{Allowed: true}, nil
	case ns == nil:
		return topology.Verdict{}, c.Fail(topology.ErrNotFound, "the namespace does not exist")
	case ns.value.Terminating && r.Verb == "create":
		return topology.Verdict{By: topology.FenceOther, Reason: "the namespace is being deleted"}, nil
	}
	return t.state.admit(c, ns, r)
}

// admit returns the verdict on a write into a namespace.
func (s *state) admit(c adapter.Call, ns *namespace, r topology.Request) (topology.Verdict, error) {
	object, old, err := ns.written(c, r)
	if err != nil {
		return topology.Verdict{}, err
	}
	if r.Verb == "create" {
		if object, err = s.withDefaults(ns, r.APIGroup, r.Resource, object); err != nil {
			return topology.Verdict{}, c.Invalid(err)
		}
	}
	if err := checkModelled(c, r, object); err != nil {
		return topology.Verdict{}, err
	}
	for _, check := range []func() (topology.Verdict, error){
		verdictOf(topology.FenceLimits, func() (string, error) { return ns.outOfLimits(r, object) }),
		verdictOf(topology.FencePodSecurity, func() (string, error) { return ns.insecure(r, object, old) }),
		func() (topology.Verdict, error) { return s.checkGuardrails(r.Question, ns, object, old) },
		verdictOf(topology.FenceQuota, func() (string, error) { return ns.overQuota(r, object, old) }),
	} {
		verdict, err := check()
		if err != nil {
			return topology.Verdict{}, c.Invalid(err)
		}
		if !verdict.Allowed {
			return verdict, nil
		}
	}
	return topology.Verdict{Allowed: true}, nil
}

// verdictOf turns a check that returns the reason of a refusal, or "", into one that returns a
// verdict.
func verdictOf(fence topology.Fence, check func() (string, error)) func() (topology.Verdict, error) {
	return func() (topology.Verdict, error) {
		reason, err := check()
		if err != nil || reason == "" {
			return topology.Verdict{Allowed: err == nil}, err
		}
		return topology.Verdict{By: fence, Reason: reason}, nil
	}
}

// checkModelled returns ErrNotModelled for a write that the fake cannot decide.
func checkModelled(c adapter.Call, r topology.Request, object json.RawMessage) error {
	if r.APIGroup != "" || r.Resource != "pods" {
		return nil
	}
	pod, err := readConsumer(object)
	if err != nil {
		return c.Invalid(err)
	}
	switch {
	case pod.Spec.Resources != nil:
		return c.Fail(topology.ErrNotModelled, "the fake does not model spec.resources of pods")
	case r.Subresource == "resize":
		return c.Fail(topology.ErrNotModelled, "the fake does not model the subresource pods/resize")
	default:
		return nil
	}
}

// insecure returns why the pod security level of the namespace refuses a pod, or "".
func (n *namespace) insecure(r topology.Request, object, old json.RawMessage) (string, error) {
	level := cmp.Or(n.value.PodSecurity, topology.PodSecurity(n.foreignLabels[enforceLabel]))
	isPod := r.APIGroup == "" && r.Resource == "pods" &&
		(r.Subresource == "" || r.Subresource == "ephemeralcontainers")
	if !isPod || level == "" {
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

// written returns the object that a write would store, and the one that is stored now. On a create,
// old is nil.
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
		return nil, nil, c.Invalid(err)
	}
	return object, old, nil
}

// mergePatch applies a merge patch. Source: RFC 7386.
func mergePatch(target, patch json.RawMessage) (json.RawMessage, error) {
	var into, from any
	if err := json.Unmarshal(target, &into); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &from); err != nil {
		return nil, err
	}
	return json.Marshal(patched(into, from))
}

// patched returns the target with the changes of a patch. It may change the target.
func patched(target, patch any) any {
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
			object[key] = patched(object[key], value)
		}
	}
	return object
}
