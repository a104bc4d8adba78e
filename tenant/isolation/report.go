package isolation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/internal/summary"
)

// Guarantee is one part of isolation.
type Guarantee string

// The guarantees. Those of the topology as a whole are GuaranteeGuardrails and
// GuaranteeEnforcement.
const (
	// GuaranteeBoundary means that the namespace exists, and that its pod security, labels and
	// allowances are those of the Score. If the namespace is missing, or the platform cannot
	// satisfy the Score, this is the only finding of the tenant.
	GuaranteeBoundary Guarantee = "boundary"

	// GuaranteeQuota means that the quota is that of the Score.
	GuaranteeQuota Guarantee = "quota"

	// GuaranteeLimits means that the default, minimum and maximum amounts of containers, pods and
	// claims are those of the Score.
	GuaranteeLimits Guarantee = "limits"

	// GuaranteeNetwork means that the tenant's own network policy is that of the Score, and that no
	// other policy in the namespace allows connections with anything but pods of the same
	// namespace.
	GuaranteeNetwork Guarantee = "network"

	// GuaranteeAccess means that the members have the roles of the Score in the namespace, and that
	// no other grant lets a principal of the tenant change what isolates it.
	GuaranteeAccess Guarantee = "access"

	// GuaranteeIsolation means that no grant gives a right in the namespace to a principal of
	// another tenant, to every user, or to a service account of a namespace that does not exist.
	// Nor does a grant give a right elsewhere to a principal of the tenant, except for what cluster
	// visibility lets its groups read.
	//
	// The principals of a tenant are the members in its Score and the service accounts of its
	// namespace. Questions about oneself and public certificates do not count as rights.
	GuaranteeIsolation Guarantee = "isolation"

	// GuaranteeVolumes means that no claim of the tenant names a volume that is reserved for
	// another namespace, and that no claim of another namespace names a volume that is reserved for
	// the tenant.
	GuaranteeVolumes Guarantee = "volumes"

	// GuaranteeGuardrails means that every guardrail is stored as this release installs it, except
	// for those in [Score.Without].
	GuaranteeGuardrails Guarantee = "guardrails"

	// GuaranteeEnforcement means that something enforces network policies. It is always Declared.
	GuaranteeEnforcement Guarantee = "network enforcement"
)

// Status is the result for one guarantee.
type Status string

// The statuses.
const (
	Enforced Status = "enforced" // what is stored is what the Scores promise
	Broken   Status = "broken"   // it is not; the finding has a witness
	Declared Status = "declared" // the API cannot answer it; see the witness
)

// Finding is the result for one guarantee of one tenant, or of the topology as a whole.
type Finding struct {
	Tenant    string    `json:"tenant,omitempty"` // its name; empty: the topology as a whole
	Guarantee Guarantee `json:"guarantee"`        // what was examined
	Status    Status    `json:"status"`           // the result

	// Witness names the objects that decide, for people. It is empty if the guarantee is enforced.
	Witness string `json:"witness,omitempty"`

	// Remedy tells people how to repair the guarantee. It is empty if nothing needs repair.
	Remedy string `json:"remedy,omitempty"`
}

// String prints the finding in one line.
func (f Finding) String() string {
	text := string(f.Guarantee) + " " + string(f.Status)
	if f.Tenant != "" {
		text = f.Tenant + ": " + text
	}
	if f.Witness != "" {
		text += ": " + f.Witness
	}
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return text
}

// ReportFormat is the version of the JSON of reports. Within one version a field keeps its meaning,
// and no field is removed.
const ReportFormat = 1

// Report has the findings of one examination. It can be kept as JSON.
type Report struct {
	Format   int       `json:"format"`   // see ReportFormat
	Topology string    `json:"topology"` // its name
	Version  string    `json:"version"`  // of the infrastructure, such as "v1.34.2"
	At       time.Time `json:"at"`       // when it was read
	Digest   string    `json:"digest"`   // SHA-256 of the JSON of the Inspection without its time, in hex

	// Findings has the two of the topology first, and then those of each tenant in the order of
	// [Score.Tenants].
	Findings []Finding `json:"findings"`
}

// Broken returns the findings whose guarantee is broken.
func (r Report) Broken() []Finding {
	var broken []Finding
	for _, f := range r.Findings {
		if f.Status == Broken {
			broken = append(broken, f)
		}
	}
	return broken
}

// String prints one line for each finding that is not enforced, and how many are.
func (r Report) String() string {
	var b strings.Builder
	enforced := 0
	for _, f := range r.Findings {
		if f.Status == Enforced {
			enforced++
		} else {
			b.WriteString(f.String() + "\n")
		}
	}
	fmt.Fprintf(&b, "%d of %d guarantees on %s enforced", enforced, len(r.Findings), r.Topology)
	return b.String()
}

// ErrNotIsolated is the sentinel that an [*Error] unwraps to.
var ErrNotIsolated = errors.New("not isolated")

// Error is the error of a Score that found a broken guarantee.
type Error struct {
	Report Report // all findings, not only the broken ones
}

// Error names the broken guarantees, at most twenty findings.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Report.Broken() {
		lines = append(lines, f.String())
	}
	broken := strings.Join(summary.Shorten(lines, summary.MaxLines), "\n\t")
	return fmt.Sprintf("not isolated on %s: %s", e.Report.Topology, broken)
}

// Unwrap returns ErrNotIsolated.
func (e *Error) Unwrap() error { return ErrNotIsolated }
