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

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Inspect implements topology.Inspector by one list for each kind, a page at a time.
func (t *Topology) Inspect(ctx context.Context) (topology.Inspection, error) {
	c := adapter.Read(topology.KindInspection, t.name)
	in := topology.Inspection{Topology: t.name, At: time.Now().UTC().Truncate(time.Second)}
	var err error
	if in.Readiness, err = t.identify(ctx, c); err != nil {
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
	have, err := t.installed(ctx, c)
	switch {
	case err == nil:
		in.Guardrails = have.set()
	case !errors.Is(err, topology.ErrUnsupported):
		return topology.Inspection{}, err
	}
	err = t.retry(ctx, c, func(ctx context.Context) (err error) {
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

// inspectNamespaces reads all namespaces, and what there is of ours in them.
func (t *Topology) inspectNamespaces(ctx context.Context) ([]topology.NamespaceInspection, error) {
	var all []topology.NamespaceInspection
	index := map[string]int{}
	err := t.clients.namespaces().EachPage(ctx, "", func(list *corev1.NamespaceList) {
		for i := range list.Items {
			have := &list.Items[i]
			inspected := topology.NamespaceInspection{Namespace: toNamespace(have), Labels: have.Labels}
			if inspected.Namespace.Managed { // each label of pod security, and not only the one that the port has a word for
				pinned := podSecurityLabels(inspected.Namespace.PodSecurity)
				addBeyond(&inspected, topology.KindNamespace, prefixed("metadata.labels", adapter.Diff(only(have.Labels, slices.Sorted(maps.Keys(pinned))), pinned)))
			}
			index[have.Name] = len(all)
			all = append(all, inspected)
		}
	})
	if err != nil {
		return nil, err
	}
	// placeOf is where the one object of ours goes that there is of its kind in a namespace.
	placeOf := func(object metav1.Object) *topology.NamespaceInspection {
		i, ok := index[object.GetNamespace()]
		if !ok || object.GetName() != objectName || !owned(object, object.GetNamespace()) {
			return nil
		}
		return &all[i]
	}
	err = t.clients.quotas("").EachPage(ctx, "", func(list *corev1.ResourceQuotaList) {
		for i := range list.Items {
			have := &list.Items[i]
			if place := placeOf(have); place != nil {
				place.Quota = new(toQuota(have))
				addBeyond(place, topology.KindQuota, beyond(have.Spec, renderQuota(*place.Quota).Spec))
				addBeyond(place, topology.KindQuota, prefixed("status.", adapter.Diff(corev1.ResourceQuotaStatus{Hard: have.Status.Hard}, corev1.ResourceQuotaStatus{Hard: have.Spec.Hard})))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return all, t.clients.limitRanges("").EachPage(ctx, "", func(list *corev1.LimitRangeList) {
		for i := range list.Items {
			have := &list.Items[i]
			if place := placeOf(have); place != nil {
				place.LimitRange = new(toLimitRange(have))
				addBeyond(place, topology.KindLimitRange, beyond(have.Spec, renderLimitRange(*place.LimitRange).Spec))
			}
		}
	})
}

// inspectVolumes pairs claims with the volumes that they name.
func (t *Topology) inspectVolumes(ctx context.Context) ([]topology.VolumeBinding, error) {
	meantFor := map[string]*corev1.ObjectReference{}
	err := t.clients.volumes().EachPage(ctx, "", func(list *corev1.PersistentVolumeList) {
		for _, volume := range list.Items {
			meantFor[volume.Name] = volume.Spec.ClaimRef
		}
	})
	if err != nil {
		return nil, err
	}
	var bindings []topology.VolumeBinding
	err = t.clients.claims("").EachPage(ctx, "", func(list *corev1.PersistentVolumeClaimList) {
		for _, claim := range list.Items {
			if claim.Spec.VolumeName == "" {
				continue
			}
			b := topology.VolumeBinding{Namespace: claim.Namespace, Claim: claim.Name, Volume: claim.Spec.VolumeName}
			if ref := meantFor[b.Volume]; ref != nil {
				b.ForNamespace, b.ForClaim = ref.Namespace, ref.Name
			}
			bindings = append(bindings, b)
		}
	})
	slices.SortFunc(bindings, func(a, b topology.VolumeBinding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim))
	})
	return bindings, err
}

// addBeyond adds what a value in force has beyond what the port can express.
func addBeyond(to *topology.NamespaceInspection, kind topology.Kind, fields []topology.FieldChange) {
	if len(fields) == 0 {
		return
	}
	if to.Beyond == nil {
		to.Beyond = map[topology.Kind][]topology.FieldChange{}
	}
	to.Beyond[kind] = append(to.Beyond[kind], fields...)
}
