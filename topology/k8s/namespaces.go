package k8s

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// annotationApplied lists the labels and annotations of a namespace that the Score asked for, so that those can go when it no longer does.
const annotationApplied = topology.Prefix + "applied"

// applied is the content of that annotation. Keys are sorted.
type applied struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

const labelPodSecurity = "pod-security.kubernetes.io/"

// podSecurityLabels pin the level for every mode of Pod Security admission, so that no default of the cluster shows through.
func podSecurityLabels(level topology.PodSecurity) map[string]string {
	labels := map[string]string{}
	for _, mode := range []string{"enforce", "audit", "warn"} {
		labels[labelPodSecurity+mode] = string(level)
		labels[labelPodSecurity+mode+"-version"] = "latest"
	}
	return labels
}

// Namespace implements topology.Namespaces.
func (t *Topology) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	var have *corev1.Namespace
	err := t.retry(ctx, adapter.Read(topology.KindNamespace, name), func(ctx context.Context) (err error) {
		have, err = t.clients.namespaces().Get(ctx, name)
		return err
	})
	if err != nil {
		return topology.Namespace{}, err
	}
	return toNamespace(have), nil
}

// EnsureNamespace implements topology.Namespaces.
func (t *Topology) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	c := adapter.Ensure(topology.KindNamespace, want.Name)
	change := c.Unchanged()
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.namespaces().Get(ctx, want.Name)
		switch {
		case apierrors.IsNotFound(err):
			change.Action = created(change)
			change.After = toNamespace(mergeNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: want.Name}}, want))
			if err := t.refuseInheritance(ctx, c, want); err != nil {
				return err
			}
			return t.createNamespace(ctx, want)
		case err != nil:
			return err
		case have.DeletionTimestamp != nil:
			return c.Fail(topology.ErrTerminating, "is being deleted; run again once it is gone")
		case !owned(have, want.Name) && !want.Adopt:
			return c.Fail(topology.ErrConflict, fmt.Sprintf("exists and is not managed by polyphony, its owner is %q; set adopt to take it over", owner(have)))
		}
		if err := ofAnotherRoster(c, toNamespace(have), want); err != nil {
			return err
		}
		to := mergeNamespace(have, want)
		if maps.Equal(have.Labels, to.Labels) && maps.Equal(have.Annotations, to.Annotations) && len(have.OwnerReferences) == 0 {
			return nil
		}
		if change.Action == topology.Unchanged {
			change.Action, change.Fields = topology.Updated, namespaceFields(have, to)
			change.Before, change.After = toNamespace(have), toNamespace(to)
		}
		return t.updateNamespace(ctx, to)
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// ofAnotherRoster refuses to take a tenant from the roster that has it.
func ofAnotherRoster(c adapter.Call, have, want topology.Namespace) error {
	if want.Roster == "" || have.Roster == "" || have.Roster == want.Roster {
		return nil
	}
	return c.Fail(topology.ErrConflict, fmt.Sprintf("is of the roster %q; take it off that one, and remove the label %s from the namespace", have.Roster, topology.LabelRoster))
}

func (t *Topology) createNamespace(ctx context.Context, want topology.Namespace) error {
	if t.dry {
		return nil
	}
	object := mergeNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: want.Name}}, want)
	return t.clients.namespaces().Create(ctx, object)
}

func (t *Topology) updateNamespace(ctx context.Context, to *corev1.Namespace) error {
	if t.dry {
		return nil
	}
	return vanished(t.clients.namespaces().Update(ctx, to))
}

