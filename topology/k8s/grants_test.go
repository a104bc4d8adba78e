package k8s_test

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const (
	grantRoles     = 40 // of each kind, and the same number of bindings of each kind
	grantQuestions = 5000
	grantAskers    = 16 // concurrent questions
)

// TestGrantStateAgreesWithTheAPIServer creates random roles and bindings. It asks the API server
// and the evaluation of the grants that were read.
func TestGrantStateAgreesWithTheAPIServer(t *testing.T) {
	top, g := cluster(t), newGrantMaker(t)
	g.makeRoles(t)
	g.awaitAggregation(t)
	g.makeBindings(t)
	g.awaitSentinels(t, top)
	grants, err := top.GrantsInForce(t.Context())
	require.NoError(t, err)
	state, exists := rbac.NewState(grants), g.bindings(t)

	questions := make([]rbac.Question, grantQuestions)
	for i := range questions {
		questions[i] = g.question()
	}
	allowed, denied := 0, 0
	for i, answer := range askAll(t, top, questions) {
		q, have := questions[i], state.Answer(questions[i])
		assert.Equal(t, answer.Allowed, have.Allowed, "%+v\nAPI server: %s\nstate: %s", q, answer.Reason, have.Reason)
		if !answer.Allowed {
			denied++
			continue
		}
		allowed++
		binding, _, _ := strings.Cut(have.Reason, " grants ")
		assert.True(t, exists[binding], "%+v: %s", q, have.Reason)
	}
	t.Logf("%d grants, %d questions allowed, %d denied", len(grants), allowed, denied)
	require.GreaterOrEqual(t, allowed, 500)
	require.GreaterOrEqual(t, denied, 500)
}

