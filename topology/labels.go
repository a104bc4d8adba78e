package topology

// Labels and annotations that Polyphony writes. Only Polyphony should write under this prefix.
const (
	// Prefix begins the key of every label and annotation of Polyphony.
	Prefix = "tenancy.polyphony.dev/"

	// LabelTenant marks every object that Polyphony manages. Its value is the tenant's name. It is
	// the mark of ownership: an object without it is foreign.
	LabelTenant = Prefix + "tenant"

	// LabelRoster names, on a tenant's namespace, the roster that the tenant belongs to.
	LabelRoster = Prefix + "roster"

	// LabelLease marks the objects that hold Polyphony's leases.
	LabelLease = Prefix + "lease"

	// AnnotationAllow, followed by the name of a list, holds what guardrails allow in a namespace,
	// separated by commas.
	AnnotationAllow = "allow." + Prefix

	// AnnotationDisplayName holds Namespace.DisplayName.
	AnnotationDisplayName = Prefix + "display-name"

	// AnnotationDeletionProtection is "true" on a namespace with Namespace.Protected.
	AnnotationDeletionProtection = Prefix + "deletion-protection"

	// AnnotationDefaultStorageClass holds Namespace.DefaultStorageClass.
	AnnotationDefaultStorageClass = Prefix + "default-storage-class"
)

// LabelNamespaceName is the label by which rules select a namespace by its name. The infrastructure
// sets it, so no namespace can claim the name of another.
const LabelNamespaceName = "kubernetes.io/metadata.name"
