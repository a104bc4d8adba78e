package k8s

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Inspect implements topology.Inspector by one list for each kind, read page by page.
func (t *Topology) Inspect(ctx context.Context) (topology.Inspection, error) {
	c := adapter.Read(topology.KindInspection, t.name)
	in := topology.Inspection{Topology: t.name, At: time.Now().UTC().Truncate(time.Second)}
	var err error
	if in.Readiness, err = t.readReadiness(ctx, c); err != nil {
		return topology.Inspection{}, err
	}
	if in.Platform, err = t.Platform(ctx); err != nil {
		return topology.Inspection{}, err
	}
	if in.Policies, err = t.NetworkPolicies(ctx, ""); err != nil {
		return topology.Inspection{}, err
	}
	if in.Grants, err = t.GrantsInForce(ctx); err != nil {
		return topology.Inspection{}, err
	}
	have, err := t.readInstalled(ctx, c)
	switch {
	case err == nil:
		in.Guardrails = have.Set()
	case !errors.Is(err, topology.ErrUnsupported):
		return topology.Inspection{}, err
	}
	err = t.retry.Do(ctx, c, func(ctx context.Context) (err error) {
		if in.Namespaces, err = t.inspectNamespaces(ctx); err != nil {
			return err
		}
		in.Bindings, err = t.inspectVolumes(ctx)
		return err
	})
	if err != nil {
		return topology.Inspection{}, err
	}
	return in, nil
}

// inspectNamespaces reads all namespaces, with the quota and the limit range of each tenant.
func (t *Topology) inspectNamespaces(ctx context.Context) ([]topology.NamespaceInspection, error) {
	var all []topology.NamespaceInspection
	err := kube.Each(ctx, t.clients.Namespaces, "", func(have *corev1.Namespace) {
		all = append(all, inspectNamespace(have))
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b topology.NamespaceInspection) int { // a snapshot has no order
		return cmp.Compare(a.Namespace.Name, b.Namespace.Name)
	})
	index := make(map[string]int, len(all))
	for i := range all {
		index[all[i].Namespace.Name] = i
	}
	// placeOf returns the place of an object that Polyphony manages, nil for any other.
	placeOf := func(object metav1.Object) *topology.NamespaceInspection {
		i, ok := index[object.GetNamespace()]
		if !ok || object.GetName() != objectName || !owned(object, object.GetNamespace()) {
			return nil
		}
		return &all[i]
	}
	err = kube.Each(ctx, t.clients.Quotas, "", func(have *corev1.ResourceQuota) {
		if place := placeOf(have); place != nil {
			place.Quota = new(toQuota(have))
			addBeyond(place, topology.KindQuota, quotas.beyond(have))
			addBeyond(place, topology.KindQuota, notInForce(have))
		}
	})
	if err != nil {
		return nil, err
	}
	return all, kube.Each(ctx, t.clients.LimitRanges, "", func(have *corev1.LimitRange) {
		if place := placeOf(have); place != nil {
			place.LimitRange = new(toLimitRange(have))
			addBeyond(place, topology.KindLimitRange, limitRanges.beyond(have))
		}
	})
}

func inspectNamespace(have *corev1.Namespace) topology.NamespaceInspection {
	in := topology.NamespaceInspection{Namespace: toNamespace(have), Labels: have.Labels}
	if in.Namespace.Managed { // all labels of pod security; the value has only the level that is enforced
		pinned := adapter.PodSecurityLabels(in.Namespace.PodSecurity)
		fields := adapter.Diff(only(have.Labels, slices.Sorted(maps.Keys(pinned))), pinned)
		addBeyond(&in, topology.KindNamespace, apply.Prefixed("metadata.labels", fields))
	}
	return in
}

// notInForce returns the amounts of a quota that its controller does not enforce yet.
func notInForce(have *corev1.ResourceQuota) []topology.FieldChange {
	stored := corev1.ResourceQuotaStatus{Hard: have.Spec.Hard}
	return apply.Prefixed("status.", adapter.Diff(corev1.ResourceQuotaStatus{Hard: have.Status.Hard}, stored))
}

// inspectVolumes pairs claims with the volumes that they name.
func (t *Topology) inspectVolumes(ctx context.Context) ([]topology.VolumeBinding, error) {
	meantFor := map[string]*corev1.ObjectReference{}
	err := kube.Each(ctx, t.clients.Volumes, "", func(volume *corev1.PersistentVolume) {
		meantFor[volume.Name] = volume.Spec.ClaimRef
	})
	if err != nil {
		return nil, err
	}
	var bindings []topology.VolumeBinding
	err = kube.Each(ctx, t.clients.Claims, "", func(claim *corev1.PersistentVolumeClaim) {
		if claim.Spec.VolumeName == "" {
			return
		}
		b := topology.VolumeBinding{Namespace: claim.Namespace, Claim: claim.Name, Volume: claim.Spec.VolumeName}
		if ref := meantFor[b.Volume]; ref != nil {
			b.ForNamespace, b.ForClaim = ref.Namespace, ref.Name
		}
		bindings = append(bindings, b)
	})
	slices.SortFunc(bindings, func(a, b topology.VolumeBinding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim))
	})
	return bindings, err
}

// addBeyond adds the parts of an object that its value cannot express.
func addBeyond(to *topology.NamespaceInspection, kind topology.Kind, fields []topology.FieldChange) {
	if len(fields) == 0 {
		return
	}
	if to.Beyond == nil {
		to.Beyond = map[topology.Kind][]topology.FieldChange{}
	}
	to.Beyond[kind] = append(to.Beyond[kind], fields...)
}