// mergeNamespace is have with everything of ours as wanted, and everything of others as it was.
func mergeNamespace(have *corev1.Namespace, want topology.Namespace) *corev1.Namespace {
	to := have.DeepCopy()
	to.OwnerReferences = nil
	before := readApplied(have)
	now := applied{Labels: slices.Sorted(maps.Keys(want.Labels)), Annotations: slices.Sorted(maps.Keys(want.Annotations))}
	gone := slices.Concat(before.Labels, withPrefix(to.Labels, adapter.LabelDomain))
	to.Labels = mergeKeys(to.Labels, gone, want.Labels, podSecurityLabels(want.PodSecurity), adapter.DomainLabels(want.Allowed.Domains),
		map[string]string{topology.LabelTenant: want.Name})
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

// mergeKeys removes the keys of before and sets those of now, later ones over earlier ones.
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

// String is the content of the annotation: "" when there is nothing to remember.
func (a applied) String() string {
	if len(a.Labels)+len(a.Annotations) == 0 {
		return ""
	}
	data, _ := json.Marshal(a) // lists of strings always marshal
	return string(data)
}

// readApplied reads what was applied. A content that is not ours counts as nothing applied: then nothing is removed.
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
		PodSecurity:         topology.PodSecurity(have.Labels[labelPodSecurity+"enforce"]),
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

// namespaceFields names what differs, in the port's words where it has them.
func namespaceFields(have, to *corev1.Namespace) []topology.FieldChange {
	fields := append(adapter.Diff(toNamespace(have), toNamespace(to)), ownerFields(have)...)
	for _, f := range prefixed("metadata.labels", adapter.Diff(have.Labels, to.Labels)) {
		if strings.HasPrefix(f.Path, "metadata.labels["+labelPodSecurity) && f.Path != "metadata.labels["+labelPodSecurity+"enforce]" ||
			f.Path == "metadata.labels["+topology.LabelTenant+"]" {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 { // what the port has no words for: marks of domains above one's own, and what was applied
		fields = slices.Concat(prefixed("metadata.labels", adapter.Diff(have.Labels, to.Labels)),
			prefixed("metadata.annotations", adapter.Diff(have.Annotations, to.Annotations)))
	}
	return fields
}

// owner is who seems to manage an object that is not ours: what says so itself, an owner reference, or who last wrote it.
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

// Tenants implements topology.Rosters.
func (t *Topology) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	t.clients.readAhead(ctx)
	var all []topology.Namespace
	err := t.retry(ctx, adapter.Read(topology.KindTenants, t.name), func(ctx context.Context) error {
		all = nil
		return t.clients.namespaces().EachPage(ctx, topology.LabelTenant, func(list *corev1.NamespaceList) {
			for i := range list.Items {
				if ns := toNamespace(&list.Items[i]); ns.Managed {
					all = append(all, ns)
				}
			}
		})
	})
	slices.SortFunc(all, func(a, b topology.Namespace) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// DeleteNamespace implements topology.Namespaces.
func (t *Topology) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	c := adapter.Delete(topology.KindNamespace, name)
	change := c.Unchanged()
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.namespaces().Get(ctx, name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case !owned(have, name):
			return c.Fail(topology.ErrConflict, fmt.Sprintf("is not managed by polyphony, its owner is %q; remove it there", owner(have)))
		case have.DeletionTimestamp != nil:
			return nil
		case toNamespace(have).Protected:
			return c.Fail(topology.ErrProtected, "has deletion protection")
		}
		change = c.Deleted(toNamespace(have))
		return deleteRead(ctx, t, client[*corev1.Namespace](t.clients.namespaces()), have)
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// AwaitNamespaceGone implements topology.Namespaces. A namespace that has come anew under the same name is another one.
func (t *Topology) AwaitNamespaceGone(ctx context.Context, name string) error {
	if t.dry {
		return nil
	}
	c := adapter.Await(topology.KindNamespace, name)
	var first types.UID
	var last *corev1.Namespace
	err := t.poll(ctx, c, "be gone", t.clients.namespaces().following(name), func(ctx context.Context) (bool, error) {
		have, err := t.clients.namespaces().Get(ctx, name)
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
	if err != nil && ctx.Err() != nil && last != nil {
		return c.Wrap(topology.ErrTimeout, "is still there, held by "+holders(last), ctx.Err())
	}
	return err
}

// holders says what keeps a namespace from going.
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
		return "the namespace controller, which has not come to it yet"
	}
	return strings.Join(held, "; ")
}

// Volumes implements topology.Volumes.
func (t *Topology) Volumes(ctx context.Context, namespace string) ([]topology.Volume, error) {
	var volumes []topology.Volume
	err := t.retry(ctx, adapter.Read(topology.KindVolumes, namespace), func(ctx context.Context) error {
		list, err := t.clients.claims(namespace).List(ctx, "")
		if err != nil {
			return err
		}
		volumes = nil
		for _, claim := range list.Items {
			volume := topology.Volume{Name: claim.Name, Size: claim.Spec.Resources.Requests[corev1.ResourceStorage], BoundTo: claim.Spec.VolumeName}
			if claim.Spec.StorageClassName != nil {
				volume.StorageClass = *claim.Spec.StorageClassName
			}
			volumes = append(volumes, volume)
		}
		return nil
	})
	return volumes, err
}
