package topologytest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func capabilityMutants() []mutant {
	return []mutant{
		{"Quotas", "AwaitQuota returns once the quota is in force", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnAwaitQuota = func(context.Context, string) error { return topology.ErrTimeout }
		}},
		{"Quotas", "AwaitQuota without a quota is ErrNotFound", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnAwaitQuota = func(context.Context, string) error { return nil }
		}},
		{"Quotas", "The same amount, written differently, changes nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			var last resource.Quantity
			puppet.After(&top.OnEnsureQuota, func(q topology.Quota, c *topology.Change, _ *error) {
				if !last.IsZero() && last != q.Hard["requests.cpu"] { // the same amount, kept otherwise
					c.Action = topology.Updated
				}
				last = q.Hard["requests.cpu"]
			})
		}},
		{"Quotas", "On a dry run, AwaitQuota returns at once", func(top, dry *puppet.Puppet, _ *brokenOutsider) { dry.OnAwaitQuota = top.OnAwaitQuota }},
		{"NetworkIsolation", "A value without rules is stored as one that allows nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnNetworkRules, func(_ string, r *topology.NetworkRules, _ *error) {
				if len(r.Ingress) == 0 {
					r.Ingress = []topology.NetworkRule{{}}
				}
			})
		}},
		{"NetworkIsolation", "A rule that is open to every peer is found and removed", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ensure := top.OnEnsureNetworkRules
			top.OnEnsureNetworkRules = func(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
				have, err := top.OnNetworkRules(ctx, want.Namespace)
				if err == nil && len(have.Ingress) > len(want.Ingress) { // as a merge would
					want.Ingress = have.Ingress
				}
				return ensure(ctx, want)
			}
		}},
		{"NetworkIsolation", "A peer in every namespace differs from one in the own namespace", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnNetworkRules, func(_ string, r *topology.NetworkRules, _ *error) {
				for i := range r.Ingress {
					for j := range r.Ingress[i].Peers {
						r.Ingress[i].Peers[j].EveryNamespace = false
					}
				}
			})
		}},
		{"AccessControl", "Ensure of an empty value does what Delete does", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Change(&top.OnEnsureAccess, func(c *topology.Change) {
				if c.Action == topology.Deleted {
					c.Action = topology.Updated
				}
			})
		}},
		{"ReadVisibility", "Ensure of an empty value does what Delete does", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnEnsureClusterReaders, func(_ context.Context, want topology.ClusterReaders) (topology.Change, error, bool) {
				return topology.Change{Kind: topology.KindClusterReaders, Name: want.Tenant, Action: topology.Deleted}, nil, len(want.Groups) == 0
			})
		}},
		{"AccessControl", "A grant that is no longer wanted is withdrawn", keepsGrants},
		{"AccessControl", "A rule that another writer has added to a role is found and removed", keepsRules},
		{"ReadVisibility", "Cluster readers read workloads in every namespace, but no secrets, and write nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnAuthorize, func(_ context.Context, q rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{Allowed: true}, nil, q.Resource == "secrets"
			})
		}},
		{"ReadVisibility", "A group of two tenants keeps the right until both tenants have withdrawn it", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			removed := false
			puppet.After(&top.OnDeleteClusterReaders, func(string, *topology.Change, *error) { removed = true })
			puppet.Before(&top.OnAuthorize, func(context.Context, rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{}, nil, removed
			})
		}},
		{"Authorizer", "A grant allows what its rules say, to its subjects, in its namespace, and nothing else", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnAuthorize, func(q rbac.Question, a *rbac.Answer, _ *error) {
				a.Allowed = a.Allowed || q.Subresource == "exec"
			})
		}},
		{"Authorizer", "A right that was withdrawn is no longer allowed", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnDeleteAccess = func(context.Context, string) (topology.Change, error) {
				return topology.Change{Action: topology.Deleted}, nil
			}
		}},
		{"Authorizer", "An answer that allows names its reason", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnAuthorize, func(_ rbac.Question, a *rbac.Answer, _ *error) { a.Reason = "" })
		}},
		{"Authorizer", "A question that is not valid is ErrInvalid", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnAuthorize, func(_ context.Context, q rbac.Question) (rbac.Answer, error, bool) {
				return rbac.Answer{}, nil, q.Validate() != nil
			})
		}},
		{"Authorizer", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Uncancelled(&top.OnAuthorize) }},
		{"Volumes", "Claims are listed by name", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnVolumes, func(_ string, v *[]topology.Volume, _ *error) { slices.Reverse(*v) })
		}},
		{"Volumes", "A namespace that does not exist has no volumes", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnVolumes, func(_ string, v *[]topology.Volume, err *error) {
				if len(*v) == 0 {
					*err = topology.ErrNotFound
				}
			})
		}},
		{"Volumes", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Uncancelled(&top.OnVolumes) }},
		{"Topology", "The name is constant and not empty", func(top, _ *puppet.Puppet, _ *brokenOutsider) { top.OnName = func() string { return "" } }},
		{"Topology", "A reachable topology reports its version and distribution, and no missing permission", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnReady = func(context.Context) (topology.Readiness, error) {
				return topology.Readiness{Missing: []string{"get pods"}}, nil
			}
		}},
		{"Topology", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ready := top.OnReady
			top.OnReady = func(ctx context.Context) (topology.Readiness, error) { return ready(context.WithoutCancel(ctx)) }
		}},
		{"Platforms", "Lists are sorted", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			platform := top.OnPlatform
			top.OnPlatform = func(ctx context.Context) (topology.Platform, error) {
				p, err := platform(ctx)
				p.StorageClasses = []topology.StorageClass{{Name: "b"}, {Name: "a"}}
				return p, err
			}
		}},
		{"Platforms", "There are name servers, and no rule is open to every peer or every port", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			platform := top.OnPlatform
			top.OnPlatform = func(ctx context.Context) (topology.Platform, error) {
				p, err := platform(ctx)
				p.DNS = append(p.DNS, topology.NetworkRule{})
				return p, err
			}
		}},
		{"Platforms", "Values are not aliased", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			kept, err := top.OnPlatform(context.Background())
			top.OnPlatform = func(context.Context) (topology.Platform, error) { return kept, err }
		}},
		{"Platforms", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			platform := top.OnPlatform
			top.OnPlatform = func(ctx context.Context) (topology.Platform, error) { return platform(context.WithoutCancel(ctx)) }
		}},
	}
}

