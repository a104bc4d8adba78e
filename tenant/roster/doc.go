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
// before and after a change, never from text.
//
// The risks are, from the gravest: [RiskDeletes], [RiskUnfences], [RiskOpens], [RiskWidens],
// [RiskAdmits] and [RiskRaises]. The tenants of a plan have the same order, each by its gravest
// risk, and then that of their names. A tenant that is new is a risk only if it may read what other
// tenants have.
//
// # Applying
//
// [Apply] returns the step that applies a plan. It plans again first, and refuses if anything else
// would change by then. A plan survives JSON, so it can be applied another day: see [PlanFormat].
//
// # Cost
//
// On Kubernetes, use a snapshot of the topology. A run then reads each kind of object by lists, and
// not tenant by tenant.
package roster
