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
)

// Inspect implements topology.Inspector by one list for each kind, a page at a time.
func (t *Topology) Inspect(ctx context.Context) (topology.Inspection, error) {
	c := call{"read", "Inspection", t.name}
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

// listAll reads a list a page at a time.
func listAll[T any, L interface {
	GetContinue() string
}](ctx context.Context, list func(context.Context, metav1.ListOptions) (L, error), items func(L) []T) ([]T, error) {
	var all []T
	err := eachPage(ctx, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		l, err := list(ctx, page)
		if err != nil {
			return "", err
		}
		all = append(all, items(l)...)
		return l.GetContinue(), nil
	})
	return all, err
}

// inspectNamespaces reads all namespaces, and what there is of ours in them.
func (t *Topology) inspectNamespaces(ctx context.Context) ([]topology.NamespaceInspection, error) {
	namespaces, err := listAll(ctx, t.clients.namespaces().List, func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items })
	if err != nil {
		return nil, err
	}
	all := make([]topology.NamespaceInspection, len(namespaces))
	at := map[string]*topology.NamespaceInspection{}
	for i := range namespaces {
		have := &namespaces[i]
		all[i] = topology.NamespaceInspection{Namespace: toNamespace(have), Labels: have.Labels}
		if all[i].Namespace.Managed { // each label of pod security, and not only the one that the port has a word for
			pinned := podSecurityLabels(all[i].Namespace.PodSecurity)
			all[i].Beyond = prefixed("metadata.labels", topology.Diff(only(have.Labels, slices.Sorted(maps.Keys(pinned))), pinned))
		}
		at[have.Name] = &all[i]
	}
	quotaList, err := listAll(ctx, t.clients.quotas("").List, func(l *corev1.ResourceQuotaList) []corev1.ResourceQuota { return l.Items })
	if err != nil {
		return nil, err
	}
	for i := range quotaList {
		have := &quotaList[i]
		if ns := at[have.Namespace]; ns != nil && have.Name == objectName && owned(have, have.Namespace) {
			ns.Quota = new(toQuota(have))
			ns.Beyond = append(ns.Beyond, beyond(have.Spec, renderQuota(*ns.Quota).Spec)...)
			ns.Beyond = append(ns.Beyond, prefixed("status.", topology.Diff(corev1.ResourceQuotaStatus{Hard: have.Status.Hard}, corev1.ResourceQuotaStatus{Hard: have.Spec.Hard}))...)
		}
	}
	limitList, err := listAll(ctx, t.clients.limitRanges("").List, func(l *corev1.LimitRangeList) []corev1.LimitRange { return l.Items })
	if err != nil {
		return nil, err
	}
	for i := range limitList {
		have := &limitList[i]
		if ns := at[have.Namespace]; ns != nil && have.Name == objectName && owned(have, have.Namespace) {
			ns.LimitRange = new(toLimitRange(have))
			ns.Beyond = append(ns.Beyond, beyond(have.Spec, renderLimitRange(*ns.LimitRange).Spec)...)
		}
	}
	return all, nil
}

// inspectVolumes pairs claims with the volumes that they name.
func (t *Topology) inspectVolumes(ctx context.Context) ([]topology.VolumeBinding, error) {
	volumes, err := listAll(ctx, t.clients.volumes().List, func(l *corev1.PersistentVolumeList) []corev1.PersistentVolume { return l.Items })
	if err != nil {
		return nil, err
	}
	meantFor := map[string]*corev1.ObjectReference{}
	for i := range volumes {
		meantFor[volumes[i].Name] = volumes[i].Spec.ClaimRef
	}
	claims, err := listAll(ctx, t.clients.claims("").List, func(l *corev1.PersistentVolumeClaimList) []corev1.PersistentVolumeClaim { return l.Items })
	if err != nil {
		return nil, err
	}
	var bindings []topology.VolumeBinding
	for _, claim := range claims {
		if claim.Spec.VolumeName == "" {
			continue
		}
		b := topology.VolumeBinding{Namespace: claim.Namespace, Claim: claim.Name, Volume: claim.Spec.VolumeName}
		if ref := meantFor[b.Volume]; ref != nil {
			b.ForNamespace, b.ForClaim = ref.Namespace, ref.Name
		}
		bindings = append(bindings, b)
	}
	slices.SortFunc(bindings, func(a, b topology.VolumeBinding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Claim, b.Claim))
	})
	return bindings, nil
}
