package k8s

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// annotationApplied lists the labels and annotations of a namespace that the Score asked for, so
// that a later run can remove them.
const annotationApplied = topology.Prefix + "applied"

// applied is the content of that annotation. The keys are sorted.
type applied struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

// Namespace implements topology.Namespaces.
func (t *Topology) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	var have *corev1.Namespace
	err := t.retry.Do(ctx, adapter.Read(topology.KindNamespace, name), func(ctx context.Context) (err error) {
		have, err = t.clients.Namespaces.Get(ctx, "", name)
		return err
	})
	if err != nil {
		return topology.Namespace{}, err
	}
	return toNamespace(have), nil
}

// EnsureNamespace implements topology.Namespaces. It pins the pod security level for all modes, and
// records which labels and annotations it applies.
func (t *Topology) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	c := adapter.Ensure(topology.KindNamespace, want.Name)
	change := c.Unchanged()
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.Namespaces.Get(ctx, "", want.Name)
		switch {
		case apierrors.IsNotFound(err):
			to := mergeNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: want.Name}}, want)
			change.Action, change.After = apply.CreatedAfter(change), toNamespace(to)
			if err := t.refuseInheritance(ctx, c, want); err != nil {
				return err
			}
			_, err := t.clients.Namespaces.Create(ctx, to)
			return err
		case err != nil:
			return err
		}
		if err := mayTakeNamespace(c, have, want); err != nil {
			return err
		}
		to := mergeNamespace(have, want)
		if maps.Equal(have.Labels, to.Labels) && maps.Equal(have.Annotations, to.Annotations) &&
			len(have.OwnerReferences) == 0 {
			return nil
		}
		if change.Action == topology.Unchanged {
			change.Action, change.Fields = topology.Updated, namespaceFields(have, to)
			change.Before, change.After, change.Inexact = toNamespace(have), toNamespace(to), pinsOtherVersion(have)
		}
		_, err = t.clients.Namespaces.Update(ctx, to)
		return err
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// mayTakeNamespace refuses a namespace that is being deleted, that others manage, or that belongs
// to another roster.
func mayTakeNamespace(c adapter.Call, have *corev1.Namespace, want topology.Namespace) error {
	if have.DeletionTimestamp != nil {
		return c.Fail(topology.ErrTerminating, "is being deleted; run again once it is gone")
	}
	if !owned(have, want.Name) {
		if !want.Adopt {
			return c.Fail(topology.ErrConflict, fmt.Sprintf(
				"exists and is not managed by polyphony, its owner is %q; set tenantConfig.adopt to take it over",
				owner(have),
			))
		}
		return nil // it belongs to no roster
	}
	roster := have.Labels[topology.LabelRoster]
	if want.Roster == "" || roster == "" || roster == want.Roster {
		return nil
	}
	return c.Fail(topology.ErrConflict, fmt.Sprintf(
		"belongs to the roster %q; remove it from that roster, and remove the label %s from the namespace",
		roster, topology.LabelRoster))
}

// pinsOtherVersion reports whether a namespace enforces the level of a Kubernetes version other
// than the latest. topology.Namespace cannot express that.
func pinsOtherVersion(have *corev1.Namespace) bool {
	version, ok := have.Labels[adapter.LabelPodSecurity+"enforce-version"]
	return ok && version != "latest"
}

// mergeNamespace returns a copy of have with everything that Polyphony manages set to want. The
// rest stays.
func mergeNamespace(have *corev1.Namespace, want topology.Namespace) *corev1.Namespace {
	to := have.DeepCopy()
	to.OwnerReferences = nil
	before := readApplied(have)
	now := applied{Labels: slices.Sorted(maps.Keys(want.Labels)), Annotations: slices.Sorted(maps.Keys(want.Annotations))}
	gone := slices.Concat(before.Labels, withPrefix(to.Labels, adapter.LabelDomain))
	to.Labels = mergeKeys(to.Labels, gone, want.Labels, adapter.PodSecurityLabels(want.PodSecurity),
		adapter.DomainLabels(want.Allowed.Domains), map[string]string{topology.LabelTenant: want.Name})
	if want.Roster != "" {
		to.Labels[topology.LabelRoster] = want.Roster
	}

	ours := map[string]string{}
	for key, value := range map[string]string{
		topology.AnnotationDisplayName:         want.DisplayName,
		topology.AnnotationDefaultStorageClass: want.DefaultStorageClass,
		topology.AnnotationDeletionProtection:  map[bool]string{true: "true"}[want.Protected],
		annotationApplied:                      now.String(),
	} {
		delete(to.Annotations, key)
		if value != "" {
			ours[key] = value
		}
	}
	gone = slices.Concat(before.Annotations, withPrefix(to.Annotations, topology.AnnotationAllow))
	to.Annotations = mergeKeys(to.Annotations, gone, want.Annotations, allowanceAnnotations(want.Allowed), ours)
	return to
}

// mergeKeys removes the keys of before from have, and then sets those of now, in order.
func mergeKeys(have map[string]string, before []string, now ...map[string]string) map[string]string {
	for _, key := range before {
		delete(have, key)
	}
	if have == nil {
		have = map[string]string{}
	}
	for _, m := range now {
		maps.Copy(have, m)
	}
	return have
}

// String returns the content of the annotation, empty if nothing is applied.
func (a applied) String() string {
	if len(a.Labels)+len(a.Annotations) == 0 {
		return ""
	}
	data, _ := json.Marshal(a) // lists of strings always marshal
	return string(data)
}

