package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// The label on the namespaces of this program. A namespace without it is foreign.
const (
	markKey   = "app.kubernetes.io/part-of"
	markValue = "polyphony-quickstart"
)

const (
	cleanUpTimeout = 5 * time.Minute // to remove the tenants after a failure
	answerTimeout  = 2 * time.Minute // until every API server knows of a grant
)

// demo is the life of two tenants. Each act is a method.
type demo struct {
	out          io.Writer
	live, dry    cluster
	acme, globex tenant.TenantScore
	developers   string // the group of acme's developers

	planned []topology.Change
}

// newDemo returns a demo of two tenants. Globex sets only its name: it is the tightest tenant.
func newDemo(out io.Writer, live, dry cluster, prefix string) *demo {
	d := &demo{out: out, live: live, dry: dry, developers: prefix + "acme-devs"}
	mark := map[string]string{markKey: markValue}
	d.acme = tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: prefix + "acme", DisplayName: "ACME Corporation", Labels: mark},
		ResourceQuotas:   tenant.ResourceQuotaConfig{Requests: tenant.ComputeResources{CPU: new(resource.MustParse("4"))}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC:             tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: d.developers}}},
	}
	d.globex = tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: prefix + "globex", Labels: mark},
	}
	return d
}

// run plays the acts in order. After a failure it removes the tenants.
func (d *demo) run(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if err := d.plan(ctx); err != nil {
		return err
	}
	for _, act := range []func(context.Context) error{d.provision, d.repeat, d.repair, d.ask, d.offboard} {
		if err := act(ctx); err != nil {
			return errors.Join(err, d.cleanUp(ctx))
		}
	}
	return nil
}

// prepare checks that the cluster is ready, and that the names of the tenants are free.
func (d *demo) prepare(ctx context.Context) error {
	ready, err := d.live.Ready(ctx)
	if err != nil {
		return err
	}
	d.printf("On %s: %s %s", d.live.Name(), ready.Distribution, ready.Version)
	if len(ready.Missing) > 0 {
		return fmt.Errorf("the user of the kubeconfig may not %s", strings.Join(ready.Missing, ", nor "))
	}
	if ready.NetworkPlugin == "" {
		d.printf("(No known network plugin: it cannot be seen whether anything enforces the network rules.)")
	}
	return d.removeLeftovers(ctx)
}

// removeLeftovers removes tenants of an earlier run that was killed. It refuses namespaces of
// others.
func (d *demo) removeLeftovers(ctx context.Context) error {
	leftover := false
	for _, s := range d.tenants() {
		name := s.TenantConfig.Name
		namespace, err := d.live.Namespace(ctx, name)
		switch {
		case errors.Is(err, topology.ErrNotFound):
		case err != nil:
			return err
		case !namespace.Managed || namespace.Labels[markKey] != markValue:
			return fmt.Errorf(
				"the namespace %s exists and was not made by this program; choose other names with -prefix",
				name)
		default:
			leftover = true
		}
	}
	if !leftover {
		return nil
	}
	d.printf("An earlier run was killed and left its tenants; removing them first")
	_, err := d.removeTenants(ctx)
	return err
}

// plan runs the Scores on a topology that writes nothing.
func (d *demo) plan(ctx context.Context) error {
	d.headline("Plan: what would be done")
	report, err := d.runScores(ctx, d.dry)
	if err != nil {
		return err
	}
	d.planned = report.Changes()
	d.print(report)
	return nil
}

// provision runs the same Scores on the topology itself.
func (d *demo) provision(ctx context.Context) error {
	d.headline("Provision: the boundary, what fences it in, and access last")
	report, err := d.runScores(ctx, d.live)
	d.print(report)
	if err == nil && reflect.DeepEqual(report.Changes(), d.planned) {
		d.printf("The run made exactly the planned changes.")
	}
	return err
}

// repeat runs the Scores once more. The run must change nothing.
func (d *demo) repeat(ctx context.Context) error {
	d.headline("Run it again: nothing to do")
	report, err := d.runScores(ctx, d.live)
	d.printDifferences(report)
	if err == nil && report.Changed() {
		err = errors.New("the second run has changed something")
	}
	return err
}

