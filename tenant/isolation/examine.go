package isolation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// Examine compares an Inspection with the Scores. It sends no request. The Score must be valid, and
// the Inspection must be a value that a topology returned. The JSON of an Inspection leaves out
// some of what Examine needs, such as whether a namespace is managed.
func (s Score) Examine(in topology.Inspection) Report {
	x := newExaminer(in, s.Tenants)
	x.checkGuardrails(topology.GuardrailsWithout(s.Without))
	x.checkEnforcement()
	for _, t := range s.Tenants {
		x.checkTenant(t)
	}
	return Report{
		Format: ReportFormat, Topology: in.Topology, Version: in.Readiness.Version, At: in.At, Digest: digest(in),
		Findings: x.findings,
	}
}

// digest returns the SHA-256 of the Inspection without its time, in hexadecimal.
func digest(in topology.Inspection) string {
	in.At = time.Time{}
	data, _ := json.Marshal(in) // strings, numbers and amounts always marshal
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// examiner has the Inspection by namespace, and collects the findings.
//
// Every decision depends on typed values. A guarantee is broken if there is any witness; nothing
// reads the text of a witness.
type examiner struct {
	in         topology.Inspection
	namespaces map[string]topology.NamespaceInspection
	policies   map[string][]netpolicy.Policy // by namespace
	grants     grantExaminer
	findings   []Finding
}

func newExaminer(in topology.Inspection, tenants []tenant.TenantScore) *examiner {
	x := &examiner{
		in:         in,
		namespaces: map[string]topology.NamespaceInspection{},
		policies:   map[string][]netpolicy.Policy{},
		grants:     examineGrants(in, tenants),
	}
	for _, ns := range in.Namespaces {
		x.namespaces[ns.Namespace.Name] = ns
	}
	for _, p := range in.Policies {
		x.policies[p.Namespace] = append(x.policies[p.Namespace], p)
	}
	return x
}

// addFinding adds a finding, which is broken if there is a witness.
func (x *examiner) addFinding(tenant string, guarantee Guarantee, remedy string, witnesses ...[]string) {
	f := Finding{Tenant: tenant, Guarantee: guarantee, Status: Enforced}
	if lines := slices.Concat(witnesses...); len(lines) > 0 {
		f.Status, f.Remedy = Broken, remedy
		f.Witness = strings.Join(summary.Shorten(lines, summary.MaxLines), "; ")
	}
	x.findings = append(x.findings, f)
}

func (x *examiner) checkGuardrails(want []topology.Guardrail) {
	var missing []string
	for _, rule := range want {
		if !slices.Contains(x.in.Guardrails.Rules, rule) {
			missing = append(missing,
				"the rule "+string(rule)+" is not installed, or is not what this release installs")
		}
	}
	x.addFinding("", GuaranteeGuardrails, "run guardrails.Score", missing)
}

func (x *examiner) checkEnforcement() {
	f := Finding{Guarantee: GuaranteeEnforcement, Status: Declared}
	if plugin := x.in.Readiness.NetworkPlugin; plugin != "" {
		f.Witness = "the network plugin is " + plugin + ", which enforces network policies while it works"
	} else {
		f.Witness = "no known network plugin was found"
		f.Remedy = "check that something enforces network policies"
	}
	x.findings = append(x.findings, f)
}

// What to do about a broken guarantee.
const (
	remedyRun       = "run its tenant.TenantScore"
	remedyChange    = "change its tenant.TenantScore"
	remedyNetwork   = remedyRun + "; remove other policies, or allow in networkIsolation what they are for"
	remedyAccess    = remedyRun + "; remove other grants"
	remedyIsolation = "remove the grant"
	remedyVolumes   = "find out whose data it is, and delete the claim that should not have it"
)

func (x *examiner) checkTenant(s tenant.TenantScore) {
	name := s.TenantConfig.Name
	want, err := s.Desired(x.in.Platform)
	if err != nil {
		x.addFinding(name, GuaranteeBoundary, remedyChange, []string{err.Error()})
		return
	}
	have := x.namespaces[name]
	if problem := missing(name, have.Namespace); problem != "" {
		x.addFinding(name, GuaranteeBoundary, remedyRun, []string{problem})
		return
	}
	want.Namespace.Roster = have.Namespace.Roster // the TenantScore does not decide it
	x.addFinding(name, GuaranteeBoundary, remedyRun,
		differences("Namespace "+name, have.Namespace, want.Namespace), beyond(have, topology.KindNamespace))
	x.addFinding(name, GuaranteeQuota, remedyRun,
		optional("Quota "+name, have.Quota, want.Quota), beyond(have, topology.KindQuota))
	x.addFinding(name, GuaranteeLimits, remedyRun,
		optional("LimitRange "+name, have.LimitRange, want.LimitRange), beyond(have, topology.KindLimitRange))
	x.addFinding(name, GuaranteeNetwork, remedyNetwork, networkWitnesses(x.policies[name], want.Network.Policy()))
	x.addFinding(name, GuaranteeAccess, remedyAccess, x.accessDifferences(name, want.Access), texts(x.grants.excess[name]))
	x.addFinding(name, GuaranteeIsolation, remedyIsolation, texts(x.grants.crossTenant[name]))
	x.addFinding(name, GuaranteeVolumes, remedyVolumes, x.foreignVolumes(name))
}

// missing returns why a namespace cannot belong to a tenant. Empty: it can.
func missing(name string, have topology.Namespace) string {
	switch {
	case have.Name == "":
		return "Namespace " + name + " does not exist"
	case !have.Managed:
		return "Namespace " + name + " is not managed by Polyphony"
	case have.Terminating:
		return "Namespace " + name + " is being deleted"
	default:
		return ""
	}
}

// beyond returns a line for each difference that values of the kind cannot express.
func beyond(have topology.NamespaceInspection, kind topology.Kind) []string {
	var lines []string
	for _, f := range have.Beyond[kind] {
		lines = append(lines, have.Namespace.Name+": "+f.String())
	}
	return lines
}

// differences returns a line for each field whose value in force is not the wanted one.
func differences[V any](object string, have, want V) []string {
	var lines []string
	for _, f := range adapter.Diff(have, want) {
		var text string
		switch {
		case f.From == "":
			text = "is missing and should be " + f.To
		case f.To == "":
			text = "is " + f.From + " and should not be there"
		default:
			text = "is " + f.From + " and should be " + f.To
		}
		lines = append(lines, object+": "+f.Path+" "+text)
	}
	return lines
}

// optional returns the differences of a value that is nil if it does not exist.
func optional[V any](object string, have *V, want V) []string {
	if have == nil {
		return []string{object + " does not exist"}
	}
	return differences(object, *have, want)
}

// accessDifferences returns a line for each difference between the roles in force in the namespace
// and those of the Score.
func (x *examiner) accessDifferences(name string, want topology.Access) []string {
	have := topology.Access{Namespace: name}
	for _, b := range x.in.Grants {
		if b.Namespace == name && isTenantRole(b) {
			have.Grants = append(have.Grants, topology.Grant{Role: b.TenantRole, Rules: b.Rules, Subjects: b.Subjects})
		}
	}
	return differences("the rights in "+name, have, want)
}

// isTenantRole reports whether a binding has the place of one for a role of a TenantScore.
func isTenantRole(b rbac.Binding) bool {
	return slices.Contains(tenant.Roles(), tenant.Role(b.TenantRole))
}

// foreignVolumes returns a line for each volume that is reserved for one namespace and named by a
// claim in another, if either of the two is the tenant's.
func (x *examiner) foreignVolumes(name string) []string {
	var lines []string
	for _, b := range x.in.Bindings {
		crosses := b.ForNamespace != "" && b.Namespace != b.ForNamespace
		if crosses && (b.Namespace == name || b.ForNamespace == name) {
			lines = append(lines, fmt.Sprintf(
				"PersistentVolumeClaim %s/%s names the volume %s, which is reserved for %s/%s",
				b.Namespace, b.Claim, b.Volume, b.ForNamespace, b.ForClaim))
		}
	}
	return lines
}

// texts returns what each value prints.
func texts[V fmt.Stringer](values []V) []string {
	lines := make([]string, len(values))
	for i, v := range values {
		lines[i] = v.String()
	}
	return lines
}
