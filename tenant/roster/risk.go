package roster

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Risk is what a person should look at before a plan is applied.
type Risk string

// The risks, gravest first.
const (
	RiskDeletes  Risk = "deletes the tenant with all its data"
	RiskUnfences Risk = "takes a fence away, or lowers one"
	RiskOpens    Risk = "changes who may connect"
	RiskWidens   Risk = "gives rights"
	RiskRaises   Risk = "raises what may be used"
)

var risks = []Risk{RiskDeletes, RiskUnfences, RiskOpens, RiskWidens, RiskRaises}

// gravityOf is the place of the gravest of the risks, after all that there are if there is none.
func gravityOf(found []Risk) int {
	if len(found) == 0 {
		return len(risks)
	}
	return slices.Index(risks, found[0])
}

// risksOf are those of a tenant's changes. What a new tenant gets is not riskous to anybody who is there, save that it may read what they have.
func risksOf(changes []topology.Change) []Risk {
	isNew := slices.ContainsFunc(changes, func(c topology.Change) bool { return c.Kind == "Namespace" && c.Action == topology.Created })
	var found []Risk
	for _, c := range changes {
		if !isNew || c.Kind == "ClusterReaders" {
			found = append(found, risksIn(c)...)
		}
	}
	slices.SortFunc(found, func(a, b Risk) int { return cmp.Compare(slices.Index(risks, a), slices.Index(risks, b)) })
	return slices.Compact(found)
}

func risksIn(c topology.Change) []Risk {
	switch c.Action {
	case topology.Deleted:
		return map[topology.Kind][]Risk{"Namespace": {RiskDeletes}, "Quota": {RiskUnfences}, "LimitRange": {RiskUnfences}, "NetworkRules": {RiskUnfences}}[c.Kind]
	case topology.Created:
		return map[topology.Kind][]Risk{"Access": {RiskWidens}, "ClusterReaders": {RiskWidens}}[c.Kind]
	default:
	}
	var found []Risk
	for _, f := range c.Fields {
		if strings.HasPrefix(f.Path, "metadata.ownerReferences[") { // which are only ever taken off
			continue
		}
		if d := riskOf(c.Kind, f); d != "" {
			found = append(found, d)
		}
	}
	return found
}

// riskOf is that of one field. What of it cannot be told counts as riskous: a plan is for looking at.
func riskOf(kind topology.Kind, f topology.FieldChange) Risk {
	switch kind {
	case "Namespace":
		return riskOfBoundary(f)
	case "NetworkRules":
		if mayOpen(f) {
			return RiskOpens
		}
	case "Access", "ClusterReaders":
		if mayGive(f) {
			return RiskWidens
		}
	case "Quota":
		return riskOfBound(f)
	case "LimitRange":
		if setting := settings.FindStringSubmatch(f.Path); setting == nil || setting[1] != "min" && (setting[1] != "defaultRequest" || f.To != "") {
			return riskOfBound(f)
		}
	}
	return ""
}

// settings are the parts of a limit. A min bounds nothing from above, and a request that is no longer given must be stated.
var settings = regexp.MustCompile(`^limits\[\w+\]\.(\w+)\[`)

func riskOfBoundary(f topology.FieldChange) Risk {
	switch {
	case f.Path == "podSecurity" && strictness(f.To) < strictness(f.From), f.Path == "protected" && f.To != "true":
		return RiskUnfences
	case strings.HasPrefix(f.Path, "labels[") && f.To != "": // by which network rules of others may let it in
		return RiskOpens
	case strings.HasPrefix(f.Path, "allowed.") && grows(f.From, f.To):
		return RiskWidens
	default:
		return ""
	}
}

// oneRule is the path of a rule, or of one of its peers or ports. One less is less, as the last one is none, which has a text.
var oneRule = regexp.MustCompile(`^(in|e)gress\[\d+\](\.(peers|ports)\[\d+\])?$`)

// mayOpen tells whether a change of network rules may let somebody through. Most that says what a peer is, taken away, does.
func mayOpen(f topology.FieldChange) bool {
	switch {
	case strings.HasSuffix(f.Path, "].peers") && f.From == "everybody", strings.HasSuffix(f.Path, "].ports") && f.From == "every port":
		return false
	case strings.HasSuffix(f.Path, "].except"):
		return grows(f.To, f.From)
	default:
		return f.To != "" || !oneRule.MatchString(f.Path)
	}
}

// mayGive tells whether a change of rights may give one.
func mayGive(f topology.FieldChange) bool {
	switch f.Path[strings.LastIndex(f.Path, ".")+1:] {
	case "apiGroups", "resources", "verbs", "groups":
		return grows(f.From, f.To)
	case "resourceNames": // none is every object
		return f.To == "" || f.From != "" && grows(f.From, f.To)
	default:
		return f.To != "" || !strings.HasSuffix(f.Path, "]") // one grant, rule or subject less is less
	}
}

// grows tells whether a list, as a change has it, has something in the end that it did not have. What is no list does if it is anything.
func grows(from, to string) bool {
	if to == "" || to == "false" {
		return false
	}
	var before, after []string
	if json.Unmarshal([]byte(to), &after) != nil || from != "" && json.Unmarshal([]byte(from), &before) != nil {
		return true
	}
	return slices.ContainsFunc(after, func(s string) bool { return !slices.Contains(before, s) })
}

// riskOfBound is that of a number that bounds what may be used.
func riskOfBound(f topology.FieldChange) Risk {
	switch {
	case f.To == "":
		return RiskUnfences
	case isMore(f):
		return RiskRaises
	default:
		return ""
	}
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
