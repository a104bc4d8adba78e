package tenant

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// StorageAccessConfig lists the volumes that the tenant may claim. The zero value: none.
//
// The quota caps every storage class of the topology that Classes does not name at zero. No role
// gives rights on PersistentVolumes and StorageClasses. A tenant that may use a class can also
// claim volumes that an administrator made by hand (without a class, or with a class that has no
// object), up to the sum of its capacities. The guardrail "claims" closes that: see package
// guardrails.
//
// Source: the multi-tenancy ADR, "Tenant Isolation Strategy"; see docs/sources.md.
type StorageAccessConfig struct {
	// Classes lists the storage classes that the tenant may use. Unset: none.
	Classes []StorageClassAccess `json:"classes,omitempty"`

	// DefaultClass is the class for claims that name none. It must be one of Classes. Unset: the
	// topology's default.
	//
	// The namespace records it as the annotation tenancy.polyphony.dev/default-storage-class.
	// Kubernetes has one default class for the whole cluster: if that is another class, the Outcome
	// has a note, and a claim that names no class is refused unless Classes allows that class too.
	DefaultClass string `json:"defaultClass,omitempty"`

	// ClaimMin is the least that one claim may request, in bytes ("1Gi"). Unset: no bound.
	ClaimMin *resource.Quantity `json:"claimMin,omitempty"`

	// ClaimMax is the most that one claim may request, in bytes ("10Gi"). Unset: the capacity of
	// its class.
	ClaimMax *resource.Quantity `json:"claimMax,omitempty"`

	// InlineDrivers lists the CSI drivers whose volumes a pod may use without a claim, for example
	// "secrets-store.csi.k8s.io". Unset: none.
	//
	// It has an effect only where the guardrail "volumes" is installed: see package guardrails.
	InlineDrivers []string `json:"inlineDrivers,omitempty"`
}

// StorageClassAccess allows one storage class.
type StorageClassAccess struct {
	// Name is the name of the storage class. Required.
	Name string `json:"name"`

	// Capacity bounds the sum of all claims of this class, in bytes ("100Gi"). Required; more than
	// zero.
	Capacity resource.Quantity `json:"capacity"`

	// Claims bounds the number of claims of this class. Unset: ObjectCounts.PersistentVolumeClaims.
	Claims *int64 `json:"claims,omitempty"`
}

func (c StorageAccessConfig) validate(
	at *field.Path, quota ResourceQuotaConfig, quotaAt *field.Path,
) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, class := range c.Classes {
		errs = append(errs, class.validate(at.Child("classes").Index(i), seen[class.Name])...)
		seen[class.Name] = true
	}
	if c.DefaultClass != "" && !seen[c.DefaultClass] {
		errs = append(errs, field.Invalid(at.Child("defaultClass"), c.DefaultClass, "must be one of classes"))
	}
	if quota.Storage != nil && quota.Storage.Sign() > 0 && len(c.Classes) == 0 {
		errs = append(errs, field.Invalid(quotaAt.Child("storage"), quota.Storage.String(),
			"has no effect without a class in "+at.Child("classes").String()))
	}
	errs = append(errs, notNegative(c.ClaimMin, at.Child("claimMin"))...)
	errs = append(errs, notNegative(c.ClaimMax, at.Child("claimMax"))...)
	if c.ClaimMin != nil && c.ClaimMax != nil && c.ClaimMin.Cmp(*c.ClaimMax) > 0 {
		errs = append(errs, field.Invalid(at.Child("claimMax"), c.ClaimMax.String(), "must not be less than claimMin"))
	}
	return append(errs, validateList(c.InlineDrivers, at.Child("inlineDrivers"), validateObjectName)...)
}

// validate checks one class. Seen reports whether an earlier class has the same name.
func (c StorageClassAccess) validate(at *field.Path, seen bool) field.ErrorList {
	var errs field.ErrorList
	switch {
	case c.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "the name of a storage class"))
	case seen:
		errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
	default:
		errs = append(errs, validateObjectName(c.Name, at.Child("name"))...)
		if len(c.Name) > maxClassName {
			errs = append(errs, field.TooLong(at.Child("name"), c.Name, maxClassName))
		}
	}
	if c.Capacity.Sign() <= 0 {
		errs = append(errs, field.Invalid(at.Child("capacity"), c.Capacity.String(),
			"must be more than zero; to forbid the class, leave it out"))
	}
	if c.Claims != nil && *c.Claims < 0 {
		errs = append(errs, field.Invalid(at.Child("claims"), *c.Claims, "must not be negative"))
	}
	return errs
}

// hard returns the part of the quota that is about storage.
func (c StorageAccessConfig) hard(p topology.Platform, quota ResourceQuotaConfig) resources {
	hard := make(resources, 64) // room for the rest of the quota
	for _, class := range p.StorageClasses {
		hard[classKey(class.Name, "requests.storage")] = *resource.NewQuantity(0, resource.BinarySI)
		hard[classKey(class.Name, "persistentvolumeclaims")] = *resource.NewQuantity(0, resource.DecimalSI)
	}
	sum := resource.NewQuantity(0, resource.BinarySI)
	for _, class := range c.Classes {
		sum.Add(class.Capacity)
		hard[classKey(class.Name, "requests.storage")] = class.Capacity.DeepCopy()
		claims := classKey(class.Name, "persistentvolumeclaims")
		delete(hard, claims)
		if class.Claims != nil {
			hard[claims] = *resource.NewQuantity(*class.Claims, resource.DecimalSI)
		}
	}
	if quota.Storage != nil {
		sum = new(quota.Storage.DeepCopy())
	}
	hard["requests.storage"] = *sum
	return hard
}

// storageClassKey is the end of the prefix of a storage class's keys in a quota.
const storageClassKey = ".storageclass.storage.k8s.io"

// maxClassName is how long the name of a class may be. The part of a quota's key before the slash
// is a DNS name.
const maxClassName = validation.DNS1123SubdomainMaxLength - len(storageClassKey)

// classKey returns the key of a quota for one resource of one storage class.
func classKey(class, resource string) string { return class + storageClassKey + "/" + resource }

// claimLimit returns the limit of a single claim, and false if there is none.
func (c StorageAccessConfig) claimLimit() (topology.Limit, bool) {
	bound := func(q *resource.Quantity) resources {
		if q == nil {
			return resources{}
		}
		return resources{"storage": q.DeepCopy()}
	}
	limit := topology.Limit{Type: topology.LimitPVC, Min: bound(c.ClaimMin), Max: bound(c.ClaimMax)}
	return limit, len(limit.Min)+len(limit.Max) > 0
}

// check refuses classes that the platform does not have. It returns notes about a default class
// that is not the tenant's.
func (c StorageAccessConfig) check(p topology.Platform) (notes []string, err error) {
	var names []string
	for _, class := range p.StorageClasses {
		names = append(names, class.Name)
		if class.Default && c.DefaultClass != "" && class.Name != c.DefaultClass {
			notes = append(notes, fmt.Sprintf("the topology's default storage class is %q, "+
				"so claims that name no class do not get %q; name it in the claims", class.Name, c.DefaultClass))
		}
	}
	for _, class := range c.Classes {
		if !slices.Contains(names, class.Name) {
			return nil, unsupported(topology.KindStorageClass, class.Name, fmt.Sprintf(
				"the topology has no such storage class, only %q; create it, or remove it from storageAccess.classes",
				names))
		}
	}
	return notes, nil
}

// unsupported returns the error for something that the platform lacks.
func unsupported(kind topology.Kind, name, detail string) error {
	return adapter.Read(kind, name).Fail(topology.ErrUnsupported, detail)
}
