package topology

// Labels and annotations that Polyphony writes. Nobody but Polyphony should write under this prefix.
const (
	Prefix = "tenancy.polyphony.dev/"

	// LabelTenant marks every object that Polyphony manages; its value is the tenant's name. It is the mark of ownership:
	// an object without it is somebody else's.
	LabelTenant = Prefix + "tenant"

	AnnotationDisplayName         = Prefix + "display-name"
	AnnotationDeletionProtection  = Prefix + "deletion-protection"
	AnnotationDefaultStorageClass = Prefix + "default-storage-class"
)
