// Package roster provisions all tenants of a topology at once, and removes those that have left.
//
// # The roster
//
// A [Score] is the complete list of tenants. It refuses what two tenants cannot both have, keeps
// two runs of one roster apart by a lease, and goes on with the others if one tenant fails. It runs
// on a [Topology], which has the capabilities of a tenant and those of a list of tenants. A label
// on each namespace names its roster. A tenant with that label that is no longer on the list has
// left: it is named in the notes, or removed if [Prune] is set.
//
// # Planning
//
// [MakePlan] returns the [Plan] of a roster: what a run would change, with a [TenantPlan] for each
// tenant that changes. It runs the roster on the dry run of a [PlanTopology] and changes nothing.
//
// # Risks
//
// A [Risk] of a tenant is a reason to look before the plan is applied. A plan names one if a fence
// lets through what it did not: a connection, a right, an admission or an amount. It names none if
// nothing becomes possible. Each fence is judged by itself. Risks are computed from the values
// before and after a change, never from text. In JSON a risk is a short code.
//
// The risks are, from the gravest: [RiskDeletes], [RiskUnfences], [RiskOpens], [RiskWidens],
// [RiskAdmits] and [RiskRaises]. The tenants of a plan have the same order, each by its gravest
// risk, and then that of their names. A tenant that is new is a risk only if it may read what other
// tenants have.
//
// # Applying
//
// [Apply] returns the step that applies a plan. It plans again first, and refuses if anything else
// would change by then, by the values and not by the texts: see [TenantPlan]. A plan survives JSON,
// so it can be applied another day: see [PlanFormat]. A plan that was edited is refused.
//
// # Cost
//
// On Kubernetes, use a snapshot of the topology. A run then reads each kind of object by lists, and
// not tenant by tenant.
//
// # Files
//
// To change what a plan calls dangerous, begin in risk.go. It has the list of risks, their order,
// their sentences, and a table with one comparison for each kind of value. The comparisons are in:
//
//   - risk_namespace.go: the level of pod security, deletion protection, labels, and what
//     guardrails let through;
//   - risk_network.go: connections;
//   - risk_access.go: rights, and groups that may read other namespaces;
//   - risk_limits.go: quotas, and the bounds and defaults of single things.
//
// The property tests risk_property_test.go and risk_drift_test.go hold them to what the evaluators
// of each fence answer. A new field of a tenant needs an entry in generator_test.go, a question in
// possible_test.go, and a plan without its comparison in risk_mutants_test.go.
//
// roster.go has the Score and its validation, converge.go its run. plan.go makes, prints and
// applies plans, and digest.go says when two plans are the same.
package roster
