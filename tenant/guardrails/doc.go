// Package guardrails installs the rules that the API server checks on every write into a tenant's
// namespace: where images come from, which hosts an Ingress serves, which volumes a pod mounts. See
// [topology.Guardrail] for each rule.
//
// # The Score
//
// [Score] is the desired state: every rule, or every rule but those in Without, or none with Remove. It
// runs on a [Topology], which is any topology with the capability [topology.Guardrails]. There is one
// such Score for a topology. What a single tenant may do beyond the rules is in its tenant.TenantScore,
// which has no effect on a rule that is not installed.
//
// # Order
//
// Install the guardrails before the tenants. In a sequence, no tenant is provisioned without them:
//
//	score.Run(ctx, score.Sequence(guardrails.Score{}.On(cluster), acme.On(cluster)))
//
// In a sequence the first failure also stops the tenants that follow. To provision many tenants, run
// the guardrails first, and then the tenants side by side.
//
// # What exists already
//
// A rule applies to writes only. An object that exists and that a rule would refuse stays, and may be
// changed as long as the change does not touch what is refused. A pod keeps running, but the pod that
// replaces it is refused. The Outcome has a note for each such object, also on a dry run, so plan
// first.
//
// # Requirements
//
// On Kubernetes the rules take version 1.30 or later, where the API server evaluates them by itself.
// They use no webhook, and nothing of Polyphony has to keep running.
package guardrails
