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

// StorageAccessConfig is which volumes the tenant may claim. Unset: none. Every storage class of the topology that is not named is capped at
// zero, and PersistentVolumes and StorageClasses themselves are out of reach for every role. A tenant that may use some class can also claim
// volumes that an administrator has made by hand, with no class or one that has no object, up to the sum of its capacities, unless the
// guardrail "claims" is installed: see [GuardrailsScore]. Source: ADR-011, "Storage access control".
type StorageAccessConfig struct {
	Classes []StorageClassAccess `json:"classes,omitempty"`

	// DefaultClass is the class for claims that name none; it must be one of Classes. It is recorded on the namespace, as the annotation
	// tenancy.polyphony.dev/default-storage-class. Kubernetes itself has one default class for the whole cluster: where that is
	// another one, the Outcome has a note, and a claim that names no class is refused unless that class is allowed too.
	DefaultClass string `json:"defaultClass,omitempty"`

	ClaimMin *resource.Quantity `json:"claimMin,omitempty"` // of one claim; unset: no bound
	ClaimMax *resource.Quantity `json:"claimMax,omitempty"` // of one claim; unset: its class's capacity

	// InlineDrivers are the CSI drivers whose volumes a pod may have without a claim, such as "secrets-store.csi.k8s.io". Unset: none. It has
	// an effect only where the guardrail "volumes" is installed: see [GuardrailsScore].
	InlineDrivers []string `json:"inlineDrivers,omitempty"`
}

// StorageClassAccess allows one storage class.
type StorageClassAccess struct {
	Name     string            `json:"name"`
	Capacity resource.Quantity `json:"capacity"`         // the sum over all claims; more than zero
	Claims   *int64            `json:"claims,omitempty"` // how many claims; unset: as many as ObjectCounts allows
}

func (c StorageAccessConfig) validate(at *field.Path, quota ResourceQuotaConfig, quotaAt *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, class := range c.Classes {
		classAt := at.Child("classes").Index(i)
		switch {
		case class.Name == "":
			errs = append(errs, field.Required(classAt.Child("name"), "the name of a storage class"))
		case seen[class.Name]:
			errs = append(errs, field.Duplicate(classAt.Child("name"), class.Name))
		default:
			for _, msg := range validation.IsDNS1123Subdomain(class.Name) {
				errs = append(errs, field.Invalid(classAt.Child("name"), class.Name, msg))
			}
			if len(class.Name) > maxClassName {
				errs = append(errs, field.TooLong(classAt.Child("name"), class.Name, maxClassName))
			}
		}
		seen[class.Name] = true
		if class.Capacity.Sign() <= 0 {
			errs = append(errs, field.Invalid(classAt.Child("capacity"), class.Capacity.String(), "must be more than zero; leave the class out to forbid it"))
		}
		if class.Claims != nil && *class.Claims < 0 {
			errs = append(errs, field.Invalid(classAt.Child("claims"), *class.Claims, "must not be negative"))
		}
	}
	if c.DefaultClass != "" && !seen[c.DefaultClass] {
		errs = append(errs, field.Invalid(at.Child("defaultClass"), c.DefaultClass, "must be one of classes"))
	}
	if quota.Storage != nil && quota.Storage.Sign() > 0 && len(c.Classes) == 0 {
		errs = append(errs, field.Invalid(quotaAt.Child("storage"), quota.Storage.String(), "is of no use without a class in "+at.Child("classes").String()))
	}
	errs = append(errs, notNegative(c.ClaimMin, at.Child("claimMin"))...)
	errs = append(errs, notNegative(c.ClaimMax, at.Child("claimMax"))...)
	if c.ClaimMin != nil && c.ClaimMax != nil && c.ClaimMin.Cmp(*c.ClaimMax) > 0 {
		errs = append(errs, field.Invalid(at.Child("claimMax"), c.ClaimMax.String(), "must not be less than claimMin"))
	}
	return append(errs, validateList(c.InlineDrivers, at.Child("inlineDrivers"), validateObjectName)...)
}

// hard is the part of the quota that is about storage.
func (c StorageAccessConfig) hard(p topology.Platform, quota ResourceQuotaConfig) resources {
	hard := make(resources, 64) // with all that a quota has besides
	for _, class := range p.StorageClasses {
		hard[classKey(class.Name, "requests.storage")] = *resource.NewQuantity(0, resource.BinarySI)
		hard[classKey(class.Name, "persistentvolumeclaims")] = *resource.NewQuantity(0, resource.DecimalSI)
	}
	sum := resource.NewQuantity(0, resource.BinarySI)
	for _, class := range c.Classes {
		sum.Add(class.Capacity)
		hard[classKey(class.Name, "requests.storage")] = class.Capacity.DeepCopy()
		delete(hard, classKey(class.Name, "persistentvolumeclaims"))
		if class.Claims != nil {
			hard[classKey(class.Name, "persistentvolumeclaims")] = *resource.NewQuantity(*class.Claims, resource.DecimalSI)
		}
	}
	if quota.Storage != nil {
		sum = new(quota.Storage.DeepCopy())
	}
	hard["requests.storage"] = *sum
	return hard
}

// maxClassName is what fits into a quota's key, whose part before the slash is a DNS name.
const maxClassName = validation.DNS1123SubdomainMaxLength - len(".storageclass.storage.k8s.io")

func classKey(class, resource string) string {
	return class + ".storageclass.storage.k8s.io/" + resource
}

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

// fits checks the classes against those that there are, and returns notes on what does not go well together.
func (c StorageAccessConfig) fits(p topology.Platform) (notes []string, err error) {
	var names []string
	for _, class := range p.StorageClasses {
		names = append(names, class.Name)
		if class.Default && c.DefaultClass != "" && class.Name != c.DefaultClass {
			notes = append(notes, fmt.Sprintf("the topology's default storage class is %q, so claims that name no class do not get %q: name it in the claims",
				class.Name, c.DefaultClass))
		}
	}
	for _, class := range c.Classes {
		if !slices.Contains(names, class.Name) {
			return nil, unsupported(topology.KindStorageClass, class.Name, fmt.Sprintf("the topology has no such storage class, only %q; create it or take it out of storageAccess.classes", names))
		}
	}
	return notes, nil
}

func unsupported(kind topology.Kind, name, detail string) error {
	return adapter.Read(kind, name).Fail(topology.ErrUnsupported, detail)
}
