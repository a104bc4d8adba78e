// Package tenant provisions and removes isolated tenants: one namespace each, with quota, limits,
// network rules, pod security and roles. The infrastructure enforces all of it. Nothing of
// Polyphony runs afterwards.
//
// # The tenant
//
// A [TenantScore] says what a tenant is. Only its name is required. Every field that is unset has
// the strictest value, so loosening is always visible in the Score. It consists of
//
//   - [TenantConfig]: the name, labels, pod security, and what guardrails let the tenant use,
//   - [ResourceQuotaConfig]: totals, and bounds of single containers and pods, in
//     [ComputeResources], [Bounds], [ContainerBounds] and [ObjectCounts] (see also
//     [WellKnownExtendedResources]),
//   - [NetworkIsolationPolicy]: whom pods may talk to, each a [NetworkPeer] on some [NetworkPort],
//   - [StorageAccessConfig]: the storage classes that the tenant may use, each a
//     [StorageClassAccess],
//   - [RBACConfig]: each [Member] with its [Role], and the [ReadVisibility] of other namespaces.
//     [Roles] lists the roles, and [Role.Rules] the rights of each.
//
// [TenantScore.Validate] and [ValidateTenantScore] report every mistake at once, each with the path
// of its field. [TenantScore.Desired] returns what a platform receives for the Score, a [Desired],
// without sending a request.
//
// # Running it
//
// [TenantScore.On] binds the Score to a [Topology], for [score.Run]. [TenantScore.Provision] does
// the work: the boundary first, then what fences the tenant in, access last. A run that stops half
// way leaves a tenant that is closed, and another run completes it.
//
// # Removing it
//
// An [OffboardScore] removes a tenant from an [OffboardTopology]. It refuses to destroy volumes
// that it does not name. Its time to wait is a [Duration], at most [MaxDuration].
//
// # Files
//
// The Scores and what they do:
//
//   - score.go: TenantScore, its capabilities and its validation
//   - provision.go: the steps that provision a tenant, in order
//   - desired.go: the values that a platform gets for a Score
//   - offboard.go: OffboardScore and the steps that remove a tenant
//   - duration.go: the type of times to wait
//
// The parts of a TenantScore, each with its validation and the topology value that it becomes:
//
//   - config.go: the name, labels and pod security
//   - allowances.go: what guardrails let the tenant do
//   - domains.go: the hosts that it serves, and that no other tenant has them
//   - quota.go, quota_validate.go, quota_amounts.go: fields, validation, and amounts with their
//     defaults
//   - network.go, network_validate.go, network_rules.go: fields, validation, and rules
//   - network_internet.go: the address ranges of the public internet
//   - storage.go: storage classes and sizes of volumes
//   - rbac.go: members and read visibility
//   - roles.go: the rights of each role
//
// # Next to this package
//
// Package tenant/roster provisions many tenants and removes those that are no longer listed.
// Package tenant/guardrails installs rules about what tenants may write. Package tenant/isolation
// proves that tenants are isolated. Package tenant/tenanttest attacks tenants.
//
// Source: the multi-tenancy ADR and the read-visibility ADR; see docs/sources.md.
package tenant