// askAll asks the API server all questions, many at a time.
func askAll(t *testing.T, top topology.Authorizer, questions []rbac.Question) []rbac.Answer {
	t.Helper()
	answers, errs := make([]rbac.Answer, len(questions)), make([]error, len(questions))
	var wg sync.WaitGroup
	for first := range grantAskers {
		wg.Go(func() {
			for i := first; i < len(questions); i += grantAskers {
				answers[i], errs[i] = top.Authorize(t.Context(), questions[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return answers
}

// grantMaker makes roles, bindings and questions from few names, so that they often match. No other
// test uses the names.
type grantMaker struct {
	grammar
	client     *kubernetes.Clientset
	prefix     string
	namespaces []string
	aggregated map[string]string // the label value by which each aggregated role selects others
	sources    map[string][]rbacv1.PolicyRule
}

func newGrantMaker(t *testing.T) *grantMaker {
	t.Helper()
	g := &grantMaker{
		grammar: grammar{rand.New(rand.NewPCG(20251122, 2))}, client: admin(t), prefix: "grants-" + strings.ToLower(cryptorand.Text()[:6]),
		aggregated: map[string]string{}, sources: map[string][]rbacv1.PolicyRule{},
	}
	for i := range 4 {
		name := fmt.Sprint(g.prefix, "-", i)
		outsider{g.client}.CreateNamespace(t, name, "someone")
		g.namespaces = append(g.namespaces, name)
	}
	t.Cleanup(func() { // the cluster-scoped objects
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		ours := metav1.ListOptions{LabelSelector: g.prefix}
		assert.NoError(t, g.client.RbacV1().ClusterRoleBindings().DeleteCollection(ctx, metav1.DeleteOptions{}, ours))
		assert.NoError(t, g.client.RbacV1().ClusterRoles().DeleteCollection(ctx, metav1.DeleteOptions{}, ours))
	})
	return g
}

func (g *grantMaker) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{g.prefix: "yes"}}
}

func (g *grantMaker) roleName() string { return fmt.Sprint(g.prefix, "-", g.IntN(grantRoles)) }

// aggregation is the label by which aggregated roles select others.
func (g *grantMaker) aggregation() string { return g.prefix + "-part-of" }

// makeRoles creates Roles in each namespace, and ClusterRoles, some of which are aggregated.
func (g *grantMaker) makeRoles(t *testing.T) {
	t.Helper()
	for i := range grantRoles {
		name := fmt.Sprint(g.prefix, "-", i)
		role := &rbacv1.Role{ObjectMeta: g.meta(name), Rules: g.rules(false)}
		_, err := g.client.RbacV1().Roles(one(g.grammar, g.namespaces...)).Create(t.Context(), role, metav1.CreateOptions{})
		require.NoError(t, err)

		clusterRole := &rbacv1.ClusterRole{ObjectMeta: g.meta(name)}
		part := one(g.grammar, "one", "other")
		switch g.IntN(5) {
		case 0:
			clusterRole.AggregationRule = &rbacv1.AggregationRule{
				ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{g.aggregation(): part}}},
			}
			g.aggregated[name] = part
		case 1:
			clusterRole.Labels[g.aggregation()], clusterRole.Rules = part, g.rules(true)
			g.sources[part] = append(g.sources[part], clusterRole.Rules...)
		default:
			clusterRole.Rules = g.rules(true)
		}
		_, err = g.client.RbacV1().ClusterRoles().Create(t.Context(), clusterRole, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

// awaitAggregation waits until aggregated roles have every rule of the roles that they select.
func (g *grantMaker) awaitAggregation(t *testing.T) {
	t.Helper()
	require.NotEmpty(t, g.aggregated)
	for name, part := range g.aggregated {
		require.NotEmpty(t, g.sources[part])
		require.Eventually(t, func() bool {
			role, err := g.client.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
			return err == nil && covers(role.Rules, g.sources[part])
		}, eventuallyWait, eventuallyTick, "the controller has not filled in %s", name)
	}
}

func covers(rules, parts []rbacv1.PolicyRule) bool {
	for _, part := range parts {
		found := false
		for _, rule := range rules {
			found = found || equality.Semantic.DeepEqual(rule, part)
		}
		if !found {
			return false
		}
	}
	return true
}

// makeBindings creates RoleBindings, and fewer ClusterRoleBindings, since those apply everywhere.
// Some refer to roles that do not exist.
func (g *grantMaker) makeBindings(t *testing.T) {
	t.Helper()
	for i := range grantRoles {
		namespace, ref := one(g.grammar, g.namespaces...), rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: one(g.grammar, "Role", "ClusterRole"), Name: g.roleName()}
		if g.IntN(10) == 0 {
			ref.Name = g.prefix + "-none"
		}
		binding := &rbacv1.RoleBinding{
			ObjectMeta: g.meta(fmt.Sprint(g.prefix, "-", i)),
			RoleRef:    ref,
			Subjects:   g.subjects(true),
		}
		_, err := g.client.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{})
		require.NoError(t, err)
		if i%2 == 0 {
			continue
		}
		ref.Kind = "ClusterRole"
		clusterBinding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: g.meta(fmt.Sprint(g.prefix, "-", i)),
			RoleRef:    ref,
			Subjects:   g.subjects(false),
		}
		_, err = g.client.RbacV1().ClusterRoleBindings().Create(t.Context(), clusterBinding, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

// awaitSentinels creates one more object of each kind, and waits until the API server applies it.
// It then applies all earlier ones too.
func (g *grantMaker) awaitSentinels(t *testing.T, top *k8s.Topology) {
	t.Helper()
	name, namespace := g.prefix+"-sentinel", g.namespaces[0]
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	subjects := func(user string) []rbacv1.Subject {
		return []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}}
	}
	api := g.client.RbacV1()
	_, err := api.Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: g.meta(name), Rules: rules}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = api.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: g.meta(name), Rules: rules}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = api.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: g.meta(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, Subjects: subjects(name + "-inside"),
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = api.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: g.meta(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}, Subjects: subjects(name),
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	for _, q := range []rbac.Question{{User: name + "-inside", Namespace: namespace}, {User: name}} {
		q.Verb, q.Resource = "get", "pods"
		require.Eventually(t, func() bool {
			answer, err := top.Authorize(t.Context(), q)
			return err == nil && answer.Allowed
		}, eventuallyWait, eventuallyTick)
	}
}

// bindings returns the existing bindings, as reasons name them.
func (g *grantMaker) bindings(t *testing.T) map[string]bool {
	t.Helper()
	exists := map[string]bool{}
	inside, err := g.client.RbacV1().RoleBindings("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, b := range inside.Items {
		exists["RoleBinding "+b.Namespace+"/"+b.Name] = true
	}
	everywhere, err := g.client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, b := range everywhere.Items {
		exists["ClusterRoleBinding "+b.Name] = true
	}
	return exists
}
