package main

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// weaken changes a tenant as anyone with enough rights could. It writes through the same adapter,
// which does not help the repair: a run compares what is in force with the Score, and does not look
// at who wrote it.
func (d *demo) weaken(ctx context.Context, name string) error {
	for _, change := range []func(context.Context, string) error{d.openNetwork, d.raiseQuota, d.widenRole} {
		if err := change(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// openNetwork adds a rule without peers and ports, which allows every peer on every port.
func (d *demo) openNetwork(ctx context.Context, name string) error {
	rules, err := d.live.NetworkRules(ctx, name)
	if err != nil {
		return err
	}
	rules.Ingress = append(rules.Ingress, topology.NetworkRule{})
	_, err = d.live.EnsureNetworkRules(ctx, rules)
	return err
}

// raiseQuota allows 500 pods.
func (d *demo) raiseQuota(ctx context.Context, name string) error {
	quota, err := d.live.Quota(ctx, name)
	if err != nil {
		return err
	}
	quota.Hard["pods"] = resource.MustParse("500")
	_, err = d.live.EnsureQuota(ctx, quota)
	return err
}

// widenRole lets developers delete network policies.
func (d *demo) widenRole(ctx context.Context, name string) error {
	access, err := d.live.Access(ctx, name)
	if err != nil {
		return err
	}
	access.Grants[0].Rules = append(access.Grants[0].Rules, rbac.Rule{
		APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: []string{"delete"},
	})
	_, err = d.live.EnsureAccess(ctx, access)
	return err
}
