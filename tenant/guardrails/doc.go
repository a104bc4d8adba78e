// Package guardrails installs the rules that the API server checks on every write into a tenant's
// namespace: where images come from, which hosts an Ingress serves, which volumes a pod mounts. See
// [topology.Guardrail] for each rule.
//
// # The Score
//
// [Score] is the desired state. Its zero value is every rule. Without leaves rules out, and Remove
// removes all of them. It runs on a [Topology], which is any topology with the capability
// [topology.Guardrails]. A topology takes one such Score. What a single tenant may do beyond the
// rules is in its tenant.TenantScore, which has no effect on a rule that is not installed.
//
// # Order
//
// Install the guardrails before the tenants. In a sequence, no tenant is provisioned without them:
//
//	score.Run(ctx, score.Sequence(guardrails.Score{}.On(cluster), acme.On(cluster)))
//
// In a sequence the first failure also stops the tenants that follow. To provision many tenants,
// run the guardrails first, and then the tenants side by side.
//
// # What exists already
//
// A rule applies to writes only. An existing object that a rule would refuse stays. It may be
// changed as long as the change does not touch what the rule refuses. A pod keeps running, but the
// pod that replaces it is refused. The Outcome has a note for each such object, also on a dry run,
// so plan first.
//
// # Requirements
//
// On Kubernetes the rules need version 1.30 or later, where the API server evaluates them itself.
// They use no webhook, and Polyphony does not have to keep running.
package guardrails
