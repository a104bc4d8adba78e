package topologytest

import (
	"context"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

func domainMutants() []mutant {
	// finds is an adapter that finds otherwise; every namespace's domains are in all.
	finds := func(rule string, match func(of puppet.DomainsOf, held topology.DomainHolder, asked string) bool) mutant {
		return mutant{"Domains", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			seen := map[string]topology.Namespace{}
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				seen[want.Name] = want
				return ensure(ctx, want)
			}
			top.OnOverlappingDomains = func(_ context.Context, of puppet.DomainsOf) (all []topology.DomainHolder, _ error) {
				for name, ns := range seen {
					for _, held := range ns.Allowed.Domains {
						holder := topology.DomainHolder{Tenant: name, Domain: held}
						if slices.ContainsFunc(of.Domains, func(d string) bool { return match(of, holder, d) }) {
							all = append(all, holder)
						}
					}
				}
				return all, nil
			}
		}}
	}
	below := func(host, domain string) bool { return strings.HasSuffix(host, "."+domain) }
	onAnswer := func(rule string, alter func(puppet.DomainsOf, *[]topology.DomainHolder, *error)) mutant {
		return mutant{"Domains", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.After(&top.OnOverlappingDomains, alter) }}
	}
	return []mutant{
		finds("Equal domains overlap", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool {
			return below(held.Domain, asked) || below(asked, held.Domain)
		}),
		finds("A domain overlaps with those that contain it, at any depth", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool {
			_, parent, _ := strings.Cut(asked, ".")
			return held.Domain == asked || held.Domain == parent
		}),
		finds("A domain overlaps with those that it contains, at any depth", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool {
			_, parent, _ := strings.Cut(held.Domain, ".")
			return held.Domain == asked || asked == parent
		}),
		finds("Domains that only end in the same letters do not overlap", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool {
			return strings.HasSuffix(asked, held.Domain) || strings.HasSuffix(held.Domain, asked)
		}),
		finds("Domains that only end in the same letters do not overlap", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool {
			_, parent, _ := strings.Cut(held.Domain, ".")
			return held.Domain == asked || below(held.Domain, asked) || below(asked, parent)
		}),
		finds("The tenant's own domains do not count", func(_ puppet.DomainsOf, held topology.DomainHolder, asked string) bool { return held.Domain == asked }),
		onAnswer("Domains that no tenant holds overlap with none", func(of puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) {
			*all = append(*all, topology.DomainHolder{Tenant: of.Tenant})
		}),
		onAnswer("Domains of foreign namespaces do not count", func(_ puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) {
			*all = append(*all, topology.DomainHolder{Tenant: "somebody-else"})
		}),
		onAnswer("A domain that its tenant has given up no longer overlaps", func(of puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) {
			*all = append(*all, topology.DomainHolder{Tenant: of.Tenant, Domain: of.Domains[0]})
		}),
		onAnswer("Without domains there is no overlap", func(of puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) {
			if len(of.Domains) == 0 {
				*all = []topology.DomainHolder{{}}
			}
		}),
		onAnswer("Overlapping domains are sorted, and each is listed once", func(_ puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) { slices.Reverse(*all) }),
		onAnswer("Overlapping domains are sorted, and each is listed once", func(of puppet.DomainsOf, all *[]topology.DomainHolder, _ *error) {
			if len(of.Domains) > 1 {
				*all = append(*all, (*all)[len(*all)-1])
			}
		}),
		{"Domains", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Uncancelled(&top.OnOverlappingDomains) }},
		{"Domains", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnOverlappingDomains, func(_ context.Context, of puppet.DomainsOf) ([]topology.DomainHolder, error, bool) {
				return nil, nil, len(of.Domains) == 0
			})
		}},
	}
}

