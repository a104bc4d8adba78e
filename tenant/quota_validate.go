package tenant

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func (c ResourceQuotaConfig) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, c.Requests.validate(at.Child("requests"))...)
	errs = append(errs, c.Limits.validate(at.Child("limits"))...)
	errs = append(errs, notNegative(c.Storage, at.Child("storage"))...)
	errs = append(errs, c.validateExtended(at.Child("extended"))...)
	errs = append(errs, c.Objects.validate(at.Child("objects"))...)
	errs = append(errs, c.Container.validate(at.Child("container"))...)
	errs = append(errs, c.Pod.validate(at.Child("pod"))...)
	errs = append(errs, ordered(c.requests(), c.limits(), at.Child("limits"), "must not be less than the requests")...)
	return errs
}

func (c ComputeResources) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, notNegative(c.CPU, at.Child("cpu"))...)
	if c.CPU != nil && resource.NewMilliQuantity(c.CPU.MilliValue(), resource.DecimalSI).Cmp(*c.CPU) != 0 {
		errs = append(errs, field.Invalid(at.Child("cpu"), c.CPU.String(),
			"must not be finer than 1m, a thousandth of a core"))
	}
	errs = append(errs, notNegative(c.Memory, at.Child("memory"))...)
	errs = append(errs, notNegative(c.EphemeralStorage, at.Child("ephemeralStorage"))...)
	return errs
}

func notNegative(q *resource.Quantity, at *field.Path) field.ErrorList {
	if q != nil && q.Sign() < 0 {
		return field.ErrorList{field.Invalid(at, q.String(), "must not be negative")}
	}
	return nil
}

func (c ResourceQuotaConfig) validateExtended(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(c.Extended)) {
		q, keyAt := c.Extended[name], at.Key(name)
		errs = append(errs, notNegative(&q, keyAt)...)
		domain, _, found := strings.Cut(name, "/")
		switch {
		case strings.HasPrefix(name, "hugepages-"):
			if !isHugePageSize(strings.TrimPrefix(name, "hugepages-")) {
				errs = append(errs, field.Invalid(keyAt, name, "must be hugepages-<size>, such as hugepages-2Mi"))
			}
			continue
		case len(validation.IsQualifiedName("requests."+name)) > 0 || !found:
			errs = append(errs, field.Invalid(keyAt, name, "must be <domain>/<resource>, such as nvidia.com/gpu"))
		case domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io"):
			errs = append(errs, field.Invalid(keyAt, name, "kubernetes.io is not a domain of extended resources"))
		}
		if q.MilliValue()%1000 != 0 {
			errs = append(errs, field.Invalid(keyAt, q.String(), "must be a whole number"))
		}
	}
	return errs
}

// isHugePageSize reports whether size is a size of huge pages, such as "2Mi", in its canonical
// form.
func isHugePageSize(size string) bool {
	q, err := resource.ParseQuantity(size)
	return err == nil && q.Sign() > 0 && resource.NewQuantity(q.Value(), q.Format).String() == size
}

// maxCount is more objects than any cluster holds, and small enough that five times as much fits an
// int64.
const maxCount = 1 << 50

func (c ObjectCounts) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, o := range c.all() {
		switch {
		case o.value == nil:
		case *o.value < 0:
			errs = append(errs, field.Invalid(at.Child(o.name), *o.value, "must not be negative"))
		case *o.value > maxCount:
			errs = append(errs, field.Invalid(at.Child(o.name), *o.value,
				"must not be more than "+strconv.FormatInt(maxCount, 10)))
		}
	}
	return errs
}

func (b Bounds) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, b.Min.validate(at.Child("min"))...)
	errs = append(errs, b.Max.validate(at.Child("max"))...)
	return append(errs, ordered(b.Min.set(), b.Max.set(), at.Child("max"), "must not be less than min")...)
}

// validate compares the fields that are set. The defaults of the others are derived from them, and
// fit.
func (c ContainerBounds) validate(at *field.Path) field.ErrorList {
	errs := Bounds{Min: c.Min, Max: c.Max}.validate(at)
	errs = append(errs, c.DefaultRequest.validate(at.Child("defaultRequest"))...)
	errs = append(errs, c.DefaultLimit.validate(at.Child("defaultLimit"))...)
	errs = append(errs, c.Min.notZero(at.Child("min"))...)
	errs = append(errs, c.Max.notZero(at.Child("max"))...)
	request, limit := c.DefaultRequest.set(), c.DefaultLimit.set()
	errs = append(errs, ordered(c.minimum(), request, at.Child("defaultRequest"), "must not be less than min")...)
	errs = append(errs, ordered(request, c.Max.set(), at.Child("defaultRequest"), "must not be more than max")...)
	errs = append(errs, ordered(c.minimum(), limit, at.Child("defaultLimit"), "must not be less than min")...)
	errs = append(errs, ordered(limit, c.Max.set(), at.Child("defaultLimit"), "must not be more than max")...)
	return append(errs, ordered(request, limit, at.Child("defaultLimit"), "must not be less than defaultRequest")...)
}

// notZero refuses amounts that are set to zero.
func (c ComputeResources) notZero(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	all := c.set()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if q := all[name]; q.IsZero() {
			errs = append(errs, field.Invalid(at.Child(jsonNames[name]), q.String(),
				"must be more than zero: a container's limit of zero is no limit"))
		}
	}
	return errs
}

// jsonNames are the JSON names of resources in ComputeResources.
var jsonNames = map[string]string{"cpu": "cpu", "memory": "memory", "ephemeral-storage": "ephemeralStorage"}

// ordered returns an error with msg for each resource of which less has a larger amount than more.
// It skips negative amounts, which have an error already.
func ordered(less, more resources, at *field.Path, msg string) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(less)) {
		l := less[name]
		if m, ok := more[name]; ok && l.Cmp(m) > 0 && m.Sign() >= 0 {
			errs = append(errs, field.Invalid(at.Child(jsonNames[name]), l.String()+" and "+m.String(), msg))
		}
	}
	return errs
}