// keepsGrants breaks an adapter: it never withdraws a grant.
func keepsGrants(top, _ *puppet.Puppet, _ *brokenOutsider) {
	mergeAccess(top, func(have, want *topology.Access) {
		if len(have.Grants) > len(want.Grants) {
			want.Grants = have.Grants
		}
	})
}

// keepsRules breaks an adapter: it never removes a rule.
func keepsRules(top, _ *puppet.Puppet, _ *brokenOutsider) {
	mergeAccess(top, func(have, want *topology.Access) {
		if len(have.Grants) == len(want.Grants) && len(have.Grants) > 0 && len(have.Grants[0].Rules) > len(want.Grants[0].Rules) {
			*want = *have
		}
	})
}

func mergeAccess(top *puppet.Puppet, merge func(have, want *topology.Access)) {
	ensure := top.OnEnsureAccess
	top.OnEnsureAccess = func(ctx context.Context, want topology.Access) (topology.Change, error) {
		if have, err := top.OnAccess(ctx, want.Namespace); err == nil {
			merge(&have, &want)
		}
		return ensure(ctx, want)
	}
}

func namespaceMutants() []mutant {
	n := func(rule string, breaks func(top, dry *puppet.Puppet, out *brokenOutsider)) mutant {
		return mutant{"Namespaces", rule, breaks}
	}
	onRead := func(alter func(*topology.Namespace, *error)) func(top, dry *puppet.Puppet, out *brokenOutsider) {
		return func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnNamespace, func(_ string, ns *topology.Namespace, err *error) { alter(ns, err) })
		}
	}
	onEnsure := func(alter func(*topology.Change)) func(top, dry *puppet.Puppet, out *brokenOutsider) {
		return func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Change(&top.OnEnsureNamespace, alter) }
	}
	return []mutant{
		n("A read of a value that does not exist is ErrNotFound", onRead(func(_ *topology.Namespace, err *error) { *err = nil })),
		n("Ensure creates the namespace, and a read returns it", onRead(func(ns *topology.Namespace, _ *error) { ns.DisplayName = "" })),
		n("Ensure creates the namespace, and a read returns it", onEnsure(forgetsAfter)),
		n("Ensure repairs differences, names the fields and returns both values", onEnsure(forgetsBefore)),
		n("A second Ensure changes nothing", onEnsure(func(c *topology.Change) { c.Action = topology.Updated })),
		n("Ensure repairs differences, names the fields and returns both values", onEnsure(func(c *topology.Change) { c.Fields = nil })),
		n("A removed level of pod security is restored and named", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if have, err := top.OnNamespace(ctx, want.Name); err == nil {
					want.PodSecurity = have.PodSecurity
				}
				return ensure(ctx, want)
			}
		}),
		n("A label that is no longer wanted is removed, and a foreign label stays", func(_, _ *puppet.Puppet, out *brokenOutsider) { out.labelIsGone = true }),
		n("Annotations that print alike are two values", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnEnsureNamespace, func(ctx context.Context, want topology.Namespace) (topology.Change, error, bool) {
				have, err := top.OnNamespace(ctx, want.Name)
				shown := strconv.Quote(have.Annotations["example.com/note"])
				unchanged := topology.Change{Kind: topology.KindNamespace, Name: want.Name, Action: topology.Unchanged}
				return unchanged, nil, err == nil && shown == want.Annotations["example.com/note"]
			})
		}),
		n("Allowances are stored, changed and removed, each with its field named", onRead(func(ns *topology.Namespace, _ *error) { ns.Allowed.DefaultToken = false })),
		n("Allowances are stored, changed and removed, each with its field named", onEnsure(func(c *topology.Change) { c.Fields = c.Fields[:len(c.Fields)-1] })),
		n("Allowances are stored, changed and removed, each with its field named", keepsAllowed(func(have, want *topology.Allowances) {
			if len(want.Tolerations) == 0 {
				want.Tolerations = have.Tolerations
			}
		})),
		n("A domain that another writer has added is removed and named", keepsAllowed(func(have, want *topology.Allowances) { want.Domains = have.Domains })),
		n("A foreign namespace is ErrConflict, which names the owner, and stays untouched", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnEnsureNamespace, func(ctx context.Context, want topology.Namespace) (topology.Change, error, bool) {
				have, err := top.OnNamespace(ctx, want.Name)
				return topology.Change{}, topology.ErrConflict, err == nil && !have.Managed && !want.Adopt // says not whose
			})
		}),
		n("Adopt takes a foreign namespace over, and the change names the label", onEnsure(func(c *topology.Change) {
			c.Fields = slices.DeleteFunc(c.Fields, func(f topology.FieldChange) bool { return f.Path == "metadata.labels["+topology.LabelTenant+"]" })
		})),
		n("A name whose service accounts hold rights elsewhere is ErrConflict, unless InheritGrants is set", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				want.InheritGrants = true
				return ensure(ctx, want)
			}
		}),
		n("A name whose service accounts hold rights elsewhere is ErrConflict, unless InheritGrants is set", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Before(&top.OnEnsureNamespace, func(ctx context.Context, want topology.Namespace) (topology.Change, error, bool) {
				_, err := top.OnNamespace(ctx, want.Name)
				return topology.Change{}, topology.ErrConflict, err != nil && want.InheritGrants
			})
		}),
		n("Delete removes the namespace and returns it, and a second Delete changes nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Change(&top.OnDeleteNamespace, func(c *topology.Change) { c.Action = topology.Deleted })
		}),
		n("Delete removes the namespace and returns it, and a second Delete changes nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.Change(&top.OnDeleteNamespace, forgetsBefore)
		}),
		n("An annotation that is no longer wanted is removed", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if have, err := top.OnNamespace(ctx, want.Name); err == nil { // as a merge would
					maps.Copy(have.Annotations, want.Annotations)
					want.Annotations = have.Annotations
				}
				return ensure(ctx, want)
			}
		}),
		n("A namespace of another roster is ErrConflict and stays untouched", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				have, err := top.OnNamespace(ctx, want.Name)
				if err == nil && have.Roster != "" {
					want.Roster = have.Roster
				}
				return ensure(ctx, want)
			}
		}),
		n("Ensure without a roster keeps the stored one, and Ensure with a roster sets it", onRead(func(ns *topology.Namespace, _ *error) { ns.Roster = "" })),
		n("A protected namespace is ErrProtected and stays", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnDeleteNamespace, func(_ string, _ *topology.Change, err *error) { *err = nil })
		}),
		n("AwaitNamespaceGone waits for a namespace that is held, and ErrTimeout names what holds it", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnAwaitNamespaceGone = func(context.Context, string) error {
				return &topology.Error{Op: "await", Kind: "Namespace", Reason: topology.ErrTimeout}
			}
		}),
		n("A cancelled context changes nothing", func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.Uncancelled(&top.OnEnsureNamespace) }),
		n("Concurrent calls of Ensure converge without an error", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			var once sync.Once
			puppet.After(&top.OnEnsureNamespace, func(_ topology.Namespace, _ *topology.Change, err *error) {
				once.Do(func() { *err = errBroken })
			})
		}),
		n("Values are not aliased", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			var kept topology.Namespace
			puppet.After(&top.OnEnsureNamespace, func(want topology.Namespace, _ *topology.Change, _ *error) { kept = want })
			puppet.After(&top.OnNamespace, func(_ string, ns *topology.Namespace, _ *error) { ns.Labels = kept.Labels })
		}),
		n("The values of a change are not aliased", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnEnsureNamespace, func(want topology.Namespace, c *topology.Change, _ *error) {
				if c.After != nil {
					c.After = want
				}
			})
		}),
		n("A dry run returns the change that Ensure and Delete would make, and makes none", func(_, dry *puppet.Puppet, _ *brokenOutsider) {
			puppet.Change(&dry.OnEnsureNamespace, forgetsAfter)
		}),
		n("A dry run returns the change that Ensure and Delete would make, and makes none", func(top, dry *puppet.Puppet, _ *brokenOutsider) { dry.OnEnsureNamespace = top.OnEnsureNamespace }),
	}
}

