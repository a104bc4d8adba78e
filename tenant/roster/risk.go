package roster

import (
	"cmp"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// Risk is a reason to look at a plan before it is applied. It is computed from the values before
// and after a change, never from what the change prints.
//
// A plan names a risk if a fence lets through what it did not, and names none otherwise. Each fence
// is judged by itself: a higher quota is a risk though a limit may keep the tenant from using it.
//
// Risks are totally ordered, the gravest first, as the constants are listed. The risks of a tenant
// have that order, and so have the tenants of a plan, each by its gravest risk.
//
// The value is a code for programs, and stays the same in every release. [Risk.String] returns the
// sentence for people, and its wording may change.
type Risk string

// The risks, gravest first.
const (
	// RiskDeletes is the removal of a tenant: nothing brings its data back.
	RiskDeletes Risk = "deletes"

	// RiskUnfences is a fence that disappears or becomes weaker: a laxer level of pod security, no
	// deletion protection, or an amount that becomes unlimited.
	RiskUnfences Risk = "unfences"

	// RiskOpens is a connection that was refused, or another set of labels on the namespace: rules
	// of others may select it by a label that is there, and by one that is missing.
	RiskOpens Risk = "opens"

	// RiskWidens is a right, a group that may read other namespaces, or something that guardrails
	// refused.
	RiskWidens Risk = "widens"

	// RiskAdmits is a pod or claim that limits refused: a lower minimum, or defaults with which it
	// fits.
	RiskAdmits Risk = "admits"

	// RiskRaises is a larger amount: a quota, a maximum, or a default.
	RiskRaises Risk = "raises"
)

var riskSentences = map[Risk]string{
	RiskDeletes:  "deletes the tenant with all its data",
	RiskUnfences: "removes or weakens a fence",
	RiskOpens:    "changes who may connect",
	RiskWidens:   "gives rights",
	RiskAdmits:   "admits objects that were refused",
	RiskRaises:   "raises what may be used",
}

// String returns the risk as a sentence for people, without a subject or a full stop. It returns
// the code of a risk that this release does not know.
func (r Risk) String() string { return cmp.Or(riskSentences[r], string(r)) }

var allRisks = []Risk{RiskDeletes, RiskUnfences, RiskOpens, RiskWidens, RiskAdmits, RiskRaises}

// gravity orders risks: 0 is the gravest.
func gravity(r Risk) int { return slices.Index(allRisks, r) }

// tenantGravity returns the gravity of a tenant with the given risks, gravest first: that of the
// first one. A tenant without risks comes after all others.
func tenantGravity(sorted []Risk) int {
	if len(sorted) == 0 {
		return len(allRisks)
	}
	return gravity(sorted[0])
}

// risksOf returns the risks of the changes of one tenant, gravest first, each once. What a new
// tenant gets is not a risk to others, except that it may read what they have.
func risksOf(changes []topology.Change) []Risk {
	isNew := slices.ContainsFunc(changes, func(c topology.Change) bool {
		return c.Kind == topology.KindNamespace && c.Action == topology.Created
	})
	var found []Risk
	for _, c := range changes {
		if !isNew || c.Kind == topology.KindClusterReaders {
			found = append(found, risksIn(c)...)
		}
	}
	slices.SortFunc(found, func(a, b Risk) int { return cmp.Compare(gravity(a), gravity(b)) })
	return slices.Compact(found)
}

// comparison finds the risks of a change between two values of one kind.
type comparison struct {
	// risks reports false if a value is not of the type that the kind has.
	risks func(before, after any) (found []Risk, ok bool)

	// absent is compared with a value that appears, as the value that an existing tenant has
	// without one. Nil: a value that appears only restricts the tenant, and has no risk.
	absent any

	deleted []Risk // the risks if the value disappears
	unknown Risk   // the risk if a value is missing, of another type, or inexact
}

// comparisons has one comparison for each kind of value that a tenant has. Changes of other kinds
// have no known risk.
var comparisons = map[topology.Kind]comparison{
	topology.KindNamespace:    {risks: comparing(risksOfNamespace), deleted: []Risk{RiskDeletes}, unknown: RiskUnfences},
	topology.KindNetworkRules: {risks: comparing(risksOfNetwork), deleted: []Risk{RiskUnfences}, unknown: RiskOpens},
	topology.KindQuota:        {risks: comparing(risksOfQuota), deleted: []Risk{RiskUnfences}, unknown: RiskUnfences},
	topology.KindLimitRange: {
		risks: comparing(risksOfLimits), absent: topology.LimitRange{},
		deleted: []Risk{RiskUnfences}, unknown: RiskUnfences,
	},
	topology.KindAccess:         {risks: comparing(risksOfAccess), absent: topology.Access{}, unknown: RiskWidens},
	topology.KindClusterReaders: {risks: comparing(risksOfReaders), absent: topology.ClusterReaders{}, unknown: RiskWidens},
}

// comparing returns a comparison of two values of any type. It reports false if a value is not a V.
func comparing[V any](risks func(before, after V) []Risk) func(before, after any) ([]Risk, bool) {
	return func(before, after any) ([]Risk, bool) {
		from, ok := before.(V)
		to, ok2 := after.(V)
		if !ok || !ok2 {
			return nil, false
		}
		return risks(from, to), true
	}
}

// risksIn returns the risks of one change. An update with unknown values counts as risky, because
// plans are for review.
func risksIn(c topology.Change) []Risk {
	compare, ok := comparisons[c.Kind]
	before := c.Before
	switch {
	case !ok:
		return nil
	case c.Action == topology.Deleted:
		return compare.deleted
	case c.Action == topology.Created && compare.absent != nil:
		before = compare.absent
	case c.Action != topology.Updated:
		return nil
	}
	found, ok := compare.risks(before, c.After)
	if !ok || c.Inexact {
		found = append(found, compare.unknown)
	}
	return found
}
