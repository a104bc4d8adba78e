package topologytest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

const (
	tableCase   = "Each rule refuses the objects that it is for, and admits those that the tenant is allowed"
	sendersCase = "Each rule applies by namespace or by sender, as documented"
	inForceCase = "A rule is in force once AwaitGuardrails returns, and no longer once it is removed"
	sameCase    = "If an object breaks a rule in several ways, every refusal names the same one"
	thereCase   = "An existing object that a rule would refuse is reported, and can be changed in other ways"
)

// lacks returns an adapter that leaves out one rule.
func lacks(capabilityCase string, rule topology.Guardrail) mutant {
	return mutant{"Guardrails", capabilityCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
		ensure := top.OnEnsureGuardrails
		top.OnEnsureGuardrails = func(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
			want.Rules = slices.DeleteFunc(slices.Clone(want.Rules), func(r topology.Guardrail) bool { return r == rule })
			return ensure(ctx, want)
		}
	}}
}

// judges returns an adapter that alters verdicts.
func judges(capabilityCase string, alter func(topology.Request, *topology.Verdict)) mutant {
	return mutant{"Guardrails", capabilityCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
		puppet.After(&top.OnAdmit, func(r topology.Request, v *topology.Verdict, err *error) {
			if *err == nil {
				alter(r, v)
			}
		})
	}}
}

// lets returns an adapter whose guardrails admit requests that they should refuse.
func lets(capabilityCase string, pass func(topology.Request, topology.Verdict) bool) mutant {
	return judges(capabilityCase, func(r topology.Request, v *topology.Verdict) {
		if v.By == topology.FenceGuardrails && pass(r, *v) {
			*v = topology.Verdict{Allowed: true}
		}
	})
}

// stops returns an adapter whose guardrails refuse requests that they should admit.
func stops(capabilityCase string, rule topology.Guardrail, what func(topology.Request) bool) mutant {
	return mutant{"Guardrails", capabilityCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
		puppet.Before(&top.OnAdmit, func(ctx context.Context, r topology.Request) (topology.Verdict, error, bool) {
			set, err := top.OnGuardrails(ctx, top.OnName())
			return topology.Verdict{By: topology.FenceGuardrails, Rule: rule, Reason: "no"}, nil, err == nil && slices.Contains(set.Rules, rule) && what(r)
		})
	}}
}

// allows returns an adapter that alters the allowances of every namespace.
func allows(capabilityCase string, alter func(*topology.Allowances)) mutant {
	return mutant{"Guardrails", capabilityCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
		ensure := top.OnEnsureNamespace
		top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
			want = want.Clone()
			alter(&want.Allowed)
			return ensure(ctx, want)
		}
	}}
}

func contains(r topology.Request, text string) bool { return strings.Contains(string(r.Object), text) }

