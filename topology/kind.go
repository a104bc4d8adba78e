package topology

// Kind names the kind of a value in changes and errors. A capability outside this package has kinds
// of its own.
type Kind string

// The kinds of values in a Change. The comment names the type of Change.Before and Change.After.
const (
	KindNamespace      Kind = "Namespace"      // Namespace
	KindNetworkRules   Kind = "NetworkRules"   // NetworkRules
	KindQuota          Kind = "Quota"          // Quota
	KindLimitRange     Kind = "LimitRange"     // LimitRange
	KindAccess         Kind = "Access"         // Access
	KindClusterReaders Kind = "ClusterReaders" // ClusterReaders
	KindGuardrails     Kind = "Guardrails"     // GuardrailSet
)

// The kinds that occur only in errors and progress. The comment names the call.
const (
	KindAdmission       Kind = "Admission"       // Admission.Admit
	KindDomains         Kind = "Domains"         // Domains.OverlappingDomains
	KindGrantsInForce   Kind = "GrantsInForce"   // GrantsInForce.GrantsInForce
	KindInspection      Kind = "Inspection"      // Inspector.Inspect
	KindLease           Kind = "Lease"           // Leases.HoldLease
	KindNetworkPolicies Kind = "NetworkPolicies" // Reachability.NetworkPolicies
	KindPlatform        Kind = "Platform"        // Platforms.Platform
	KindReach           Kind = "Reach"           // Reachability.Reach
	KindReadiness       Kind = "Readiness"       // Topology.Ready
	KindStorageClass    Kind = "StorageClass"    // StorageClass
	KindTenants         Kind = "Tenants"         // Rosters.Tenants
	KindViolations      Kind = "Violations"      // Guardrails.Violations
	KindVolumes         Kind = "Volumes"         // Volumes.Volumes
)
