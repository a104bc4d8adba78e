package topologytest

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// before runs look before a method and lets it decide instead, if it wants to.
func before[A any, R any](method *func(context.Context, A) (R, error), look func(ctx context.Context, a A) (R, error, bool)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) {
		if r, err, decided := look(ctx, a); decided {
			return r, err
		}
		return do(ctx, a)
	}
}

// after alters what a method answers.
func after[A any, R any](method *func(context.Context, A) (R, error), alter func(A, *R, *error)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) {
		r, err := do(ctx, a)
		alter(a, &r, &err)
		return r, err
	}
}

func capabilityMutants() []mutant {
	return []mutant{
		{"Quota", "a quota that was ensured comes into force", func(top, _ *puppet, _ *brokenOutsider) {
			top.awaitQuota = func(context.Context, string) error { return topology.ErrTimeout }
		}},
		{"Quota", "awaiting a quota that is not there is ErrNotFound", func(top, _ *puppet, _ *brokenOutsider) {
			top.awaitQuota = func(context.Context, string) error { return nil }
		}},
		{"Quota", "an amount that is written otherwise is unchanged", func(top, _ *puppet, _ *brokenOutsider) {
			var last resource.Quantity
			after(&top.ensureQuota, func(q topology.Quota, c *topology.Change, _ *error) {
				if !last.IsZero() && last != q.Hard["requests.cpu"] { // the same amount, kept otherwise
					c.Action = topology.Updated
				}
				last = q.Hard["requests.cpu"]
			})
		}},
		{"NetworkRules", "no rules at all can be stored, and stay none", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.networkRules, func(_ string, r *topology.NetworkRules, _ *error) {
				if len(r.Ingress) == 0 {
					r.Ingress = []topology.NetworkRule{{}}
				}
			})
		}},
		{"NetworkRules", "a rule that lets everybody in is seen and taken away", func(top, _ *puppet, _ *brokenOutsider) {
			ensure := top.ensureNetworkRules
			top.ensureNetworkRules = func(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
				have, err := top.networkRules(ctx, want.Namespace)
				if err == nil && len(have.Ingress) > len(want.Ingress) { // as a merge would
					want.Ingress = have.Ingress
				}
				return ensure(ctx, want)
			}
		}},
		{"NetworkRules", "a peer in every namespace is not one in the own namespace", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.networkRules, func(_ string, r *topology.NetworkRules, _ *error) {
				for i := range r.Ingress {
					for j := range r.Ingress[i].Peers {
						r.Ingress[i].Peers[j].EveryNamespace = false
					}
				}
			})
		}},
		{"Access", "ensuring nothing is a delete", func(top, _ *puppet, _ *brokenOutsider) {
			change(&top.ensureAccess, func(c *topology.Change) {
				if c.Action == topology.Deleted {
					c.Action = topology.Updated
				}
			})
		}},
		{"ClusterReaders", "ensuring nothing is a delete", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.ensureClusterReaders, func(_ context.Context, want topology.ClusterReaders) (topology.Change, error, bool) {
				return topology.Change{Kind: "ClusterReaders", Name: want.Tenant, Action: topology.Deleted}, nil, len(want.Groups) == 0
			})
		}},
		{"Access", "a grant that is no longer wanted is withdrawn", keepsGrants},
		{"Access", "a rule that somebody added is seen and taken away", keepsRules},
		{"ClusterReaders", "cluster readers read workloads anywhere, no secrets, and write nothing", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.authorize, func(_ context.Context, q rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{Allowed: true}, nil, q.Resource == "secrets"
			})
		}},
		{"ClusterReaders", "a group that two tenants share keeps the right until both have lost it", func(top, _ *puppet, _ *brokenOutsider) {
			removed := false
			after(&top.deleteClusterReaders, func(string, *topology.Change, *error) { removed = true })
			before(&top.authorize, func(context.Context, rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{}, nil, removed
			})
		}},
		{"Authorizer", "a grant allows what its rules say, to its subjects, in its namespace, and nothing else", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.authorize, func(q rbac.Question, a *rbac.Answer, _ *error) {
				a.Allowed = a.Allowed || q.Subresource == "exec"
			})
		}},
		{"Authorizer", "what was withdrawn is no longer allowed", func(top, _ *puppet, _ *brokenOutsider) {
			top.deleteAccess = func(context.Context, string) (topology.Change, error) {
				return topology.Change{Action: topology.Deleted}, nil
			}
		}},
		{"Authorizer", "an allowed answer names its reason", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.authorize, func(_ rbac.Question, a *rbac.Answer, _ *error) { a.Reason = "" })
		}},
		{"Authorizer", "a question that asks nothing is ErrInvalid", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.authorize, func(_ context.Context, q rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{}, nil, q.Validate() != nil
			})
		}},
		{"Authorizer", "a cancelled context gets no answer", func(top, _ *puppet, _ *brokenOutsider) { uncancelled(&top.authorize) }},
		{"Volumes", "claims are listed by name", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.volumes, func(_ string, v *[]topology.Volume, _ *error) { slices.Reverse(*v) })
		}},
		{"Volumes", "a namespace that does not exist has none", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.volumes, func(_ string, v *[]topology.Volume, err *error) {
				if len(*v) == 0 {
					*err = topology.ErrNotFound
				}
			})
		}},
		{"Volumes", "a cancelled context gets no answer", func(top, _ *puppet, _ *brokenOutsider) { uncancelled(&top.volumes) }},
		{"Platform", "the name is constant and not empty", func(top, _ *puppet, _ *brokenOutsider) { top.name = func() string { return "" } }},
		{"Platform", "a reachable topology says what it is and lacks nothing", func(top, _ *puppet, _ *brokenOutsider) {
			top.ready = func(context.Context) (topology.Readiness, error) {
				return topology.Readiness{Missing: []string{"get pods"}}, nil
			}
		}},
		{"Platform", "there are name servers, on UDP and TCP, and no rule is about everybody", func(top, _ *puppet, _ *brokenOutsider) {
			platform := top.platform
			top.platform = func(ctx context.Context) (topology.Platform, error) {
				p, err := platform(ctx)
				p.DNS = append(p.DNS, topology.NetworkRule{})
				return p, err
			}
		}},
		{"Platform", "values are not aliased", func(top, _ *puppet, _ *brokenOutsider) {
			kept, err := top.platform(context.Background())
			top.platform = func(context.Context) (topology.Platform, error) { return kept, err }
		}},
		{"Platform", "a cancelled context gets no answer", func(top, _ *puppet, _ *brokenOutsider) {
			platform := top.platform
			top.platform = func(ctx context.Context) (topology.Platform, error) { return platform(context.WithoutCancel(ctx)) }
		}},
	}
}

