// Package isolation proves that tenants are isolated: it reads what is in force, compares it with
// the tenants' Scores, and reports what does not hold.
//
// # The Score
//
// [Score] reads a [Topology] once, changes nothing, and fails with an [*Error] if a guarantee is
// broken ([ErrNotIsolated]). Run it last, and a deployment stops when its proof fails:
//
//	score.Run(ctx, score.Sequence(
//		guardrails.Score{}.On(c), acme.On(c), globex.On(c),
//		isolation.Score{Tenants: []tenant.TenantScore{acme, globex}}.On(c),
//	))
//
// [Score.Examine] does the same for a topology.Inspection that was read before. It sends no
// request.
//
// # The report
//
// A [Report] has one [Finding] for each [Guarantee] of each tenant, and two for the topology as a
// whole. The [Status] of a finding is [Enforced], [Broken] or [Declared]. A broken finding names a
// witness, which is the object that breaks the guarantee, and a remedy. The JSON of a report is
// stable; see [ReportFormat].
//
// # Who may do what
//
// [Visibility] makes a [VisibilityTable] for a member of one tenant: what it may do in its own
// tenant and in another, one [VisibilityRow] for each operation.
//
// # What the proof does not cover
//
// The proof reads what the API server stores. It does not cover:
//
//   - whether anything enforces network policies. The finding for [GuaranteeEnforcement] is
//     Declared.
//   - rights that do not come from RBAC, such as those of a webhook, of nodes or of
//     "system:masters".
//   - who is in a group. A group that is a member of no tenant counts as one of the platform.
//   - namespaces and tenants that are not in [Score.Tenants].
//   - guardrails that are stored, but that an API server does not apply yet.
//   - ResourceQuotas and LimitRanges of others in a tenant's namespace. They cannot raise a bound
//     of Polyphony's own, but they can refuse more and set other defaults.
//
// # Files
//
//   - isolation.go: the Score, which reads a topology and fails if a guarantee is broken
//   - examine.go: the findings, one check for each guarantee
//   - grants.go: which grants cross the boundary of a tenant
//   - rbac_rules.go: which rights are harmless, which write what isolates a tenant, and which only
//     read
//   - network.go: which network policies open more than the Score says
//   - report.go: guarantees, findings, the report and its error
//   - visibility.go: the table of what a member may do
//
// # For people and for programs
//
// Programs decide by Tenant, Guarantee and Status. Witness, Remedy and what the String methods
// print are for people, and their wording may change.
package isolation
