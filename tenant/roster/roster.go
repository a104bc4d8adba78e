package roster

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

// Score is the complete list of the tenants of a topology, or one of several lists that do not
// overlap. It provisions each tenant as its [tenant.TenantScore] does. The [score.Runner] decides
// how many run at once. If a tenant fails, the others go on.
//
// A label marks the tenants of a roster. A tenant of another roster is refused and stays untouched.
// A lease keeps two runs of one roster apart, on any machines: the second waits.
//
// On Kubernetes, run it over a snapshot, such as s.On(cluster.Snapshot()). A run then costs a few
// lists for each kind of object, and the writes.
//
// To move a domain from one tenant to another takes two runs. The second tenant is refused as long
// as the first holds the domain.
//
// Source: ADR 11, docs/adr/0011-rosters.md.
type Score struct {
	// ID distinguishes the rosters of one topology: a DNS-1123 label. Unset: "default".
	ID string `json:"id,omitempty"`

	// Tenants is the complete list. An empty one is valid, and removes tenants only if Prune has a
	// limit.
	Tenants []tenant.TenantScore `json:"tenants"`

	// Prune removes tenants of this roster that are no longer on the list. Unset: they stay, and
	// the notes name them.
	Prune *Prune `json:"prune,omitempty"`

	// SharedCIDRs are ranges of addresses that several tenants may have among their peers, such as
	// that of an office. Unset: each range belongs to one tenant.
	SharedCIDRs []string `json:"sharedCIDRs,omitempty"`

	// Wait is how long to wait for another run of the same roster. Unset: ten minutes. At most a
	// day.
	Wait tenant.Duration `json:"wait,omitzero"`
}

// Prune bounds how many tenants one run may remove. A run that would remove more is refused before
// it touches anything. The zero value allows a tenth of the tenants that exist, and none if the
// roster is empty. Each removal is an [tenant.OffboardScore], with its guards.
type Prune struct {
	// AtMost is the number of tenants that may be removed. Unset: no limit by number.
	AtMost int `json:"atMost,omitempty"`

	// AtMostPercent is the share of the roster's existing tenants that may be removed, from 1 to
	// 100. With AtMost, the smaller number holds. Unset: no limit by share.
	AtMostPercent int `json:"atMostPercent,omitempty"`

	// DeleteVolumes lists by tenant the persistent volume claims whose data may be lost. Any other
	// volume stops the removal of its tenant.
	DeleteVolumes map[string][]string `json:"deleteVolumes,omitempty"`

	// Wait is how long each namespace may take to go, as in [tenant.OffboardScore]. Unset: two
	// minutes. At most a day.
	Wait tenant.Duration `json:"wait,omitzero"`
}

const defaultPrunePercent = 10

// Topology has the capabilities that a roster needs.
type Topology interface {
	tenant.Topology
	topology.Volumes
	topology.Rosters
	topology.Leases
	topology.Snapshots
}

var _ score.Score[Topology] = Score{}

// On binds the Score to a topology, for [score.Run].
func (s Score) On(t Topology) score.Step { return score.Bind[Topology](s, t) }

// Name returns "roster/" and the ID of the roster.
func (s Score) Name() string { return "roster/" + s.id() }

func (s Score) id() string {
	if s.ID == "" {
		return "default"
	}
	return s.ID
}

// Interpret returns the logic that provisions the tenants and removes those that have left. Most
// callers use [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.run)
}

// Validate reports every mistake at once, each with its JSON path: the mistakes of each tenant, and
// conflicts between tenants.
func (s Score) Validate() error {
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Label(s.id()) {
		errs = append(errs, field.Invalid(field.NewPath("id"), s.ID, msg))
	}
	at := field.NewPath("tenants")
	for i, t := range s.Tenants {
		errs = append(errs, tenant.ValidateTenantScore(t, at.Index(i))...)
	}
	errs = append(errs, s.conflicts(at)...)
	shared := field.NewPath("sharedCIDRs")
	for i, cidr := range s.SharedCIDRs {
		if prefix, err := netip.ParsePrefix(cidr); err != nil || prefix != prefix.Masked() {
			errs = append(errs, field.Invalid(shared.Index(i), cidr, `must be a range of addresses such as "192.0.2.0/24"`))
		}
	}
	errs = append(errs, s.Wait.Validate(field.NewPath("wait"))...)
	if s.Prune != nil {
		errs = append(errs, s.Prune.validate(field.NewPath("prune"))...)
	}
	return errs.ToAggregate()
}

