package k8s

import (
	"context"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Authorize implements topology.Authorizer by a SubjectAccessReview.
func (t *Topology) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	c := adapter.Ask(topology.KindAccess, q.Namespace)
	if err := q.Validate(); err != nil {
		return rbac.Answer{}, c.Invalid(err)
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: q.User, Groups: q.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: q.Verb, Group: q.APIGroup, Resource: q.Resource, Subresource: q.Subresource,
			Namespace: q.Namespace, Name: q.Name,
		},
	}}
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		return t.clients.Server.Review(ctx, "subjectaccessreviews", review)
	})
	answer := rbac.Answer{Allowed: review.Status.Allowed, Reason: review.Status.Reason}
	if answer.Allowed && answer.Reason == "" { // some authorizers give no reason
		answer.Reason = "the cluster allows it and gives no reason: the group system:masters may do everything"
	}
	return answer, err
}