// keepsAllowed breaks an adapter: it never removes an allowance.
func keepsAllowed(merge func(have, want *topology.Allowances)) func(top, dry *puppet.Puppet, out *brokenOutsider) {
	return func(top, _ *puppet.Puppet, _ *brokenOutsider) {
		ensure := top.OnEnsureNamespace
		top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
			if have, err := top.OnNamespace(ctx, want.Name); err == nil {
				merge(&have.Allowed, &want.Allowed)
			}
			return ensure(ctx, want)
		}
	}
}

func snapshotMutants() []mutant {
	// frozen reads each namespace once. Live contexts, Refresh and writes of its own do not make it
	// read again.
	frozen := func(rule string, again func(top *puppet.Puppet, forget func())) mutant {
		return mutant{"Snapshots", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			var known sync.Map
			read := top.OnNamespace
			top.OnNamespace = func(ctx context.Context, name string) (topology.Namespace, error) {
				if have, ok := known.Load(name); ok {
					return have.(topology.Namespace), nil
				}
				have, err := read(ctx, name)
				if err == nil {
					known.Store(name, have)
				}
				return have, err
			}
			again(top, known.Clear)
		}}
	}
	return []mutant{
		frozen("After Refresh, a read returns the changes of other writers", func(*puppet.Puppet, func()) {}),
		frozen("A live read returns the changes of other writers without Refresh", func(top *puppet.Puppet, forget func()) { top.OnRefresh = forget }),
		frozen("A read returns the topology's own changes without Refresh", func(top *puppet.Puppet, forget func()) { top.OnRefresh = forget }),
	}
}