func uncancelled[A, R any](method *func(context.Context, A) (R, error)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) { return do(context.WithoutCancel(ctx), a) }
}

// keepsGrants is an adapter that never withdraws.
func keepsGrants(top, _ *puppet, _ *brokenOutsider) {
	mergeAccess(top, func(have, want *topology.Access) {
		if len(have.Grants) > len(want.Grants) {
			want.Grants = have.Grants
		}
	})
}

// keepsRules is an adapter that never takes a rule away.
func keepsRules(top, _ *puppet, _ *brokenOutsider) {
	mergeAccess(top, func(have, want *topology.Access) {
		if len(have.Grants) == len(want.Grants) && len(have.Grants) > 0 && len(have.Grants[0].Rules) > len(want.Grants[0].Rules) {
			*want = *have
		}
	})
}

func mergeAccess(top *puppet, merge func(have, want *topology.Access)) {
	ensure := top.ensureAccess
	top.ensureAccess = func(ctx context.Context, want topology.Access) (topology.Change, error) {
		if have, err := top.access(ctx, want.Namespace); err == nil {
			merge(&have, &want)
		}
		return ensure(ctx, want)
	}
}

func namespaceMutants() []mutant {
	n := func(rule string, breaks func(top, dry *puppet, out *brokenOutsider)) mutant {
		return mutant{"Namespace", rule, breaks}
	}
	onRead := func(alter func(*topology.Namespace, *error)) func(top, dry *puppet, out *brokenOutsider) {
		return func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.namespace, func(_ string, ns *topology.Namespace, err *error) { alter(ns, err) })
		}
	}
	onEnsure := func(alter func(*topology.Change)) func(top, dry *puppet, out *brokenOutsider) {
		return func(top, _ *puppet, _ *brokenOutsider) { change(&top.ensureNamespace, alter) }
	}
	return []mutant{
		n("read of what is not there is ErrNotFound", onRead(func(_ *topology.Namespace, err *error) { *err = nil })),
		n("ensure creates, and read answers what was ensured", onRead(func(ns *topology.Namespace, _ *error) { ns.DisplayName = "" })),
		n("ensure twice is unchanged", onEnsure(func(c *topology.Change) { c.Action = topology.Updated })),
		n("ensure repairs differences and names the fields", onEnsure(func(c *topology.Change) { c.Fields = nil })),
		n("a removed pod security level is repaired and named", func(top, _ *puppet, _ *brokenOutsider) {
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if have, err := top.namespace(ctx, want.Name); err == nil {
					want.PodSecurity = have.PodSecurity
				}
				return ensure(ctx, want)
			}
		}),
		n("a label that is no longer wanted goes, somebody else's stays", func(_, _ *puppet, out *brokenOutsider) { out.labelIsGone = true }),
		n("what is allowed is stored, changed and taken away, each with its field named", onRead(func(ns *topology.Namespace, _ *error) { ns.Allowed.DefaultToken = false })),
		n("what is allowed is stored, changed and taken away, each with its field named", onEnsure(func(c *topology.Change) { c.Fields = c.Fields[:len(c.Fields)-1] })),
		n("what is allowed is stored, changed and taken away, each with its field named", keepsAllowed(func(have, want *topology.Allowances) {
			if len(want.Tolerations) == 0 {
				want.Tolerations = have.Tolerations
			}
		})),
		n("what somebody else allows is taken away and named", keepsAllowed(func(have, want *topology.Allowances) { want.Domains = have.Domains })),
		n("somebody else's namespace is ErrConflict, names the owner and stays untouched", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.ensureNamespace, func(ctx context.Context, want topology.Namespace) (topology.Change, error, bool) {
				have, err := top.namespace(ctx, want.Name)
				return topology.Change{}, topology.ErrConflict, err == nil && !have.Managed && !want.Adopt // says not whose
			})
		}),
		n("adopt takes over, and says so", onEnsure(func(c *topology.Change) {
			c.Fields = slices.DeleteFunc(c.Fields, func(f topology.FieldChange) bool { return f.Path == "metadata.labels["+topology.LabelTenant+"]" })
		})),
		n("a name whose service accounts hold rights elsewhere is ErrConflict, unless they are meant", func(top, _ *puppet, _ *brokenOutsider) {
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				want.InheritGrants = true
				return ensure(ctx, want)
			}
		}),
		n("a name whose service accounts hold rights elsewhere is ErrConflict, unless they are meant", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.ensureNamespace, func(ctx context.Context, want topology.Namespace) (topology.Change, error, bool) {
				_, err := top.namespace(ctx, want.Name)
				return topology.Change{}, topology.ErrConflict, err != nil && want.InheritGrants
			})
		}),
		n("delete removes, and a second delete is unchanged", func(top, _ *puppet, _ *brokenOutsider) {
			change(&top.deleteNamespace, func(c *topology.Change) { c.Action = topology.Deleted })
		}),
		n("a protected namespace is ErrProtected and stays", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.deleteNamespace, func(_ string, _ *topology.Change, err *error) { *err = nil })
		}),
		n("a namespace that is held is waited for, then ErrTimeout says by what", func(top, _ *puppet, _ *brokenOutsider) {
			top.awaitNamespaceGone = func(context.Context, string) error {
				return &topology.Error{Op: "await", Kind: "Namespace", Reason: topology.ErrTimeout}
			}
		}),
		n("a cancelled context changes nothing", func(top, _ *puppet, _ *brokenOutsider) { uncancelled(&top.ensureNamespace) }),
		n("concurrent ensures converge without an error", func(top, _ *puppet, _ *brokenOutsider) {
			var once sync.Once
			after(&top.ensureNamespace, func(_ topology.Namespace, _ *topology.Change, err *error) {
				once.Do(func() { *err = errBroken })
			})
		}),
		n("values are not aliased", func(top, _ *puppet, _ *brokenOutsider) {
			var kept topology.Namespace
			after(&top.ensureNamespace, func(want topology.Namespace, _ *topology.Change, _ *error) { kept = want })
			after(&top.namespace, func(_ string, ns *topology.Namespace, _ *error) { ns.Labels = kept.Labels })
		}),
		n("a dry run says what would be done and does nothing", func(top, dry *puppet, _ *brokenOutsider) { dry.ensureNamespace = top.ensureNamespace }),
	}
}

