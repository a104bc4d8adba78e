package k8s_test

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// rules returns random rules. Those of a ClusterRole may be about paths.
func (g *grantMaker) rules(cluster bool) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	for range 1 + g.IntN(3) {
		if cluster && g.IntN(6) == 0 {
			all = append(all, rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/healthz", "*"}})
			continue
		}
		rule := rbacv1.PolicyRule{
			Verbs:     atLeastOne(g, "get", "list", "create", "*"),
			APIGroups: atLeastOne(g, "", "apps", "batch", "*"),
			Resources: atLeastOne(g, "pods", "secrets", "deployments", "pods/log", "deployments/scale", "*/scale", "pods/*", "*/*", "*"),
		}
		if g.IntN(3) == 0 {
			rule.ResourceNames = one(g.grammar, []string{"one", "two"}, []string{"*"}, []string{""})
		}
		all = append(all, rule)
	}
	return all
}

func atLeastOne(g *grantMaker, values ...string) []string {
	picked := some(g.grammar, values[:len(values)-1]...) // without the last, which is the widest
	if len(picked) == 0 {
		picked = []string{one(g.grammar, values...)}
	}
	return picked
}

func (g *grantMaker) user() string {
	return g.prefix + one(g.grammar, "-alice", "-bob", "-carol", "-dave")
}
func (g *grantMaker) group() string { return g.prefix + one(g.grammar, "-devs", "-ops", "-alice") }

// subjects returns random subjects. In a namespace, a service account need not name its namespace.
func (g *grantMaker) subjects(namespaced bool) []rbacv1.Subject {
	var all []rbacv1.Subject
	for range g.IntN(5) {
		switch g.IntN(3) {
		case 0:
			all = append(all, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: one(g.grammar, g.user(), g.account())})
		case 1:
			all = append(all, rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: g.group()})
		default:
			account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: one(g.grammar, g.namespaces...), Name: one(g.grammar, "default", "bot")}
			if namespaced && g.IntN(2) == 0 {
				account.Namespace = ""
			}
			all = append(all, account)
		}
	}
	return all
}

// account returns the user name of a random service account.
func (g *grantMaker) account() string {
	return "system:serviceaccount:" + one(g.grammar, g.namespaces...) + ":" + one(g.grammar, "default", "bot")
}

func (g *grantMaker) question() rbac.Question {
	q := rbac.Question{
		User:        one(g.grammar, g.user(), g.user(), g.account(), g.account(), ""),
		Verb:        one(g.grammar, "get", "get", "list", "create", "watch", "*"),
		APIGroup:    one(g.grammar, "", "", "apps", "batch", "*"),
		Resource:    one(g.grammar, "pods", "secrets", "deployments", "jobs", "*"),
		Subresource: one(g.grammar, "", "", "log", "scale", "*"),
		Namespace:   one(g.grammar, append(g.namespaces, "")...),
		Name:        one(g.grammar, "", "one", "two", "three", "*"),
	}
	q.Groups = some(g.grammar, g.group(), g.group(), "system:authenticated")
	if len(q.Groups) == 0 && q.User == "" {
		q.Groups = []string{g.group()}
	}
	return q
}
