package tenant

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Danger is what a person should look at before a plan is applied.
type Danger string

// The dangers, gravest first.
const (
	DangerDeletes Danger = "deletes the tenant with all its data"
	DangerUnfence Danger = "takes a fence away, or lowers one"
	DangerOpens   Danger = "changes who may connect"
	DangerWidens  Danger = "gives rights"
	DangerRaises  Danger = "raises what may be used"
)

var dangers = []Danger{DangerDeletes, DangerUnfence, DangerOpens, DangerWidens, DangerRaises}

// gravityOf is the place of the gravest of the dangers, after all that there are if there is none.
func gravityOf(found []Danger) int {
	if len(found) == 0 {
		return len(dangers)
	}
	return slices.Index(dangers, found[0])
}

// dangersOf are those of a tenant's changes. What a new tenant gets is not dangerous to anybody who is there.
func dangersOf(changes []topology.Change) []Danger {
	if slices.ContainsFunc(changes, func(c topology.Change) bool { return c.Kind == "Namespace" && c.Action == topology.Created }) {
		return nil
	}
	var found []Danger
	for _, c := range changes {
		found = append(found, dangersIn(c)...)
	}
	slices.SortFunc(found, func(a, b Danger) int { return cmp.Compare(slices.Index(dangers, a), slices.Index(dangers, b)) })
	return slices.Compact(found)
}

func dangersIn(c topology.Change) []Danger {
	switch {
	case c.Action == topology.Deleted:
		return map[string][]Danger{"Namespace": {DangerDeletes}, "Quota": {DangerUnfence}, "LimitRange": {DangerUnfence}, "NetworkRules": {DangerUnfence}}[c.Kind]
	case c.Action == topology.Created:
		return map[string][]Danger{"Access": {DangerWidens}, "ClusterReaders": {DangerWidens}}[c.Kind]
	}
	var found []Danger
	for _, f := range c.Fields {
		if d := dangerOf(c.Kind, f); d != "" {
			found = append(found, d)
		}
	}
	return found
}

// dangerOf is that of one field. What of it cannot be told counts as dangerous: a plan is for looking at.
func dangerOf(kind string, f topology.FieldChange) Danger {
	added := f.To != ""
	switch kind {
	case "Namespace":
		switch {
		case f.Path == "podSecurity" && strictness(f.To) < strictness(f.From), f.Path == "protected" && !added:
			return DangerUnfence
		case strings.HasPrefix(f.Path, "allowed.") && added:
			return DangerWidens
		}
	case "NetworkRules":
		if added || strings.Contains(f.Path, "peers") || strings.Contains(f.Path, "ports") { // fewer of these can be more: none is all
			return DangerOpens
		}
	case "Access", "ClusterReaders":
		if added {
			return DangerWidens
		}
	case "Quota", "LimitRange":
		if !added && !strings.Contains(f.Path, "efault") {
			return DangerUnfence
		}
		if isMore(f) && !strings.Contains(f.Path, ".min[") {
			return DangerRaises
		}
	}
	return ""
}

// strictness orders the levels of pod security. No level is none.
func strictness(level string) int {
	return slices.Index([]string{string(topology.PodSecurityPrivileged), string(topology.PodSecurityBaseline), string(topology.PodSecurityRestricted)}, level)
}

// isMore tells whether an amount grows, or is none that could be compared. A bound where there was none is less.
func isMore(f topology.FieldChange) bool {
	if f.From == "" {
		return false
	}
	from, err := resource.ParseQuantity(f.From)
	to, err2 := resource.ParseQuantity(f.To)
	return err != nil || err2 != nil || to.Cmp(from) > 0
}
