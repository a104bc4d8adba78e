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

// The label on the namespaces of this program. A namespace without it belongs to someone else.
const (
	markKey   = "app.kubernetes.io/part-of"
	markValue = "polyphony-quickstart"
)

const (
	cleanUpTime = 3 * time.Minute  // for the tenants to go after a failure
	hearsayTime = 10 * time.Second // for every API server to have heard of a grant
)

// demo is the life of two tenants. Each act is a method.
type demo struct {
	out          io.Writer
	live, dry    cluster
	acme, globex tenant.TenantScore
	developers   string // acme's group

	planned []topology.Change
}

func newDemo(out io.Writer, live, dry cluster, prefix string) *demo {
	d := &demo{out: out, live: live, dry: dry, developers: prefix + "acme-devs"}
	mark := map[string]string{markKey: markValue}
	d.acme = tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: prefix + "acme", DisplayName: "ACME Corporation", Labels: mark},
		ResourceQuotas:   tenant.ResourceQuotaConfig{Requests: tenant.ComputeResources{CPU: new(resource.MustParse("4"))}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC:             tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: d.developers}}},
	}
	d.globex = tenant.TenantScore{ // but for its name, the tightest tenant there is
		TenantConfig: tenant.TenantConfig{Name: prefix + "globex", Labels: mark},
	}
	return d
}

func (d *demo) run(ctx context.Context) error {
	for _, act := range []func(context.Context) error{d.prepare, d.plan} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	for _, act := range []func(context.Context) error{d.provision, d.repeat, d.repair, d.ask, d.offboard} {
		if err := act(ctx); err != nil {
			return errors.Join(err, d.cleanUp(ctx))
		}
	}
	return nil
}

// prepare checks that the infrastructure is ready, and removes what an earlier run has left.
func (d *demo) prepare(ctx context.Context) error {
	ready, err := d.live.Ready(ctx)
	if err != nil {
		return err
	}
	d.say("On %s: %s %s", d.live.Name(), ready.Distribution, ready.Version)
	if len(ready.Missing) > 0 {
		return fmt.Errorf("the user of the kubeconfig may not %s", strings.Join(ready.Missing, ", nor "))
	}
	if ready.NetworkPlugin == "" {
		d.say("(It has no network plugin that is known: network rules are stored, but whether anything enforces them cannot be seen.)")
	}
	return d.makeRoom(ctx)
}

// makeRoom refuses tenants that this program did not make, and removes those that a killed run of
// it has left.
func (d *demo) makeRoom(ctx context.Context) error {
	var left bool
	for _, s := range d.tenants() {
		name := s.TenantConfig.Name
		namespace, err := d.live.Namespace(ctx, name)
		switch {
		case errors.Is(err, topology.ErrNotFound):
		case err != nil:
			return err
		case !namespace.Managed || namespace.Labels[markKey] != markValue:
			return fmt.Errorf("the namespace %s exists and was not made by this program, so it stays as it is; choose other names with -prefix", name)
		default:
			left = true
		}
	}
	if !left {
		return nil
	}
	d.say("An earlier run was killed and has left its tenants; they go first")
	_, err := d.offboarding(ctx)
	return err
}

// plan runs the Scores over a topology that does not write.
func (d *demo) plan(ctx context.Context) error {
	d.headline("Plan: what would be done")
	report, err := score.Run(ctx, d.provisioning(d.dry)...)
	if err != nil {
		return err
	}
	d.planned = report.Changes()
	d.print(report)
	return nil
}

// provision runs the same Scores over the topology itself.
func (d *demo) provision(ctx context.Context) error {
	d.headline("Provision: the boundary, what fences it in, and access last")
	report, err := score.Run(ctx, d.provisioning(d.live)...)
	d.print(report)
	if err == nil && reflect.DeepEqual(report.Changes(), d.planned) {
		d.say("This is the plan, change by change.")
	}
	return err
}

// repeat runs them again, without a write.
func (d *demo) repeat(ctx context.Context) error {
	d.headline("Run it again: nothing to do")
	report, err := score.Run(ctx, d.provisioning(d.live)...)
	d.printDifferences(report)
	if err == nil && report.Changed() {
		err = errors.New("the second run has changed something")
	}
	return err
}

