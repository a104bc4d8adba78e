package topology

// Kind is the kind of a value that a capability reads and writes, as changes and errors name it. A
// capability outside this package has kinds of its own.
type Kind string

// The kinds of values that a Change is about. The comment names the type of Change.Before and
// Change.After.
const (
	KindNamespace      Kind = "Namespace"      // Namespace
	KindNetworkRules   Kind = "NetworkRules"   // NetworkRules
	KindQuota          Kind = "Quota"          // Quota
	KindLimitRange     Kind = "LimitRange"     // LimitRange
	KindAccess         Kind = "Access"         // Access
	KindClusterReaders Kind = "ClusterReaders" // ClusterReaders
	KindGuardrails     Kind = "Guardrails"     // GuardrailSet
)

// The kinds that only errors are about.
const (
	KindAdmission       Kind = "Admission"
	KindDomains         Kind = "Domains"
	KindGrantsInForce   Kind = "GrantsInForce"
	KindInspection      Kind = "Inspection"
	KindLease           Kind = "Lease"
	KindNetworkPolicies Kind = "NetworkPolicies"
	KindPlatform        Kind = "Platform"
	KindReach           Kind = "Reach"
	KindReadiness       Kind = "Readiness"
	KindStorageClass    Kind = "StorageClass"
	KindTenants         Kind = "Tenants"
	KindViolations      Kind = "Violations"
	KindVolumes         Kind = "Volumes"
)
