package tenanttest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

func tenantScore(name string) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name},
		RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: name + "-devs"}}},
	}
}

// A test attacks one tenant from another on a topology where both exist.
func ExampleAttack() {
	TestAttack := func(t *testing.T) {
		top := fake.New(fake.Options{})
		acme, globex := tenantScore("acme"), tenantScore("globex")
		_, err := score.Run(t.Context(), score.Sequence(guardrails.Score{}.On(top), acme.On(top), globex.On(top)))
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range tenanttest.Attack(t, top, acme, globex) {
			t.Log("not tried:", what)
		}
	}
	_ = TestAttack // in a test, it is a function of the package
}

// Without guardrails, a developer can take over addresses outside the tenant.
func ExampleAttackCase_Try() {
	ctx, top := context.Background(), fake.New(fake.Options{})
	acme, globex := tenantScore("acme"), tenantScore("globex")
	if _, err := score.Run(ctx, acme.On(top), globex.On(top)); err != nil {
		log.Fatal(err)
	}
	developer := tenanttest.Sender{Role: tenant.Developer, User: "jane", Groups: []string{"acme-devs"}}
	for _, attack := range tenanttest.Attacks() {
		if attack.Name != "externalIPs of a Service (CVE-2020-8554)" {
			continue
		}
		result := attack.Try(ctx, top, developer, acme, globex)
		fmt.Println("without guardrails, it escapes:", errors.Is(result.Err, tenanttest.ErrEscaped))

		if _, err := score.Run(ctx, guardrails.Score{}.On(top)); err != nil {
			log.Fatal(err)
		}
		result = attack.Try(ctx, top, developer, acme, globex)
		fmt.Println("with guardrails, it escapes:", result.Err != nil)
		fmt.Println("refused by", result.Verdicts[0].By)
	}
	// Output:
	// without guardrails, it escapes: true
	// with guardrails, it escapes: false
	// refused by guardrails
}

// Attacks by what stops them.
func ExampleAttacks() {
	stops := map[topology.Fence]int{}
	for _, attack := range tenanttest.Attacks() {
		stops[attack.Fence]++
	}
	for _, fence := range []topology.Fence{topology.FenceAccess, topology.FenceGuardrails} {
		fmt.Println(fence, "stop several:", stops[fence] > 1)
	}
	// Output:
	// access stop several: true
	// guardrails stop several: true
}

// A test of an adapter runs the suites of tenants and rosters after those of the capabilities. It
// fills in Outsider as for package topologytest.
func ExampleTenants() {
	TestConformance := func(t *testing.T) {
		top := fake.New(fake.Options{})
		h := topologytest.Harness[*fake.Topology]{Topology: top, DryRun: top.DryRun()}
		t.Run("Tenants", func(t *testing.T) { tenanttest.Tenants(t, h) })
		t.Run("RosterRuns", func(t *testing.T) { tenanttest.RosterRuns(t, h) })
	}
	_ = TestConformance // in a test, it is a function of the package
}