func guardrailMutants() []mutant {
	g := func(rule string, breaks func(top, dry *puppet.Puppet)) mutant {
		return mutant{"Guardrails", rule, func(top, dry *puppet.Puppet, _ *brokenOutsider) { breaks(top, dry) }}
	}
	return slices.Concat(tableMutants(), senderMutants(), violationMutants(), []mutant{
		g("Ensure of an empty value does what Delete does", func(top, _ *puppet.Puppet) {
			puppet.Before(&top.OnEnsureGuardrails, func(_ context.Context, want topology.GuardrailSet) (topology.Change, error, bool) {
				return topology.Change{Kind: "Guardrails", Name: "fake", Action: topology.Deleted}, nil, len(want.Rules) == 0
			})
		}),
		g("A version that the release does not know is ErrInvalid", func(top, _ *puppet.Puppet) {
			ensure := top.OnEnsureGuardrails
			top.OnEnsureGuardrails = func(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
				want.Version = topology.GuardrailsVersion
				return ensure(ctx, want)
			}
		}),
		g("Rules of a newer version are ErrConflict and stay", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnEnsureGuardrails, func(_ topology.GuardrailSet, _ *topology.Change, err *error) { *err = nil })
		}),
		g("Rules of a newer version are ErrConflict and stay", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnDeleteGuardrails, func(_ string, _ *topology.Change, err *error) { *err = nil })
		}),
		g("Rules of a newer version are ErrConflict and stay", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnGuardrails, func(_ string, s *topology.GuardrailSet, _ *error) { s.Version = topology.GuardrailsVersion })
		}),
		g("AwaitGuardrails without rules is ErrNotFound, and returns at once on a dry run", func(top, _ *puppet.Puppet) { top.OnAwaitGuardrails = func(context.Context) error { return nil } }),
		g("AwaitGuardrails without rules is ErrNotFound, and returns at once on a dry run", func(top, dry *puppet.Puppet) { dry.OnAwaitGuardrails = top.OnAwaitGuardrails }),
		lets(sameCase, func(topology.Request, topology.Verdict) bool { return true }),
		judges(sameCase, func(_ topology.Request, v *topology.Verdict) {
			v.Reason = strings.ReplaceAll(v.Reason, "haproxy", "konghq")
		}),
		lets(inForceCase, func(topology.Request, topology.Verdict) bool { return true }),
		judges(inForceCase, func(_ topology.Request, v *topology.Verdict) { v.Reason = "" }),
		g(inForceCase, func(top, _ *puppet.Puppet) {
			top.OnDeleteGuardrails = func(context.Context, string) (topology.Change, error) { return topology.Change{}, nil }
		}),
		g(inForceCase, func(top, _ *puppet.Puppet) { // it takes a moment, and nobody waits
			late := true
			top.OnAwaitGuardrails = func(context.Context) error { return nil }
			puppet.After(&top.OnAdmit, func(_ topology.Request, v *topology.Verdict, _ *error) {
				if v.By == topology.FenceGuardrails && late {
					*v, late = topology.Verdict{Allowed: true}, false
				}
			})
		}),
	})
}

func tableMutants() []mutant {
	all := []mutant{
		judges(tableCase, func(_ topology.Request, v *topology.Verdict) { *v = topology.Verdict{Allowed: true} }),
		judges(tableCase, func(_ topology.Request, v *topology.Verdict) {
			if v.By == topology.FenceGuardrails {
				v.Rule = topology.GuardrailNamespaces
			}
		}),
		judges(tableCase, func(_ topology.Request, v *topology.Verdict) {
			if v.By == topology.FenceGuardrails {
				*v = topology.Verdict{By: topology.FenceOther, Reason: v.Reason}
			}
		}),
		stops(tableCase, topology.GuardrailFinalizers, func(r topology.Request) bool { return contains(r, "foregroundDeletion") }),
		stops(tableCase, topology.GuardrailImages, func(r topology.Request) bool { return contains(r, "@sha256:") }),
		allows(tableCase, func(a *topology.Allowances) { *a = topology.Allowances{} }),
		allows(tableCase, func(a *topology.Allowances) { *a = everyAllowance }),
	}
	for _, rule := range topology.AllGuardrails() {
		if rule != topology.GuardrailNamespaces {
			all = append(all, lacks(tableCase, rule))
		}
	}
	for _, forgets := range []func(*topology.Allowances){
		func(a *topology.Allowances) { a.Domains = nil }, func(a *topology.Allowances) { a.IngressAnnotations = nil }, func(a *topology.Allowances) { a.ServiceTypes = nil },
		func(a *topology.Allowances) { a.ExternalNames = nil }, func(a *topology.Allowances) { a.StorageClasses = nil }, func(a *topology.Allowances) { a.InlineDrivers = nil },
		func(a *topology.Allowances) { a.ImageRegistries = nil }, func(a *topology.Allowances) { a.PriorityClasses = nil }, func(a *topology.Allowances) { a.RuntimeClasses = nil },
		func(a *topology.Allowances) { a.Tolerations = nil }, func(a *topology.Allowances) { a.DefaultToken = false },
	} {
		all = append(all, allows(tableCase, forgets))
	}
	// Mistakes that are easily made, each of which some row of the table is for.
	for _, text := range []string{
		`"db.example.com."`, `"notexample.com"`, `"endpointslice-controller.k8s.io"`, `"host":"*.example.com"`, `"host":""`, `"defaultBackend"`, `"tls":[{"secretName"`, `"nginx.org/`,
		`,bank.example.com"`, `"storageClassName":""`, `"volumeName"`, `"selector":{"matchLabels":{"tenant"`, `"tolerations":[{"operator":"Exists"}]`, `"effect":"NoSchedule"`, `"ACME/app"`,
		`registry.example.com:5000/`, `evil.example.com/`, `"initContainers"`, `"kubernetes.io/pvc-protection"`,
	} {
		all = append(all, lets(tableCase, func(r topology.Request, _ topology.Verdict) bool { return contains(r, text) }))
	}
	return all
}

