package score_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// named returns the tightest tenant of a name.
func named(name string) tenant.TenantScore {
	return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}}
}

// A run of two steps. The report prints itself.
func ExampleRun() {
	cluster := fake.New(fake.Options{})
	report, err := score.Run(context.Background(), named("acme").On(cluster), named("globex").On(cluster))
	fmt.Print(report)
	fmt.Println(err, report.Changed())
	// Output:
	// tenant/acme on fake
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	// tenant/globex on fake
	//   + Namespace globex created
	//   + NetworkRules globex created
	//   + Quota globex created
	//   + LimitRange globex created
	//   = Access globex unchanged
	//   = ClusterReaders globex unchanged
	// 8 created, 0 updated, 0 deleted, 4 unchanged
	// <nil> true
}

// A run that stops after two failed tenants, with an observer that prints events.
func ExampleRunner() {
	quotaFault := fake.Fault{Op: "ensure", Kind: topology.KindQuota, After: 1, Err: topology.ErrForbidden}
	cluster := fake.New(fake.Options{}).WithFaults(quotaFault)
	var steps []score.Step
	for _, name := range []string{"acme", "globex", "initech", "umbrella", "wonka"} {
		steps = append(steps, named(name).On(cluster))
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

// A step of a sequence is skipped if a step before it fails. Steps outside of the sequence run.
func ExampleSequence() {
	cluster := fake.New(fake.Options{})
	cluster.Outsider().CreateNamespace("acme", "Helm")
	report, _ := score.Run(context.Background(),
		score.Sequence(named("acme").On(cluster), named("acme-staging").On(cluster)),
		named("globex").On(cluster),
	)
	for _, result := range report.Results {
		fmt.Println(result.Score, result.Err == nil, result.Skipped)
	}
	// Output:
	// tenant/acme false false
	// tenant/acme-staging false true
	// tenant/globex true false
}

// A report as JSON.
func ExampleReport_MarshalJSON() {
	cluster := fake.New(fake.Options{})
	report, err := score.Run(context.Background(), tenant.OffboardScore{Tenant: "acme"}.On(cluster))
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := json.MarshalIndent(report, "", " ")
	fmt.Println(string(data), err)
	// Output:
	// {
	//  "results": [
	//   {
	//    "score": "offboard/acme",
	//    "topology": "fake",
	//    "changes": [
	//     {
	//      "kind": "Access",
	//      "name": "acme",
	//      "action": "unchanged"
	//     },
	//     {
	//      "kind": "ClusterReaders",
	//      "name": "acme",
	//      "action": "unchanged"
	//     },
	//     {
	//      "kind": "Namespace",
	//      "name": "acme",
	//      "action": "unchanged"
	//     }
	//    ]
	//   }
	//  ]
	// } <nil>
}

// The log of a run that removes a tenant.
func ExampleLog() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	if _, err := score.Run(ctx, named("acme").On(cluster)); err != nil {
		fmt.Println(err)
		return
	}
	withoutTimeAndLevel := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTimeAndLevel}))
	runner := score.Runner{Observe: score.Log(logger)}
	if _, err := runner.Run(ctx, tenant.OffboardScore{Tenant: "acme"}.On(cluster)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// msg="run started" steps=1
	// msg=changed score=offboard/acme topology=fake kind=Namespace name=acme action=deleted
	// msg="step finished" score=offboard/acme topology=fake
	// msg="run finished" done=1 failed=0 skipped=0
}

// A failure that may pass by itself is worth another try.
func ExampleTransient() {
	fmt.Println(score.Transient(&topology.Error{Reason: topology.ErrUnavailable}))
	fmt.Println(score.Transient(&topology.Error{Reason: topology.ErrForbidden}))
	// Output:
	// true
	// false
}