// repair weakens acme, as anyone with the rights could, and runs the Scores again.
func (d *demo) repair(ctx context.Context) error {
	d.headline("Drift: somebody else opens acme's network to everybody, raises its quota and widens a role")
	for _, weaken := range []func(context.Context, string) error{d.openNetwork, d.raiseQuota, d.widenRole} {
		if err := weaken(ctx, d.acme.TenantConfig.Name); err != nil {
			return err
		}
	}
	report, err := score.Run(ctx, d.provisioning(d.live)...)
	d.say("Run again, the Scores find and repair it:")
	d.printDifferences(report)
	return err
}

// openNetwork and the next two functions play someone else. That they write through the same
// adapter does not help the repair: it compares what is in force with what is wanted, whoever wrote
// it.
func (d *demo) openNetwork(ctx context.Context, name string) error {
	rules, err := d.live.NetworkRules(ctx, name)
	if err != nil {
		return err
	}
	rules.Ingress = append(rules.Ingress, topology.NetworkRule{}) // no peers and no ports named: everybody, to every port
	_, err = d.live.EnsureNetworkRules(ctx, rules)
	return err
}

func (d *demo) raiseQuota(ctx context.Context, name string) error {
	quota, err := d.live.Quota(ctx, name)
	if err != nil {
		return err
	}
	quota.Hard["pods"] = resource.MustParse("500")
	_, err = d.live.EnsureQuota(ctx, quota)
	return err
}

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

// question is a question with the expected answer.
type question struct {
	rbac.Question
	yes bool
}

// ask asks what members may do. In memory the grants answer, on a cluster its own authorizer.
func (d *demo) ask(ctx context.Context) error {
	d.headline("Questions, answered by the infrastructure itself")
	acme, globex, group := d.acme.TenantConfig.Name, d.globex.TenantConfig.Name, []string{d.developers}
	for _, q := range []question{
		{rbac.Question{Groups: group, Verb: "create", APIGroup: "apps", Resource: "deployments", Namespace: acme}, true},
		{rbac.Question{Groups: group, Verb: "create", APIGroup: "apps", Resource: "deployments", Namespace: globex}, false},
		{rbac.Question{Groups: group, Verb: "delete", APIGroup: "networking.k8s.io", Resource: "networkpolicies", Namespace: acme}, false},
		{rbac.Question{Groups: group, Verb: "create", APIGroup: "rbac.authorization.k8s.io", Resource: "rolebindings", Namespace: acme}, false},
	} {
		answer, err := d.answer(ctx, q)
		if err != nil {
			return err
		}
		d.say("May the group %s %s %s in %s?\n  %s", d.developers, q.Verb, q.Resource, q.Namespace, inWords(answer))
		if answer.Allowed != q.yes {
			return errors.New("that is not the answer that there must be")
		}
	}
	return nil
}

// answer waits a while for the expected answer, since each API server of a cluster learns of a
// grant with a delay.
func (d *demo) answer(ctx context.Context, q question) (rbac.Answer, error) {
	for end := time.Now().Add(hearsayTime); ; {
		answer, err := d.live.Authorize(ctx, q.Question)
		if err != nil || answer.Allowed == q.yes || time.Now().After(end) {
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
	report, err := d.offboarding(ctx)
	d.print(report)
	return err
}

// cleanUp removes what a failed act has left, also after an interrupt.
func (d *demo) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	d.headline("Failed; removing what there is")
	report, err := d.offboarding(ctx)
	d.print(report)
	return err
}

func (d *demo) tenants() []tenant.TenantScore { return []tenant.TenantScore{d.acme, d.globex} }

func (d *demo) provisioning(on cluster) (steps []score.Step) {
	for _, s := range d.tenants() {
		steps = append(steps, s.On(on))
	}
	return steps
}

// offboarding removes all tenants at the same time, since each may take seconds to go.
func (d *demo) offboarding(ctx context.Context) (score.Report, error) {
	var steps []score.Step
	for _, s := range d.tenants() {
		steps = append(steps, tenant.OffboardScore{Tenant: s.TenantConfig.Name}.On(d.live))
	}
	return score.Runner{Concurrency: len(steps)}.Run(ctx, steps...)
}

func (d *demo) headline(text string) { d.say("\n--- %s", text) }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) print(report score.Report) { fmt.Fprint(d.out, report) }

// printDifferences prints what has changed, and the number of steps that have not.
func (d *demo) printDifferences(report score.Report) {
	var unchanged int
	for _, change := range report.Changes() {
		if change.Action == topology.Unchanged {
			unchanged++
			continue
		}
		d.say("  %s", strings.ReplaceAll(change.String(), "\n", "\n  "))
	}
	d.say("%d of %d unchanged", unchanged, len(report.Changes()))
}
