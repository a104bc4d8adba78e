package k8s_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const (
	twinAccessQuestions = 4000
	twinConnections     = 25000 // evaluated from what was read
	twinReaches         = 400   // asked of the topologies
)

// TestFakeAndClusterAgreeAboutAccess asks the fake and the API server the same questions about
// rights. It also evaluates the grants that were read.
func TestFakeAndClusterAgreeAboutAccess(t *testing.T) {
	p := newPair(t, 3)
	p.furnish(t)
	p.awaitGrants(t)
	want, have := grantsOf(t, p.real), grantsOf(t, p.fake)
	assert.Empty(t, cmp.Diff(p.inNamespaces(want), p.inNamespaces(have), cmpopts.EquateEmpty()))
	wantState, haveState := rbac.NewState(want), rbac.NewState(have)
	questions := make([]rbac.Question, twinAccessQuestions)
	for i := range questions {
		questions[i] = p.accessQuestion(have)
	}
	counts := map[string]int{}
	for i, answer := range askAll(t, p.real, questions) {
		q := questions[i]
		modelled, err := p.fake.Authorize(t.Context(), q)
		require.NoError(t, err)
		byFake, byCluster := haveState.Answer(q), wantState.Answer(q)
		same := []bool{modelled.Allowed, byFake.Allowed, byCluster.Allowed}
		if !assert.Equal(t, slices.Repeat([]bool{answer.Allowed}, 3), same, "%+v\nAPI server: %s\nfake: %s\nits grants: %s\nthe cluster's: %s",
			q, answer.Reason, modelled.Reason, byFake.Reason, byCluster.Reason) {
			continue
		}
		assert.Equal(t, modelled.Reason, byFake.Reason, "%+v", q)
		assert.Equal(t, withoutReaders(byCluster.Reason), withoutReaders(byFake.Reason), "%+v", q)
		counts[decidedBy(t, q, answer, have)]++
	}
	t.Logf("%d grants of the fake; answers by what decided: %v", len(have), counts)
	for _, by := range []string{"nothing", "masters", "RoleBinding", "ClusterRoleBinding"} {
		require.GreaterOrEqual(t, counts[by], twinAccessQuestions/40, by)
	}
}

// inNamespaces returns the grants in the namespaces of the pair.
func (p *pair) inNamespaces(grants []rbac.Binding) []rbac.Binding {
	return slices.DeleteFunc(slices.Clone(grants), func(g rbac.Binding) bool { return !slices.Contains(p.namespaces(), g.Namespace) })
}

func grantsOf(t *testing.T, top topology.GrantsInForce) []rbac.Binding {
	t.Helper()
	grants, err := top.GrantsInForce(t.Context())
	require.NoError(t, err)
	return grants
}

// readersReason matches the reason of cluster readers. Each adapter chooses their bindings, and
// which of two groups it names.
var readersReason = regexp.MustCompile(`^ClusterRoleBinding .* (grants .* \(ClusterRole polyphony-cluster-reader\)) to Group .*$`)

func withoutReaders(reason string) string { return readersReason.ReplaceAllString(reason, "$1") }

// decidedBy returns the kind of object that gave the API server's answer. If several bindings grant
// something, the API server names any of them. The fake must have that binding, which must be
// sufficient by itself.
func decidedBy(t *testing.T, q rbac.Question, answer rbac.Answer, grants []rbac.Binding) string {
	t.Helper()
	switch {
	case !answer.Allowed:
		return "nothing"
	case slices.Contains(q.Groups, "system:masters"):
		return "masters"
	}
	var possible []string
	for _, g := range grants {
		if rbac.NewState([]rbac.Binding{g}).Answer(q).Allowed {
			possible = append(possible, rbacReasons(g, q)...)
		}
	}
	reason := readersBindings.ReplaceAllString(answer.Reason, `"polyphony-cluster-reader"`)
	assert.Contains(t, possible, reason, "%+v", q)
	kind, _, _ := strings.Cut(strings.TrimPrefix(reason, "RBAC: allowed by "), " ")
	return kind
}

// readersBindings matches the names of the bindings of cluster readers.
var readersBindings = regexp.MustCompile(`"polyphony-cluster-reader-[0-9a-f]+"`)

// rbacReasons returns the reasons that the API server may give for the grant.
func rbacReasons(g rbac.Binding, q rbac.Question) []string {
	by := fmt.Sprintf(`RBAC: allowed by RoleBinding "%s/%s" of Role "%s" to `, g.Name, g.Namespace, g.Role.Name)
	if g.Namespace == "" {
		by = `RBAC: allowed by ClusterRoleBinding "polyphony-cluster-reader" of ClusterRole "polyphony-cluster-reader" to `
	}
	var reasons []string
	for _, s := range g.Subjects {
		if !s.Is(q.User, q.Groups) {
			continue
		}
		if s.Namespace != "" {
			s.Name += "/" + s.Namespace
		}
		reasons = append(reasons, fmt.Sprintf(`%s%s "%s"`, by, s.Kind, s.Name))
	}
	return reasons
}

// TestFakeAndClusterAgreeAboutConnections evaluates the policies and labels that were read from the
// fake and from the cluster for the same connections. It also asks both topologies about some of
// them.
func TestFakeAndClusterAgreeAboutConnections(t *testing.T) {
	p := newPair(t, 4)
	p.furnish(t)
	wantState, haveState := p.networkState(t, p.real), p.networkState(t, p.fake)
	assert.Empty(t, cmp.Diff(wantState, haveState, cmpopts.EquateEmpty()))
	counts := map[string]int{}
	for range twinConnections {
		c := p.connection()
		require.NoError(t, c.Validate())
		want := wantState.Reach(c)
		require.Equal(t, want, haveState.Reach(c), "%+v", c)
		counts[outcome(want)]++
	}
	t.Logf("%d policies; connections: %v", len(wantState.Policies), counts)
	for _, how := range []string{"refused", "allowed by a rule", "open"} {
		require.GreaterOrEqual(t, counts[how], twinConnections/20, how)
	}
	p.reachBoth(t, wantState)
}

func outcome(a netpolicy.Answer) string {
	byRule := func(d netpolicy.Decision) bool { return d.Allowed && len(d.Policies) > 0 }
	switch {
	case !a.Allowed:
		return "refused"
	case slices.ContainsFunc(a.Decisions, byRule):
		return "allowed by a rule"
	default:
		return "open"
	}
}

// reachBoth asks both topologies, also about invalid connections and missing namespaces.
func (p *pair) reachBoth(t *testing.T, state netpolicy.State) {
	t.Helper()
	failed := 0
	for i := range twinReaches {
		c := p.connection()
		if i%10 == 0 {
			p.spoil(&c)
		}
		want, wantErr := p.real.Reach(t.Context(), c)
		have, haveErr := p.fake.Reach(t.Context(), c)
		if wantErr != nil || haveErr != nil {
			assert.Equal(t, sentinelOf(wantErr), sentinelOf(haveErr), "%+v", c)
			failed++
			continue
		}
		assert.Equal(t, want, have, "%+v", c)
		read := state.Reach(c)
		assert.Equal(t, want, read, "%+v", c)
	}
	t.Logf("of %d connections asked one at a time, %d failed alike", twinReaches, failed)
	require.Equal(t, twinReaches/10, failed)
}

// sentinelOf returns the sentinel that an error unwraps to.
func sentinelOf(err error) error {
	var typed *topology.Error
	if errors.As(err, &typed) {
		return typed.Reason
	}
	return err
}
