package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// maxDomain is how long a domain may be, in characters. An adapter finds the tenants that hold a
// domain by a label whose name contains the domain.
const maxDomain = validation.LabelValueMaxLength

// internalDomains are the last labels of names that resolve only within the cluster or the machine.
var internalDomains = []string{"local", "localhost", "svc"}

// validateDomains checks a list of domains of at most maximum characters each. A domain covers
// everything below it, so a list with a domain and one below it is refused.
func validateDomains(domains []string, at *field.Path, maximum int) field.ErrorList {
	return validateList(domains, at, func(domain string, at *field.Path) field.ErrorList {
		if rest, ok := strings.CutPrefix(domain, "*."); ok {
			return field.ErrorList{field.Invalid(at, domain, "a domain covers everything below it; write "+rest)}
		}
		if len(domain) > maximum {
			return field.ErrorList{field.TooLong(at, "", maximum)}
		}
		if errs := validateObjectName(domain, at); len(errs) > 0 {
			return errs
		}
		if problem := domainProblem(domain, domains); problem != "" {
			return field.ErrorList{field.Invalid(at, domain, problem)}
		}
		return nil
	})
}

// domainProblem returns what is wrong with a well-formed domain of a list, or "".
func domainProblem(domain string, list []string) string {
	last := domain[strings.LastIndex(domain, ".")+1:]
	if last[0] >= '0' && last[0] <= '9' { // resolvers read such a name as an address
		return "must be a name, not an address"
	}
	if slices.Contains(internalDomains, last) {
		return "is internal to the cluster: names that end in " + strings.Join(internalDomains, ", ") + " are refused"
	}
	if last == domain {
		return "must have at least two labels, such as acme.example.com"
	}
	for _, other := range list {
		if strings.HasSuffix(domain, "."+other) {
			return "is covered by " + other + "; leave one of the two out"
		}
	}
	return ""
}

// domainsFree fails if another tenant holds one of the namespace's domains, or a domain above or
// below one. It sends no request for a namespace without domains.
func domainsFree(ctx context.Context, t topology.Domains, want topology.Namespace) error {
	if len(want.Allowed.Domains) == 0 {
		return nil
	}
	holders, err := t.OverlappingDomains(ctx, want.Name, want.Allowed.Domains)
	if err != nil || len(holders) == 0 {
		return err
	}
	var taken []string
	for _, domain := range want.Allowed.Domains {
		for _, h := range holders {
			if overlap(domain, h.Domain) {
				taken = append(taken, fmt.Sprintf("%s, because the tenant %q holds %s", domain, h.Tenant, h.Domain))
			}
		}
	}
	return adapter.Ensure(topology.KindNamespace, want.Name).Fail(topology.ErrConflict,
		"cannot have "+strings.Join(summary.Shorten(taken, summary.MaxLines), "; ")+
			"; remove the domain from networkIsolation.domains of one of the two tenants, and run that tenant first")
}

// overlap reports whether two domains are equal or one is below the other.
func overlap(a, b string) bool {
	return adapter.DomainContains(b, a) || adapter.DomainContains(a, b)
}

// domainsBefore returns the domains that the tenant holds already. It sends no request for a tenant
// that wants none.
func domainsBefore(ctx context.Context, t topology.Namespaces, want topology.Namespace) ([]string, error) {
	if len(want.Allowed.Domains) == 0 {
		return nil, nil
	}
	have, err := t.Namespace(ctx, want.Name)
	if err != nil || !have.Managed { // domains on a foreign namespace are ignored
		return nil, ignoreNotFound(err)
	}
	return have.Allowed.Domains, nil
}

// yieldDomains restores the previous domains if another tenant has claimed one of the new ones at
// the same time. If two runs both write and then look, at least one of them sees the other's
// domain.
func yieldDomains(
	ctx context.Context, t Topology, want topology.Namespace, before []string,
) (topology.Change, error) {
	err := domainsFree(topology.Live(ctx), t, want)
	if !errors.Is(err, topology.ErrConflict) {
		return topology.Change{}, err
	}
	want.Allowed.Domains = before
	change, failed := t.EnsureNamespace(ctx, want)
	if failed != nil {
		err = fmt.Errorf("%w; restoring the domains from before the run failed: %w", err, failed)
	}
	return change, err
}