func senderMutants() []mutant {
	isController := func(r topology.Request) bool { return strings.HasPrefix(r.User, "system:serviceaccount:kube-system:") }
	isAdministrator := func(r topology.Request) bool { return slices.Contains(r.Groups, "system:masters") }
	all := []mutant{
		judges(sendersCase, func(_ topology.Request, v *topology.Verdict) { *v = topology.Verdict{Allowed: true} }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return isController(r) }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return isAdministrator(r) }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool {
			return r.Verb == "patch" && r.Resource != "namespaces"
		}),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return r.Subresource == "status" }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return r.Subresource == "finalize" }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return r.Subresource == "ephemeralcontainers" }),
		lets(sendersCase, func(r topology.Request, _ topology.Verdict) bool { return contains(r, `"labels":null`) }),
		stops(sendersCase, topology.GuardrailEndpoints, func(r topology.Request) bool { return r.Resource == "endpointslices" && isController(r) }),
		stops(sendersCase, topology.GuardrailFinalizers, func(r topology.Request) bool { return r.Resource == "configmaps" && isController(r) }),
		stops(sendersCase, topology.GuardrailServices, func(r topology.Request) bool { return r.Resource == "services" && isAdministrator(r) }),
		stops(sendersCase, topology.GuardrailNamespaces, func(r topology.Request) bool { return r.Resource == "namespaces" }),
		stops(sendersCase, topology.GuardrailClaims, func(r topology.Request) bool { return contains(r, `"labels":{"a":"b"}`) }),
	}
	for _, rule := range []topology.Guardrail{
		topology.GuardrailClaims, topology.GuardrailEndpoints, topology.GuardrailFinalizers, topology.GuardrailImages, topology.GuardrailNamespaces,
		topology.GuardrailPlacement, topology.GuardrailServices,
	} {
		all = append(all, lacks(sendersCase, rule))
	}
	return all
}

func violationMutants() []mutant {
	onAnswer := func(alter func([]topology.Guardrail, *[]topology.Violation, *error)) mutant {
		return mutant{"Guardrails", thereCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) { puppet.After(&top.OnViolations, alter) }}
	}
	return []mutant{
		onAnswer(func(_ []topology.Guardrail, all *[]topology.Violation, _ *error) { *all = nil }),
		onAnswer(func(_ []topology.Guardrail, all *[]topology.Violation, _ *error) { slices.Reverse(*all) }),
		onAnswer(func(_ []topology.Guardrail, all *[]topology.Violation, _ *error) { (*all)[0].Message = "" }),
		onAnswer(func(_ []topology.Guardrail, all *[]topology.Violation, _ *error) {
			*all = append(*all, (*all)[len(*all)-1])
		}),
		{"Guardrails", thereCase, func(top, _ *puppet.Puppet, _ *brokenOutsider) { // ignores the list of rules
			violations := top.OnViolations
			top.OnViolations = func(ctx context.Context, _ []topology.Guardrail) ([]topology.Violation, error) {
				return violations(ctx, topology.AllGuardrails())
			}
		}},
		{"Guardrails", "Rules about the sender report no violations", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			var last atomic.Value // the namespace of the case
			puppet.After(&top.OnEnsureNamespace, func(want topology.Namespace, _ *topology.Change, _ *error) { last.Store(want.Name) })
			puppet.After(&top.OnViolations, func(_ []topology.Guardrail, all *[]topology.Violation, _ *error) {
				name, _ := last.Load().(string)
				*all = append(*all, topology.Violation{
					Namespace: name, Kind: "ConfigMap", Name: "x", Rule: topology.GuardrailFinalizers, Message: "m",
				})
			})
		}},
		stops(thereCase, topology.GuardrailServices, func(r topology.Request) bool { return r.Verb == "patch" && contains(r, `"labels"`) }),
		stops(thereCase, topology.GuardrailServices, func(r topology.Request) bool { return contains(r, `"externalIPs":null`) }),
		lets(thereCase, func(r topology.Request, _ topology.Verdict) bool { return r.Verb == "patch" }),
	}
}
