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

// maxDomain is what fits into the name of a label, by which tenants that have a domain are found.
const maxDomain = validation.LabelValueMaxLength

// Last labels of names that lead into the cluster, or nowhere else.
var internalDomains = []string{"local", "localhost", "svc"}

// validateDomains checks domains of at most so many characters, each of which covers everything below it.
func validateDomains(domains []string, at *field.Path, maximum int) field.ErrorList {
	return validateList(domains, at, func(domain string, at *field.Path) field.ErrorList {
		if rest, ok := strings.CutPrefix(domain, "*."); ok {
			return field.ErrorList{field.Invalid(at, domain, "a domain covers everything below it, write "+rest)}
		}
		if len(domain) > maximum {
			return field.ErrorList{field.TooLong(at, "", maximum)}
		}
		if errs := validateObjectName(domain, at); len(errs) > 0 {
			return errs
		}
		last := domain[strings.LastIndex(domain, ".")+1:]
		switch i := slices.IndexFunc(domains, func(d string) bool { return strings.HasSuffix(domain, "."+d) }); {
		case last[0] >= '0' && last[0] <= '9': // no top-level domain starts so, and resolvers read such a name as an address
			return field.ErrorList{field.Invalid(at, domain, "must be a name, not an address")}
		case slices.Contains(internalDomains, last):
			return field.ErrorList{field.Invalid(at, domain, "is internal to the cluster: names that end in "+strings.Join(internalDomains, ", ")+" are refused")}
		case last == domain:
			return field.ErrorList{field.Invalid(at, domain, "must have at least two labels, such as acme.example.com")}
		case i >= 0:
			return field.ErrorList{field.Invalid(at, domain, "is covered by "+domains[i]+", leave one of both out")}
		}
		return nil
	})
}

// domainsFree fails if another tenant has one of the namespace's domains, or one above or below. A namespace without domains costs no request.
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
			if domain == h.Domain || strings.HasSuffix(domain, "."+h.Domain) || strings.HasSuffix(h.Domain, "."+domain) {
				taken = append(taken, fmt.Sprintf("%s, since the tenant %q has %s", domain, h.Tenant, h.Domain))
			}
		}
	}
	return adapter.Ensure(topology.KindNamespace, want.Name).Fail(topology.ErrConflict,
		"cannot have "+strings.Join(summary.First(taken, summary.Most), "; ")+"; take the domain out of networkIsolation.domains of one of both, and run that one first")
}

// domainsBefore are those that the tenant has already. A namespace that shall have none costs no request.
func domainsBefore(ctx context.Context, t topology.Namespaces, want topology.Namespace) ([]string, error) {
	if len(want.Allowed.Domains) == 0 {
		return nil, nil
	}
	have, err := t.Namespace(ctx, want.Name)
	if err != nil || !have.Managed { // what somebody else has written is nobody's
		return nil, ignoreNotFound(err)
	}
	return have.Allowed.Domains, nil
}

// keepDomains goes back to the domains from before if another tenant has got them at the same time: of two that write and then look, at least one sees the
// other.
func keepDomains(ctx context.Context, t Topology, want topology.Namespace, before []string) (topology.Change, error) {
	err := domainsFree(topology.Live(ctx), t, want)
	if !errors.Is(err, topology.ErrConflict) {
		return topology.Change{}, err
	}
	want.Allowed.Domains = before
	change, failed := t.EnsureNamespace(ctx, want)
	if failed != nil {
		err = fmt.Errorf("%w; giving them back failed: %w", err, failed)
	}
	return change, err
}