// keepsAllowed is an adapter that never takes something away that is allowed.
func keepsAllowed(merge func(have, want *topology.Allowances)) func(top, dry *puppet, out *brokenOutsider) {
	return func(top, _ *puppet, _ *brokenOutsider) {
		ensure := top.ensureNamespace
		top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
			if have, err := top.namespace(ctx, want.Name); err == nil {
				merge(&have.Allowed, &want.Allowed)
			}
			return ensure(ctx, want)
		}
	}
}

func tenantMutants() []mutant {
	m := func(rule string, breaks func(top, dry *puppet, out *brokenOutsider)) mutant {
		return mutant{"Tenant", rule, breaks}
	}
	unprotected := func(reason error) func(top, _ *puppet, _ *brokenOutsider) {
		return func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.namespace, func(_ string, ns *topology.Namespace, _ *error) {
				ns.Protected = ns.Protected && reason != topology.ErrProtected //nolint:errorlint // which sentinel, not whether it is wrapped
				ns.Managed = ns.Managed || reason == topology.ErrConflict      //nolint:errorlint // likewise
			})
			before(&top.deleteNamespace, func(context.Context, string) (topology.Change, error, bool) { return topology.Change{}, nil, true })
			top.awaitNamespaceGone = func(context.Context, string) error { return nil }
		}
	}
	return []mutant{
		m("a plan is what the run then does, and the second run changes nothing", func(_, dry *puppet, _ *brokenOutsider) {
			change(&dry.ensureQuota, func(c *topology.Change) { c.Action = topology.Unchanged })
		}),
		m("the tightest tenant is a name alone", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.access, func(_ string, _ *topology.Access, err *error) { *err = nil })
		}),
		m("drift is repaired and named", func(top, _ *puppet, _ *brokenOutsider) {
			change(&top.ensureNetworkRules, func(c *topology.Change) { c.Fields = nil })
		}),
		m("rights that the Score no longer gives are withdrawn", func(top, _ *puppet, _ *brokenOutsider) {
			before(&top.ensureAccess, func(_ context.Context, want topology.Access) (topology.Change, error, bool) {
				return topology.Change{Kind: "Access", Name: want.Namespace, Action: topology.Deleted}, nil, len(want.Grants) == 0
			})
		}),
		m("a developer writes workloads in the own namespace, and neither its fences nor anything elsewhere", func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.authorize, func(q rbac.Question, a *rbac.Answer, _ *error) {
				a.Allowed = a.Allowed || q.Resource == "serviceaccounts" && q.Subresource == "token"
			})
		}),
		m("somebody else's namespace is refused untouched, the other tenant is provisioned all the same", func(top, _ *puppet, _ *brokenOutsider) {
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				want.Adopt = true
				return ensure(ctx, want)
			}
		}),
		m("two runs of one Score at once converge", func(top, _ *puppet, _ *brokenOutsider) {
			var once sync.Once
			after(&top.ensureQuota, func(_ topology.Quota, _ *topology.Change, err *error) { once.Do(func() { *err = errBroken }) })
		}),
		m("an unknown storage class is refused before anything is touched", func(top, _ *puppet, _ *brokenOutsider) {
			platform := top.platform
			top.platform = func(ctx context.Context) (topology.Platform, error) {
				p, err := platform(ctx)
				p.StorageClasses = append(p.StorageClasses, topology.StorageClass{Name: "no-such-class"})
				return p, err
			}
		}),
		m("off-boarding removes everything, and once more is fine", func(top, _ *puppet, _ *brokenOutsider) {
			top.deleteClusterReaders = func(_ context.Context, name string) (topology.Change, error) {
				return topology.Change{Kind: "ClusterReaders", Name: name, Action: topology.Deleted}, nil
			}
		}),
		m("off-boarding refuses what is protected, touching nothing", unprotected(topology.ErrProtected)),
		m("off-boarding refuses what is somebody else's, touching nothing", unprotected(topology.ErrConflict)),
		m("off-boarding loses no volume that is not named", func(top, _ *puppet, _ *brokenOutsider) {
			top.volumes = func(context.Context, string) ([]topology.Volume, error) { return nil, nil }
		}),
		m("off-boarding says what holds a namespace, and another run goes on", func(top, _ *puppet, _ *brokenOutsider) {
			top.awaitNamespaceGone = func(context.Context, string) error { return nil }
		}),
	}
}
