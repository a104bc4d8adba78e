package roster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

const defaultRosterWait = 10 * time.Minute

// run takes the lease before it reads anything. What it read earlier could be from before another
// run.
func (s Score) run(ctx context.Context, t Topology) (out interpret.Outcome, err error) {
	err = s.withLease(ctx, t, func(ctx context.Context) error {
		out, err = s.converge(ctx, t, score.RunWithin)
		return err
	})
	return out, err
}

// withLease calls do while it holds the lease of the roster. If the lease is lost, the context of
// do ends.
func (s Score) withLease(ctx context.Context, t Topology, do func(context.Context) error) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	want := topology.Lease{Name: "roster-" + s.id(), Holder: host}
	held, release, err := holdLease(ctx, t, want, s.Wait.Or(defaultRosterWait))
	if err != nil {
		return &interpret.StepError{Step: "lease", Err: err}
	}
	defer release()
	t.Refresh()
	err = do(held)
	if cause := context.Cause(held); err != nil && cause != nil && ctx.Err() == nil {
		return fmt.Errorf("the lease was lost: %w; %w", cause, err)
	}
	return err
}

// holdLease takes a lease, and holds it until ctx ends or release is called. If it does not get the
// lease within timeout, the error's cause is context.DeadlineExceeded.
func holdLease(
	ctx context.Context, t topology.Leases, want topology.Lease, timeout time.Duration,
) (held context.Context, release func(), err error) {
	limited, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(timeout, cancel)
	held, giveUp, err := t.HoldLease(limited, want)
	if err != nil {
		var failure *topology.Error
		timer.Stop()
		timedOut := ctx.Err() == nil && errors.Is(err, context.Canceled)
		if timedOut && errors.As(err, &failure) {
			late := *failure
			late.Cause = context.DeadlineExceeded
			err = &late
		}
		cancel()
		return nil, nil, err
	}
	timer.Stop() // if the timer has fired already, the context has ended, and the run ends with it
	return held, func() { giveUp(); cancel() }, nil
}

// runFunc runs the steps of a roster.
type runFunc = func(ctx context.Context, steps ...score.Step) (score.Report, error)

// converge provisions the tenants, and then removes those that have left. It decides how many these
// are before it writes anything.
func (s Score) converge(ctx context.Context, t Topology, run runFunc) (interpret.Outcome, error) {
	existing, err := t.Tenants(ctx)
	if err != nil {
		return interpret.Outcome{}, &interpret.StepError{Step: "tenants", Err: err}
	}
	gone, notes, err := s.tenantsToPrune(existing)
	if err != nil {
		return interpret.Outcome{}, &interpret.StepError{Step: "prune", Err: err}
	}
	steps := make([]score.Step, 0, len(s.Tenants)+len(gone))
	for _, member := range s.Tenants {
		steps = append(steps, score.Bind[tenant.Topology](onRoster{member, s.id()}, t))
	}
	for _, name := range gone {
		leave := tenant.OffboardScore{Tenant: name, DeleteVolumes: s.Prune.DeleteVolumes[name], Wait: s.Prune.Wait}
		steps = append(steps, leave.On(t))
	}
	report, err := run(ctx, steps...)
	out := interpret.Outcome{Changes: report.Changes(), Notes: notes}
	for _, result := range report.Results {
		for _, note := range result.Outcome.Notes {
			out.Notes = append(out.Notes, result.Score+": "+note)
		}
	}
	if err != nil {
		var counts string
		counts, err = failureSummary(report.Results)
		out.Notes = append(out.Notes, counts)
	}
	return out, err
}

// failureSummary returns the counts of a failed run, and its errors as one. If several tenants were
// not begun, the reason is the same for all, and the error has it once.
func failureSummary(results []score.Result) (counts string, err error) {
	var failed, skipped []error
	for _, result := range results {
		switch {
		case result.Skipped:
			skipped = append(skipped, result.Err)
		case result.Err != nil:
			failed = append(failed, result.Err)
		}
	}
	done := len(results) - len(failed) - len(skipped)
	counts = fmt.Sprintf("%d of %d tenants done, %d failed, %d not begun",
		done, len(results), len(failed), len(skipped))
	switch len(skipped) {
	case 0:
	case 1:
		failed = append(failed, skipped[0])
	default:
		failed = append(failed, fmt.Errorf("%w, and %d more", skipped[0], len(skipped)-1))
	}
	var all score.Report
	for _, err := range failed {
		all.Results = append(all.Results, score.Result{Err: err})
	}
	return counts, all.Err()
}

// onRoster is a tenant with the label of its roster.
type onRoster struct {
	tenant.TenantScore
	roster string
}

// Validate returns nil: the roster has validated the tenant.
func (s onRoster) Validate() error { return nil }

func (s onRoster) Interpret() interpret.Interpret[tenant.Topology] {
	return interpret.Func[tenant.Topology](func(ctx context.Context, t tenant.Topology) (interpret.Outcome, error) {
		return s.Provision(ctx, t, s.roster)
	})
}

// tenantsToPrune returns the tenants to remove: those that have the label of the roster and are not
// on the list. If Prune is unset, it returns a note instead. If there are too many, it returns an
// error.
func (s Score) tenantsToPrune(existing []topology.Namespace) (gone, notes []string, err error) {
	wanted := make(map[string]bool, len(s.Tenants))
	for _, member := range s.Tenants {
		wanted[member.TenantConfig.Name] = true
	}
	own := 0
	for _, ns := range existing {
		if ns.Roster != s.id() {
			continue
		}
		own++
		if !wanted[ns.Name] {
			gone = append(gone, ns.Name)
		}
	}
	if len(gone) == 0 {
		return nil, nil, nil
	}
	some := strings.Join(summary.Shorten(gone, summary.MaxLines), ", ")
	if s.Prune == nil {
		return nil, []string{"not on the roster, and kept because prune is unset: " + some}, nil
	}
	if limit := s.Prune.limit(own, len(s.Tenants)); len(gone) > limit {
		return nil, nil, adapter.Delete(topology.KindNamespace, "").Fail(topology.ErrProtected, fmt.Sprintf(
			"%d of the roster's %d tenants would be removed, and at most %d may be: %s; "+
				"put them back on the roster, or raise prune.atMost or prune.atMostPercent",
			len(gone), own, limit, some))
	}
	return slices.Clip(gone), nil, nil
}

// limit returns how many tenants a run may remove, given how many exist and how many are on the
// list.
func (p Prune) limit(existing, wanted int) int {
	switch {
	case p.AtMost == 0 && p.AtMostPercent == 0 && wanted == 0:
		return 0
	case p.AtMost == 0 && p.AtMostPercent == 0:
		return existing * defaultPrunePercent / 100
	case p.AtMostPercent == 0:
		return p.AtMost
	case p.AtMost == 0:
		return existing * p.AtMostPercent / 100
	default:
		return min(p.AtMost, existing*p.AtMostPercent/100)
	}
}