// repair weakens acme, and runs the Scores again.
func (d *demo) repair(ctx context.Context) error {
	d.headline("Drift: someone opens acme's network to everybody, raises its quota and widens a role")
	if err := d.weaken(ctx, d.acme.TenantConfig.Name); err != nil {
		return err
	}
	report, err := d.runScores(ctx, d.live)
	d.printf("Run again, the Scores find and repair it:")
	d.printDifferences(report)
	return err
}

// question is a question with the expected answer.
type question struct {
	rbac.Question
	allowed bool
}

// ask asks what acme's developers may do. On a cluster its authorizer answers, in memory the stored
// grants.
func (d *demo) ask(ctx context.Context) error {
	d.headline("Questions, answered by the infrastructure itself")
	acme, globex := d.acme.TenantConfig.Name, d.globex.TenantConfig.Name
	ask := func(verb, apiGroup, resource, namespace string, allowed bool) question {
		return question{rbac.Question{
			Groups: []string{d.developers}, Verb: verb, APIGroup: apiGroup, Resource: resource, Namespace: namespace,
		}, allowed}
	}
	for _, q := range []question{
		ask("create", "apps", "deployments", acme, true),
		ask("create", "apps", "deployments", globex, false),
		ask("delete", "networking.k8s.io", "networkpolicies", acme, false),
		ask("create", "rbac.authorization.k8s.io", "rolebindings", acme, false),
	} {
		answer, err := d.answer(ctx, q)
		if err != nil {
			return err
		}
		d.printf("May the group %s %s %s in %s?\n  %s", d.developers, q.Verb, q.Resource, q.Namespace, inWords(answer))
		if answer.Allowed != q.allowed {
			return fmt.Errorf("the answer is wrong: allowed is %t, not %t", answer.Allowed, q.allowed)
		}
	}
	return nil
}

// answer repeats a question until the answer is the expected one, because each API server of a
// cluster learns of a grant with a delay.
func (d *demo) answer(ctx context.Context, q question) (rbac.Answer, error) {
	for deadline := time.Now().Add(answerTimeout); ; {
		answer, err := d.live.Authorize(ctx, q.Question)
		if err != nil || answer.Allowed == q.allowed || time.Now().After(deadline) {
			return answer, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func inWords(answer rbac.Answer) string {
	word := "No"
	if answer.Allowed {
		word = "Yes"
	}
	if answer.Reason != "" {
		word += ": " + answer.Reason
	}
	return word
}

// offboard removes the tenants.
func (d *demo) offboard(ctx context.Context) error {
	d.headline("Off-board: access first, then everything else")
	report, err := d.removeTenants(ctx)
	d.print(report)
	return err
}

// cleanUp removes the tenants after a failure, also if the failure was an interrupt.
func (d *demo) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	d.headline("Failed; removing the tenants")
	report, err := d.removeTenants(ctx)
	d.print(report)
	return err
}

func (d *demo) tenants() []tenant.TenantScore { return []tenant.TenantScore{d.acme, d.globex} }

// runScores provisions the tenants, one after the other.
func (d *demo) runScores(ctx context.Context, on cluster) (score.Report, error) {
	var steps []score.Step
	for _, s := range d.tenants() {
		steps = append(steps, s.On(on))
	}
	return score.Run(ctx, steps...)
}

// removeTenants removes all tenants at once, because a cluster needs some seconds for each.
func (d *demo) removeTenants(ctx context.Context) (score.Report, error) {
	var steps []score.Step
	for _, s := range d.tenants() {
		steps = append(steps, tenant.OffboardScore{Tenant: s.TenantConfig.Name}.On(d.live))
	}
	return score.Runner{Concurrency: len(steps)}.Run(ctx, steps...)
}

func (d *demo) headline(text string) { d.printf("\n--- %s", text) }

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) print(report score.Report) { fmt.Fprint(d.out, report) }

// printDifferences prints the changes that are more than unchanged, and counts the others.
func (d *demo) printDifferences(report score.Report) {
	unchanged := 0
	for _, change := range report.Changes() {
		if change.Action == topology.Unchanged {
			unchanged++
			continue
		}
		d.printf("  %s", strings.ReplaceAll(change.String(), "\n", "\n  "))
	}
	d.printf("%d of %d unchanged", unchanged, len(report.Changes()))
}
