package score_test

import (
	"context"
	"fmt"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// A run that stops after two failed tenants, with an observer that prints events.
func ExampleRunner() {
	cluster := fake.New(fake.Options{}).WithFaults(fake.Fault{Op: "ensure", Kind: "Quota", After: 1,
		Err: topology.ErrForbidden})
	var steps []score.Step
	for _, name := range []string{"acme", "globex", "initech", "umbrella", "wonka"} {
		steps = append(steps, tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}}.On(cluster))
	}
	runner := score.Runner{Budget: 2, Retries: 3, Observe: func(e score.Event) {
		switch e := e.(type) {
		case score.Changed:
			fmt.Println(e.Change)
		case score.Finished:
			fmt.Println(e.Score, "ended, skipped:", e.Skipped)
		}
	}}
	_, err := runner.Run(context.Background(), steps...)
	fmt.Println(err)
	// Output:
	// + Namespace acme created
	// + NetworkRules acme created
	// + Quota acme created
	// + LimitRange acme created
	// tenant/acme ended, skipped: false
	// + Namespace globex created
	// + NetworkRules globex created
	// tenant/globex ended, skipped: false
	// + Namespace initech created
	// + NetworkRules initech created
	// tenant/initech ended, skipped: false
	// tenant/umbrella ended, skipped: true
	// tenant/wonka ended, skipped: true
	// tenant/globex on fake: quota: ensure Quota "globex": injected fault
	// tenant/initech on fake: quota: ensure Quota "initech": injected fault
	// tenant/umbrella on fake: skipped: as many steps have failed as the run's budget allows
	// tenant/wonka on fake: skipped: as many steps have failed as the run's budget allows
}
