package topology

// Labels and annotations that Polyphony writes. Nobody but Polyphony should write under this prefix.
const (
	Prefix = "tenancy.polyphony.dev/"

	// LabelTenant marks every object that Polyphony manages; its value is the tenant's name. It is the mark of ownership:
	// an object without it is somebody else's.
	LabelTenant = Prefix + "tenant"

	// LabelRoster tells on a tenant's namespace which roster the tenant is of.
	LabelRoster = Prefix + "roster"

	// LabelLease marks what holds leases of Polyphony's.
	LabelLease = Prefix + "lease"

	// LabelDomain and a domain mark the namespaces of tenants that serve it (value DomainHeld) or something below it (DomainAbove).
	LabelDomain = "domain." + Prefix
	DomainHeld  = "held"
	DomainAbove = "above"

	// AnnotationAllow and the name of a list hold what guardrails let pass in a namespace, separated by commas.
	AnnotationAllow = "allow." + Prefix

	AnnotationDisplayName         = Prefix + "display-name"
	AnnotationDeletionProtection  = Prefix + "deletion-protection"
	AnnotationDefaultStorageClass = Prefix + "default-storage-class"
)
