package isolation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Examine holds what was read against the Scores. The order of its findings is that of the tenants.
func (s Score) Examine(in topology.Inspection) Report {
	e := newExaminer(in, s.Tenants)
	e.guardrails(topology.GuardrailsWithout(s.Without))
	e.enforcement()
	for _, t := range s.Tenants {
		e.tenant(t)
	}
	return Report{
		Format: ReportFormat, Topology: in.Topology, Version: in.Readiness.Version, At: in.At, Digest: digest(in), Findings: e.findings,
	}
}

// digest is the same for what is the same, whenever it was read.
func digest(in topology.Inspection) string {
	in.At = time.Time{}
	data, _ := json.Marshal(in) // strings, numbers and amounts always marshal
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// examiner knows what was read, by tenant.
type examiner struct {
	in         topology.Inspection
	namespaces map[string]topology.NamespaceInspection
	policies   map[string][]netpolicy.Policy
	trespasses map[string][]string // by tenant: grants that cross its boundary
	extra      map[string][]string // by tenant: grants to its own members that its Score does not give
	findings   []Finding
}

func newExaminer(in topology.Inspection, tenants []tenant.TenantScore) *examiner {
	e := &examiner{in: in, namespaces: map[string]topology.NamespaceInspection{}, policies: map[string][]netpolicy.Policy{}}
	for _, ns := range in.Namespaces {
		e.namespaces[ns.Namespace.Name] = ns
	}
	for _, p := range in.Policies {
		e.policies[p.Namespace] = append(e.policies[p.Namespace], p)
	}
	e.trespasses, e.extra = findTrespasses(in, tenants)
	return e
}

func (e *examiner) find(tenant string, guarantee Guarantee, remedy string, witnesses []string) {
	f := Finding{Tenant: tenant, Guarantee: guarantee, Status: Enforced}
	if len(witnesses) > 0 {
		f.Status, f.Witness, f.Remedy = Broken, strings.Join(summary.First(witnesses, summary.Most), "; "), remedy
	}
	e.findings = append(e.findings, f)
}

func (e *examiner) guardrails(want []topology.Guardrail) {
	var missing []string
	for _, rule := range want {
		if !slices.Contains(e.in.Guardrails.Rules, rule) {
			missing = append(missing, "the rule "+string(rule)+" is not installed, or not as it should be")
		}
	}
	e.find("", GuaranteeGuardrails, "run GuardrailsScore", missing)
}

func (e *examiner) enforcement() {
	f := Finding{Guarantee: GuaranteeEnforcement, Status: Declared, Witness: "no network plugin was recognised", Remedy: "see that it enforces NetworkPolicies"}
	if plugin := e.in.Readiness.NetworkPlugin; plugin != "" {
		f.Witness, f.Remedy = "the network plugin "+plugin+" was recognised, which enforces NetworkPolicies if it is well", ""
	}
	e.findings = append(e.findings, f)
}

const runAgain = "run its TenantScore"

func (e *examiner) tenant(s tenant.TenantScore) {
	name := s.TenantConfig.Name
	want, err := s.Desired(e.in.Platform)
	if err != nil {
		e.find(name, GuaranteeBoundary, "change its TenantScore", []string{err.Error()})
		return
	}
	have, ok := e.namespaces[name]
	if !ok || !have.Namespace.Managed || have.Namespace.Terminating {
		e.find(name, GuaranteeBoundary, runAgain, []string{"the namespace " + name + " is not there, not Polyphony's, or being deleted"})
		return
	}
	want.Namespace.Roster = have.Namespace.Roster // which is the rosters' business
	e.find(name, GuaranteeBoundary, runAgain, slices.Concat(differences("Namespace "+name, have.Namespace, want.Namespace), e.beyond(have, topology.KindNamespace)))
	e.find(name, GuaranteeQuota, runAgain, slices.Concat(optional("Quota "+name, have.Quota, want.Quota), e.beyond(have, topology.KindQuota)))
	e.find(name, GuaranteeLimits, runAgain, slices.Concat(optional("LimitRange "+name, have.LimitRange, want.LimitRange), e.beyond(have, topology.KindLimitRange)))
	e.find(name, GuaranteeNetwork, "run its TenantScore; remove policies of others, or put what they are for into networkIsolation", e.network(name, want.Network))
	e.find(name, GuaranteeAccess, "run its TenantScore; remove grants of others", slices.Concat(e.access(name, want.Access), e.extra[name]))
	e.find(name, GuaranteeIsolation, "remove the grant", e.trespasses[name])
	e.find(name, GuaranteeVolumes, "find out whose data it is, and delete the claim that is not meant", e.volumes(name))
}

// beyond lists the differences that values of a kind cannot express.
func (e *examiner) beyond(have topology.NamespaceInspection, kind topology.Kind) []string {
	var lines []string
	for _, f := range have.Beyond[kind] {
		lines = append(lines, have.Namespace.Name+": "+f.String())
	}
	return lines
}

// differences are those between what is in force and what should be.
func differences[V any](what string, have, want V) []string {
	var lines []string
	for _, f := range adapter.Diff(have, want) {
		lines = append(lines, what+": "+f.Path+" is "+orNothing(f.From)+" and should be "+orNothing(f.To))
	}
	return lines
}

func orNothing(text string) string {
	if text == "" {
		return "not there"
	}
	return text
}

func optional[V any](what string, have *V, want V) []string {
	if have == nil {
		return []string{what + " is not there"}
	}
	return differences(what, *have, want)
}

// network compares the tenant's own policy as a whole, and looks for policies of others that open more than its own pods to each other.
func (e *examiner) network(name string, want topology.NetworkRules) []string {
	own := want.Policy()
	lines := []string{"NetworkPolicy " + name + "/" + own.Name + " is not there"}
	var foreign []string
	for _, p := range e.policies[name] {
		if p.Name == own.Name {
			lines = ownPolicy(p, own)
			continue
		}
		foreign = append(foreign, opens(p, "ingress", p.Ingress)...)
		foreign = append(foreign, opens(p, "egress", p.Egress)...)
	}
	return slices.Concat(lines, foreign)
}

// ownPolicy compares the tenant's own policy. One that says nothing of a direction leaves it open.
func ownPolicy(have, want netpolicy.Policy) []string {
	what := "NetworkPolicy " + have.Namespace + "/" + have.Name
	var lines []string
	if have.Ingress == nil {
		lines, have.Ingress = append(lines, what+" is not about ingress, which is open then"), want.Ingress
	}
	if have.Egress == nil {
		lines, have.Egress = append(lines, what+" is not about egress, which is open then"), want.Egress
	}
	return append(lines, differences(what, have, want)...)
}

// opens are the rules of a policy that are about more than the pods of its own namespace.
func opens(p netpolicy.Policy, direction string, rules *netpolicy.Rules) []string {
	if rules == nil {
		return nil
	}
	var lines []string
	for _, rule := range *rules {
		isElsewhere := func(peer netpolicy.Peer) bool { return peer.CIDR != "" || peer.Namespaces != nil }
		if len(rule.Peers) == 0 || slices.ContainsFunc(rule.Peers, isElsewhere) {
			lines = append(lines, "NetworkPolicy "+p.Namespace+"/"+p.Name+" is somebody else's and allows "+direction+" with "+rule.String())
		}
	}
	return lines
}

// access compares the grants of Polyphony in the tenant with those of its Score.
func (e *examiner) access(name string, want topology.Access) []string {
	have := topology.Access{Namespace: name}
	for _, g := range e.in.Grants {
		if g.Namespace == name && isTenantRole(g) {
			have.Grants = append(have.Grants, topology.Grant{Role: g.TenantRole, Rules: g.Rules, Subjects: g.Subjects})
		}
	}
	slices.SortFunc(have.Grants, byRole)
	slices.SortFunc(want.Grants, byRole)
	return differences("the rights in "+name, have, want)
}

func byRole(a, b topology.Grant) int { return strings.Compare(a.Role, b.Role) }

// isTenantRole reports whether a binding stands for one of the roles that a Score gives.
func isTenantRole(b rbac.Binding) bool {
	return slices.Contains(tenant.Roles(), tenant.Role(b.TenantRole))
}

func (e *examiner) volumes(name string) []string {
	var lines []string
	for _, b := range e.in.Bindings {
		if b.ForNamespace != "" && b.Namespace != b.ForNamespace && (b.Namespace == name || b.ForNamespace == name) {
			lines = append(lines, "PersistentVolumeClaim "+b.Namespace+"/"+b.Claim+" names the volume "+b.Volume+", which is "+b.ForNamespace+"/"+b.ForClaim+"'s")
		}
	}
	return lines
}