func admissionMutants() []mutant {
	m := func(rule string, breaks func(top *puppet.Puppet)) mutant {
		return mutant{"Admission", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) { breaks(top) }}
	}
	onVerdict := func(rule string, alter func(topology.Request, *topology.Verdict, *error)) mutant {
		return m(rule, func(top *puppet.Puppet) { puppet.After(&top.OnAdmit, alter) })
	}
	// asks is an adapter that takes a request for another.
	asks := func(rule string, other func(*topology.Request)) mutant {
		return m(rule, func(top *puppet.Puppet) {
			admit := top.OnAdmit
			top.OnAdmit = func(ctx context.Context, r topology.Request) (topology.Verdict, error) {
				other(&r)
				return admit(ctx, r)
			}
		})
	}
	const allowed, access = "A request with the right is allowed, and is not carried out", "A request without the right is refused by access"
	return []mutant{
		onVerdict(access, func(_ topology.Request, v *topology.Verdict, _ *error) { *v = topology.Verdict{Allowed: true} }),
		onVerdict(access, func(_ topology.Request, v *topology.Verdict, _ *error) {
			if v.By == topology.FenceAccess {
				v.By = topology.FenceOther
			}
		}),
		onVerdict(access, func(_ topology.Request, v *topology.Verdict, _ *error) { v.Reason = "" }),
		asks(access, func(r *topology.Request) { r.User, r.Groups = "root", []string{"system:masters"} }),
		asks(access, func(r *topology.Request) {
			if r.Verb == "watch" {
				r.Verb = "list"
			}
		}),
		onVerdict("A question about a verb that no request has is answered from the rights", func(r topology.Request, v *topology.Verdict, _ *error) {
			v.Allowed = v.Allowed && r.Verb != "use"
		}),
		asks("A question about a verb that no request has is answered from the rights", func(r *topology.Request) {
			if r.Verb == "bind" {
				r.Verb = "get"
			}
		}),
		onVerdict(allowed, func(r topology.Request, v *topology.Verdict, _ *error) {
			if r.Verb == "deletecollection" {
				*v = topology.Verdict{By: topology.FenceOther}
			}
		}),
		{"Admission", allowed, func(top, _ *puppet.Puppet, out *brokenOutsider) { // it does what it is asked about
			puppet.After(&top.OnAdmit, func(r topology.Request, v *topology.Verdict, _ *error) {
				if r.Verb == "create" && v.Allowed {
					out.Outsider.Put(r.Namespace, r.APIGroup, r.Resource, "other", r.Object)
				}
			})
		}},
		onVerdict("A change of an object that does not exist is ErrNotFound", func(r topology.Request, v *topology.Verdict, err *error) {
			if r.Verb == "update" {
				*v, *err = topology.Verdict{Allowed: true}, nil
			}
		}),
		asks("A service account is in its own groups", func(r *topology.Request) {
			if len(r.Groups) == 0 {
				r.Groups = []string{"system:authenticated"}
			}
		}),
		asks("A service account is in its own groups", func(r *topology.Request) {
			if strings.HasPrefix(r.User, "system:serviceaccount:") {
				r.Groups = []string{"system:serviceaccounts:" + r.Namespace}
			}
		}),
		onVerdict("A request beyond an exhausted quota is refused", func(_ topology.Request, v *topology.Verdict, _ *error) {
			if v.By == topology.FenceQuota {
				*v = topology.Verdict{Allowed: true}
			}
		}),
		onVerdict("A request beyond an exhausted quota is refused", func(r topology.Request, v *topology.Verdict, _ *error) {
			if r.Resource == "leases" {
				*v = topology.Verdict{By: topology.FenceQuota}
			}
		}),
		onVerdict("A request that is not valid is ErrInvalid", func(r topology.Request, _ *topology.Verdict, err *error) {
			if r.User != "" && string(r.Object) == "not json" {
				*err = nil
			}
		}),
		m("A cancelled context gets no answer", func(top *puppet.Puppet) { puppet.Uncancelled(&top.OnAdmit) }),
	}
}

// fenceMutants returns adapters that invert the verdict of one request of each case.
func fenceMutants() []mutant {
	var all []mutant
	for _, f := range fencedTable() {
		for object, verdict := range map[string]topology.Verdict{f.refused: {Allowed: true}, f.allowed: {By: f.by, Reason: "broken"}} {
			if object != "" {
				all = append(all, mutant{"Admission", f.rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
					puppet.After(&top.OnAdmit, func(r topology.Request, v *topology.Verdict, _ *error) {
						if string(r.Object) == object {
							*v = verdict
						}
					})
				}})
			}
		}
	}
	return all
}
