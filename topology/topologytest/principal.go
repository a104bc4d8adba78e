package topologytest

import (
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Principal is a principal whose rights a case checks.
type Principal struct {
	T        T                   // fails if an answer is not the wanted one
	Topology topology.Authorizer // answers the questions

	// Question holds the user, the groups and the namespace. The methods set its other fields.
	Question rbac.Question
}

// May reports whether the principal has a right. The subresource may be empty.
func (p Principal) May(verb, group, resource, subresource string) bool {
	p.T.Helper()
	q := p.Question
	q.Verb, q.APIGroup, q.Resource, q.Subresource = verb, group, resource, subresource
	answer, err := p.Topology.Authorize(p.T.Context(), q)
	require.NoError(p.T, err)
	return answer.Allowed
}

// Require fails the test unless the answer is the wanted one now.
func (p Principal) Require(allowed bool, verb, group, resource, subresource string) {
	p.T.Helper()
	have := p.May(verb, group, resource, subresource)
	require.Equal(p.T, allowed, have, "%s %s.%s/%s", verb, resource, group, subresource)
}

// RequireSoon fails the test unless the answer becomes the wanted one within two minutes: a change
// of rights takes effect with a delay.
func (p Principal) RequireSoon(allowed bool, verb, group, resource string) {
	p.T.Helper()
	Eventually(p.T, verb+" "+resource, func() bool { return p.May(verb, group, resource, "") == allowed })
}
