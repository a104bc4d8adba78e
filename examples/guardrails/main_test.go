package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// guardrails on fake
	//   + Guardrails fake created
	// tenant/acme on fake
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   + Access acme created
	//   = ClusterReaders acme unchanged
	// 6 created, 0 updated, 0 deleted, 1 unchanged
	//
	// www.acme.example.com: allowed
	// www.globex.example.com: refused by the rule ingress:
	//   the host www.globex.example.com is not within a domain of the tenant: ask for the domain in networkIsolation.domains of its TenantScore
	// *.example.com: refused by the rule ingress:
	//   the host *.example.com is not within a domain of the tenant: ask for the domain in networkIsolation.domains of its TenantScore
}

// The fake does not run pods, so it cannot answer every attack. A cluster answers all of them.
func TestAttackFindsNoWayOut(t *testing.T) {
	cluster := fake.New(fake.Options{})
	named := func(name string) tenant.TenantScore {
		return tenant.TenantScore{
			TenantConfig: tenant.TenantConfig{Name: name},
			RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: name + "-devs"}}},
		}
	}
	acme, globex := named("acme"), named("globex")
	_, err := score.Run(t.Context(), guardrails.Score{}.On(cluster), acme.On(cluster), globex.On(cluster))
	require.NoError(t, err)
	untried := tenanttest.Attack(t, cluster, acme, globex)
	require.Less(t, len(untried), len(tenanttest.Attacks())/2, "%q", untried)
}
