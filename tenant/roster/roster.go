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

// Score is the complete set of the tenants of a topology, or of one of several sets that keep out of each other's way. It provisions each of them as
// its tenant.TenantScore does, as many at once as the [score.Runner] has it; one that fails does not stop the others.
//
// Its tenants are marked as its own. One that is of another roster is refused, and stays as it is. A lease keeps two runs of the same roster apart, on
// whatever machines: the second waits. On Kubernetes, run it over a snapshot, so that it costs as many requests as there are kinds of objects, plus what is
// to be written: roster.On(cluster.Snapshot()).
//
// A domain goes from one tenant to another in two runs, of which the first takes it away: the second tenant is refused for as long as the first has it.
type Score struct {
	// ID tells rosters of one topology apart: a DNS-1123 label. Unset: "default".
	ID string `json:"id,omitempty"`

	Tenants []tenant.TenantScore `json:"tenants"`

	// Prune removes tenants of this roster that are no longer on it. Unset: they stay, and are named in the notes.
	Prune *Prune `json:"prune,omitempty"`

	// SharedCIDRs are ranges of addresses outside that several tenants may have among their peers, such as an office's. Unset: each range is of one tenant.
	SharedCIDRs []string `json:"sharedCIDRs,omitempty"`

	// Wait is how long to wait for another run of the same roster. Unset: ten minutes. At most a day.
	Wait tenant.Duration `json:"wait,omitzero"`
}

// Prune says how many tenants may be removed in one run. A run that would remove more refuses before it touches anything. Unset, that is a tenth of those
// that are there, and none at all if the roster is empty. What is removed goes as by an [tenant.OffboardScore].
type Prune struct {
	AtMost        int `json:"atMost,omitempty"`        // so many tenants
	AtMostPercent int `json:"atMostPercent,omitempty"` // of the roster's tenants that are there, from 1 to 100; with AtMost, both hold

	// DeleteVolumes names, by tenant, the persistent volume claims whose data may be lost. What else there is stops the removal of its tenant.
	DeleteVolumes map[string][]string `json:"deleteVolumes,omitempty"`

	// Wait is how long each namespace may take to go, as in tenant.OffboardScore.
	Wait tenant.Duration `json:"wait,omitzero"`
}

const defaultPrunePercent = 10

// Topology is what it takes to converge a whole roster.
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

// Name returns "roster/" and the roster's id.
func (s Score) Name() string { return "roster/" + s.id() }

func (s Score) id() string {
	if s.ID == "" {
		return "default"
	}
	return s.ID
}

// Interpret converges the roster. See [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.run)
}

// Validate reports every mistake at once, each with its JSON path: those of each tenant, and what tenants cannot have at the same time.
func (s Score) Validate() error {
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Label(s.id()) {
		errs = append(errs, field.Invalid(field.NewPath("id"), s.ID, msg))
	}
	at := field.NewPath("tenants")
	for i, t := range s.Tenants {
		errs = append(errs, tenant.ValidateTenantScore(t, at.Index(i))...)
	}
	errs = append(errs, s.clashes(at)...)
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

// claims are what tenants claim for themselves, and who was first.
type claims map[string]string

// first is the tenant that was first to claim something: this one, if nobody else has.
func (c claims) first(what, tenant string) string {
	if _, taken := c[what]; !taken {
		c[what] = tenant
	}
	return c[what]
}

// clashes are what two tenants cannot both have.
func (s Score) clashes(at *field.Path) field.ErrorList {
	names, domains, ranges := claims{}, claims{}, claims{}
	for _, t := range s.Tenants {
		names.first(t.TenantConfig.Name, t.TenantConfig.Name)
		for _, domain := range t.NetworkIsolation.Domains {
			domains.first(domain, t.TenantConfig.Name)
		}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, t := range s.Tenants {
		config, network := at.Index(i).Child("tenantConfig"), at.Index(i).Child("networkIsolation")
		name, display := t.TenantConfig.Name, t.TenantConfig.DisplayName
		if seen[name] && name != "" { // no name is a mistake of its own
			errs = append(errs, field.Duplicate(config.Child("name"), name))
			continue
		}
		seen[name] = true
		if alias := strings.ToLower(display); alias != "" && names.first(alias, name) != name {
			by := names[alias]
			errs = append(errs, field.Invalid(config.Child("displayName"), display, fmt.Sprintf("is the tenant %q's; people could not tell them apart", by)))
		}
		errs = append(errs, domains.clashes(t, network.Child("domains"))...)
		errs = append(errs, ranges.clashesOf(name, t.NetworkIsolation.Ingress, s.SharedCIDRs, network.Child("ingress"))...)
		errs = append(errs, ranges.clashesOf(name, t.NetworkIsolation.Egress, s.SharedCIDRs, network.Child("egress"))...)
	}
	return errs
}

// clashes are the domains of a tenant that another has, or that are within one of another's.
func (c claims) clashes(t tenant.TenantScore, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	name := t.TenantConfig.Name
	for i, domain := range t.NetworkIsolation.Domains {
		if by := c[domain]; by != name {
			errs = append(errs, field.Invalid(at.Index(i), domain, fmt.Sprintf("is the tenant %q's; a domain is of one tenant", by)))
		}
		for _, above, ok := strings.Cut(domain, "."); ok; _, above, ok = strings.Cut(above, ".") {
			if by, taken := c[above]; taken && by != name {
				errs = append(errs, field.Invalid(at.Index(i), domain, fmt.Sprintf("is within %s, which is the tenant %q's", above, by)))
			}
		}
	}
	return errs
}

// clashesOf are the ranges of a tenant's peers that another has too, unless they are shared.
func (c claims) clashesOf(name string, peers []tenant.NetworkPeer, shared []string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, peer := range peers {
		prefix, err := netip.ParsePrefix(peer.CIDR)
		if err != nil || slices.ContainsFunc(shared, func(of string) bool { return within(prefix, of) }) {
			continue
		}
		if by := c.first(prefix.Masked().String(), name); by != name {
			errs = append(errs, field.Invalid(at.Index(i).Child("cidr"), peer.CIDR, fmt.Sprintf("is the tenant %q's; two tenants meet there: name it in sharedCIDRs if that is meant", by)))
		}
	}
	return errs
}

func within(prefix netip.Prefix, of string) bool {
	whole, err := netip.ParsePrefix(of)
	return err == nil && whole.Bits() <= prefix.Bits() && whole.Contains(prefix.Addr())
}