// readApplied returns the labels and annotations that were applied. Invalid content counts as none,
// so that nothing is removed.
func readApplied(have *corev1.Namespace) applied {
	var a applied
	if json.Unmarshal([]byte(have.Annotations[annotationApplied]), &a) != nil {
		return applied{}
	}
	return a
}

func toNamespace(have *corev1.Namespace) topology.Namespace {
	ours := readApplied(have)
	ns := topology.Namespace{
		Name:                have.Name,
		DisplayName:         have.Annotations[topology.AnnotationDisplayName],
		Labels:              only(have.Labels, ours.Labels),
		Annotations:         only(have.Annotations, ours.Annotations),
		PodSecurity:         topology.PodSecurity(have.Labels[adapter.LabelPodSecurity+"enforce"]),
		DefaultStorageClass: have.Annotations[topology.AnnotationDefaultStorageClass],
		Protected:           have.Annotations[topology.AnnotationDeletionProtection] == "true",
		Allowed:             readAllowances(have.Labels, have.Annotations),
		Managed:             owned(have, have.Name),
		Terminating:         have.DeletionTimestamp != nil,
	}
	if ns.Managed {
		ns.Roster = have.Labels[topology.LabelRoster]
	} else {
		ns.Owner = owner(have)
	}
	return ns
}

// only returns the entries of a map with the given keys.
func only(from map[string]string, keys []string) map[string]string {
	var picked map[string]string
	for _, key := range keys {
		if value, ok := from[key]; ok {
			if picked == nil {
				picked = map[string]string{}
			}
			picked[key] = value
		}
	}
	return picked
}

// namespaceFields returns the differences, named after fields of topology.Namespace where possible.
func namespaceFields(have, to *corev1.Namespace) []topology.FieldChange {
	const path = "metadata.labels"
	fields := append(adapter.Diff(toNamespace(have), toNamespace(to)), apply.OwnerFields(have)...)
	labels := apply.Prefixed(path, adapter.Diff(have.Labels, to.Labels))
	for _, f := range labels {
		podSecurity := strings.HasPrefix(f.Path, path+"["+adapter.LabelPodSecurity) && f.Path != path+"["+adapter.LabelPodSecurity+"enforce]"
		if podSecurity || f.Path == path+"["+topology.LabelTenant+"]" {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 { // such as marks of domains above a domain, and what was applied
		annotations := apply.Prefixed("metadata.annotations", adapter.Diff(have.Annotations, to.Annotations))
		fields = slices.Concat(labels, annotations)
	}
	return fields
}

// owner returns the probable manager of a foreign namespace: from its label, an owner reference, or
// the last writer.
func owner(have *corev1.Namespace) string {
	if by := have.Labels["app.kubernetes.io/managed-by"]; by != "" {
		return by
	}
	for _, ref := range have.OwnerReferences {
		return ref.Kind + "/" + ref.Name
	}
	for _, entry := range slices.Backward(have.ManagedFields) {
		if entry.Manager != "" {
			return entry.Manager
		}
	}
	return "unknown"
}

// DeleteNamespace implements topology.Namespaces.
func (t *Topology) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	c := adapter.Delete(topology.KindNamespace, name)
	change := c.Unchanged()
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.Namespaces.Get(ctx, "", name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case !owned(have, name):
			return c.Fail(topology.ErrConflict, fmt.Sprintf(
				"is not managed by polyphony, its owner is %q; remove it there", owner(have)))
		case have.DeletionTimestamp != nil:
			return nil
		case toNamespace(have).Protected:
			return c.Fail(topology.ErrProtected,
				"has deletion protection; run its TenantScore without tenantConfig.deletionProtection first")
		}
		change = c.Deleted(toNamespace(have))
		return apply.IgnoreHeld(apply.IgnoreNotFound(t.clients.Namespaces.Delete(ctx, have)))
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// AwaitNamespaceGone implements topology.Namespaces. A namespace that was recreated under the same
// name counts as gone.
func (t *Topology) AwaitNamespaceGone(ctx context.Context, name string) error {
	if t.dry {
		return nil
	}
	c := adapter.Await(topology.KindNamespace, name)
	var first types.UID
	var last *corev1.Namespace
	err := t.retry.Wait(ctx, c, "be gone", t.snapshot.namespaceEvents(name), func(ctx context.Context) (bool, error) {
		have, err := t.clients.Namespaces.Get(ctx, "", name)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if first == "" {
			first = have.UID
		}
		last = have
		return have.UID != first, nil
	})
	switch {
	case err == nil || ctx.Err() == nil:
		return err
	case last != nil:
		return c.Wrap(topology.ErrTimeout, "is still there, held by "+holders(last), ctx.Err())
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // the API server has not answered at all
		return c.Wrap(topology.ErrTimeout, "the API server did not report in time whether it is gone", ctx.Err())
	default:
		return err
	}
}

// holders returns what keeps a namespace from being removed.
func holders(ns *corev1.Namespace) string {
	if ns.DeletionTimestamp == nil {
		return "nothing: it was not deleted"
	}
	var held []string
	for _, f := range ns.Finalizers {
		held = append(held, "its finalizer "+f)
	}
	for _, f := range ns.Spec.Finalizers {
		if f != corev1.FinalizerKubernetes {
			held = append(held, "its finalizer "+string(f))
		}
	}
	for _, condition := range ns.Status.Conditions {
		if condition.Status == corev1.ConditionTrue {
			held = append(held, condition.Message)
		}
	}
	if len(held) == 0 {
		return "the namespace controller, which has not reported anything yet"
	}
	return strings.Join(held, "; ")
}