func (p Prune) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if p.AtMost < 0 {
		errs = append(errs, field.Invalid(at.Child("atMost"), p.AtMost, "must not be negative; unset prune to remove none"))
	}
	if p.AtMostPercent < 0 || p.AtMostPercent > 100 {
		errs = append(errs, field.Invalid(at.Child("atMostPercent"), p.AtMostPercent, "must be 1 to 100"))
	}
	for _, name := range slices.Sorted(maps.Keys(p.DeleteVolumes)) {
		volumes := p.DeleteVolumes[name]
		if err := (tenant.OffboardScore{Tenant: name, DeleteVolumes: volumes}).Validate(); err != nil {
			errs = append(errs, field.Invalid(at.Child("deleteVolumes").Key(name), volumes, err.Error()))
		}
	}
	return append(errs, p.Wait.Validate(at.Child("wait"))...)
}

// claims maps names, domains or ranges, each of which only one tenant can have, to the first tenant
// that has it.
type claims map[string]string

// claim records that a tenant has something, unless another tenant has it already. It returns the
// tenant that has it now.
func (c claims) claim(what, tenant string) string {
	if _, taken := c[what]; !taken {
		c[what] = tenant
	}
	return c[what]
}

// conflicts returns an error for each name, domain or range that two tenants claim.
func (s Score) conflicts(at *field.Path) field.ErrorList {
	names, domains, ranges := claims{}, claims{}, claims{}
	for _, t := range s.Tenants {
		names.claim(t.TenantConfig.Name, t.TenantConfig.Name)
		for _, domain := range t.NetworkIsolation.Domains {
			domains.claim(domain, t.TenantConfig.Name)
		}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, t := range s.Tenants {
		config, network := at.Index(i).Child("tenantConfig"), at.Index(i).Child("networkIsolation")
		name, display := t.TenantConfig.Name, t.TenantConfig.DisplayName
		if seen[name] && name != "" { // a missing name is another mistake
			errs = append(errs, field.Duplicate(config.Child("name"), name))
			continue
		}
		seen[name] = true
		if alias := strings.ToLower(display); alias != "" && names.claim(alias, name) != name {
			by := names[alias]
			errs = append(errs, field.Invalid(config.Child("displayName"), display,
				fmt.Sprintf("is also a name of the tenant %q; choose another display name", by)))
		}
		errs = append(errs, domains.domainConflicts(t, network.Child("domains"))...)
		ingress, egress := t.NetworkIsolation.Ingress, t.NetworkIsolation.Egress
		errs = append(errs, ranges.rangeConflicts(name, ingress, s.SharedCIDRs, network.Child("ingress"))...)
		errs = append(errs, ranges.rangeConflicts(name, egress, s.SharedCIDRs, network.Child("egress"))...)
	}
	return errs
}

// domainConflicts returns an error for each domain of a tenant that another tenant has, or that is
// within a domain of another tenant.
func (c claims) domainConflicts(t tenant.TenantScore, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	name := t.TenantConfig.Name
	for i, domain := range t.NetworkIsolation.Domains {
		if by := c[domain]; by != name {
			errs = append(errs, field.Invalid(at.Index(i), domain,
				fmt.Sprintf("belongs to the tenant %q; remove it from one of the two", by)))
		}
		for _, above, ok := strings.Cut(domain, "."); ok; _, above, ok = strings.Cut(above, ".") {
			if by, taken := c[above]; taken && by != name {
				errs = append(errs, field.Invalid(at.Index(i), domain,
					fmt.Sprintf("is within %s, which belongs to the tenant %q", above, by)))
			}
		}
	}
	return errs
}

// rangeConflicts returns an error for each range of a tenant's peers that another tenant has too,
// unless it is shared.
func (c claims) rangeConflicts(
	name string, peers []tenant.NetworkPeer, shared []string, at *field.Path,
) field.ErrorList {
	var errs field.ErrorList
	for i, peer := range peers {
		prefix, err := netip.ParsePrefix(peer.CIDR)
		if err != nil || slices.ContainsFunc(shared, func(of string) bool { return within(prefix, of) }) {
			continue
		}
		if by := c.claim(prefix.Masked().String(), name); by != name {
			errs = append(errs, field.Invalid(at.Index(i).Child("cidr"), peer.CIDR,
				fmt.Sprintf("is also a range of the tenant %q; list it in sharedCIDRs if both may use it", by)))
		}
	}
	return errs
}

// within reports whether a range is part of another.
func within(prefix netip.Prefix, of string) bool {
	whole, err := netip.ParsePrefix(of)
	return err == nil && whole.Bits() <= prefix.Bits() && whole.Contains(prefix.Addr())
}
