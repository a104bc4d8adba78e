// Package tenanttest tries every known escape from a tenant, and checks that the capabilities of an
// adapter work together for a tenant.
//
// # Attacks
//
// [Attack] tries every attack as the tenant's own members, against the infrastructure itself:
//
//	tenanttest.Attack(t, cluster, acme, globex)
//
// It writes nothing. Each attempt is a dry run of a request (see [topology.Admission]), sent as a
// member of each role. So it can run against clusters in use, with existing tenants. Attacks that
// need real writes are listed in docs/threat-model.md, each with its test.
//
// [Attacks] returns the list of attacks, each an [AttackCase]. A [Sender] sends its requests, and a
// [Result] is the outcome of one.
//
// # Suites of adapters
//
// An adapter that passes the suites of package topologytest also calls [Tenants], which provisions
// and off-boards on a [TenantTopology], and [RosterRuns], which runs rosters.
package tenanttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Attack fails t for every attack of the attacker's members that is not refused. It also fails t
// for every positive control that is refused: the same request from an administrator, or a similar
// request that should pass. Both tenants must be provisioned from these Scores, and the guardrails
// must be installed. Members of both tenants are left out.
//
// Attack returns the attacks that could not be tried, sorted, as "role: attack: reason". The reason
// is [topology.ErrNotModelled] (never on Kubernetes and the fake), or [ErrUntried]: the positive
// control needs something that the attacker's Score does not allow, such as a domain, a storage
// class or an image. If the Score allows all of them, the result is empty.
//
// The sender of positive controls is in the group system:masters. On Kubernetes the caller needs
// [k8s.AdmissionPermissions] without restriction: it impersonates members and administrators.
//
// [k8s.AdmissionPermissions]:
// https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/k8s#AdmissionPermissions
func Attack(t *testing.T, top topology.Admission, attacker, victim tenant.TenantScore) (untried []string) {
	t.Helper()
	members := attackers(attacker, victim)
	if len(members) == 0 {
		t.Errorf("%s has no member that is not also a member of %s; add one to rbac.members", attacker.Name(), victim.Name())
	}
	for _, m := range members {
		for _, a := range Attacks() {
			result := a.Try(t.Context(), top, m, attacker, victim)
			switch {
			case errors.Is(result.Err, topology.ErrNotModelled), errors.Is(result.Err, ErrUntried):
				untried = append(untried, string(m.Role)+": "+a.Name+": "+result.Err.Error())
			case result.Err != nil:
				t.Errorf("%s: %s: %v", m.Role, a.Name, result.Err)
			}
		}
	}
	slices.Sort(untried)
	return untried
}

// Sender is a user who sends requests.
type Sender struct {
	Role   tenant.Role // in the attacker's tenant
	User   string      // as the infrastructure authenticates it
	Groups []string    // nil for a service account: the infrastructure knows its groups
}

// administrator is the sender of positive controls.
var administrator = Sender{User: "polyphony-tenanttest", Groups: []string{"system:masters"}}

// attackers returns one member of each role, the most powerful role first. Members of the victim
// are left out.
func attackers(attacker, victim tenant.TenantScore) []Sender {
	var senders []Sender
	for _, role := range tenant.Roles() {
		i := slices.IndexFunc(attacker.RBAC.Members, func(m tenant.Member) bool {
			return m.Role == role && !slices.ContainsFunc(victim.RBAC.Members, func(v tenant.Member) bool { return who(v) == who(m) })
		})
		if i >= 0 {
			senders = append(senders, sender(attacker.RBAC.Members[i]))
		}
	}
	return senders
}

// sender returns one user that the member stands for.
func sender(m tenant.Member) Sender {
	s := Sender{Role: m.Role, User: "polyphony-tenanttest-" + string(m.Role), Groups: []string{m.Name, "system:authenticated"}}
	switch m.Kind {
	case rbac.User:
		s.User, s.Groups = m.Name, []string{"system:authenticated"}
	case rbac.ServiceAccount:
		s.User, s.Groups = "system:serviceaccount:"+m.Namespace+":"+m.Name, nil // the infrastructure knows its groups
	case rbac.Group, "":
	}
	return s
}

// who returns the principal of the member, without its role.
func who(m tenant.Member) rbac.Subject {
	return rbac.Subject{Kind: cmp.Or(m.Kind, rbac.Group), Name: m.Name, Namespace: m.Namespace}
}

func (s Sender) sends(r topology.Request) topology.Request {
	if r.User == "" {
		r.User, r.Groups = s.User, s.Groups
	}
	return r
}

// Result is the outcome of an attack.
type Result struct {
	Verdicts []topology.Verdict // one for each attempt that was answered

	// Err is the first failure: an attempt was not refused (ErrEscaped), a positive control was
	// refused (ErrNoControl), or the topology could not answer. Nil: the attack was refused.
	Err error
}

// Result.Err matches one of these by [errors.Is], or one of the sentinels of package topology.
var (
	// ErrEscaped means that the attack was not refused.
	ErrEscaped = errors.New("not refused")

	// ErrNoControl means that a request like the attack, which should pass, was refused too. The
	// refusal of the attack then proves nothing.
	ErrNoControl = errors.New("the positive control was refused too, so the refusal proves nothing")

	// ErrUntried means that the Score of the attacker allows too little for a positive control.
	ErrUntried = errors.New("the attacker's Score does not allow what the positive control needs")
)

// Try tries one attack as one sender.
func (a AttackCase) Try(ctx context.Context, top topology.Admission, by Sender, attacker, victim tenant.TenantScore) Result {
	var result Result
	setup := newSetup(attacker, victim)
	if a.needs != nil {
		if missing := a.needs(setup); missing != "" {
			return Result{Err: fmt.Errorf("%w: %s", ErrUntried, missing)}
		}
	}
	for _, attempt := range a.attempts(setup) {
		verdict, err := top.Admit(ctx, by.sends(attempt.request))
		if errors.Is(err, topology.ErrNotFound) && a.Fence == topology.FenceAccess { // the request passed the authorizer
			verdict, err = topology.Verdict{Allowed: true}, nil
		}
		if err == nil {
			result.Verdicts = append(result.Verdicts, verdict)
			if verdict.Allowed {
				err = fmt.Errorf("%w: %s", ErrEscaped, describe(by.sends(attempt.request)))
			} else {
				err = a.control(ctx, top, attempt, verdict)
			}
		}
		if result.Err == nil || errors.Is(result.Err, topology.ErrNotModelled) && err != nil { // an answer counts more than no answer
			result.Err = err
		}
	}
	return result
}

// control tries the positive control of an attempt. If rights stop the attempt, ErrNotFound is also
// a success: the request passed the authorizer.
func (a AttackCase) control(ctx context.Context, top topology.Admission, attempt attempt, refused topology.Verdict) error {
	request := attempt.request
	if attempt.instead != nil {
		request = *attempt.instead
	}
	request = administrator.sends(request)
	verdict, err := top.Admit(ctx, request)
	switch {
	case errors.Is(err, topology.ErrNotFound) && a.Fence == topology.FenceAccess, err == nil && verdict.Allowed:
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("%w: %s: %s: %s; the attempt itself was refused by %s: %s", ErrNoControl, describe(request), verdict.By, verdict.Reason, refused.By, refused.Reason)
	}
}

func describe(r topology.Request) string {
	what := r.Resource
	if r.APIGroup != "" {
		what += "." + r.APIGroup
	}
	if r.Subresource != "" {
		what += "/" + r.Subresource
	}
	return fmt.Sprintf("%s may %s %s %s/%s %s", r.User, r.Verb, what, r.Namespace, r.Name, r.Object)
}
