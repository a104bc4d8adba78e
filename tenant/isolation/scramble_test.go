package isolation_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// scrambled is the fake with other texts in everything that is for people, and with lists in
// another order where no order is promised. Names of subjects, roles and namespaces stay, since
// they are values that decide.
type scrambled struct {
	faketest.Edited
	edit func(*topology.Inspection) // adds what the fake cannot hold; nil: nothing
	text *string                    // nil: nothing is scrambled
}

func (s scrambled) Name() string {
	if s.text == nil {
		return s.Topology.Name()
	}
	return *s.text
}

func (s scrambled) Inspect(ctx context.Context) (topology.Inspection, error) {
	in, err := s.Topology.Inspect(ctx)
	if s.edit != nil {
		s.edit(&in)
	}
	if s.text != nil {
		scrambleNames(&in, *s.text)
		shuffle(&in)
	}
	return in, err
}

// scrambleNames replaces every text that is for people.
func scrambleNames(in *topology.Inspection, text string) {
	in.Topology, in.Readiness.Version = text, text
	if in.Readiness.NetworkPlugin != "" {
		in.Readiness.NetworkPlugin = "plugin " + text
	}
	for i := range in.Namespaces {
		beyond := maps.Clone(in.Namespaces[i].Beyond)
		for kind, fields := range beyond {
			beyond[kind] = slices.Repeat([]topology.FieldChange{{Path: text, From: text, To: text}}, len(fields))
		}
		in.Namespaces[i].Beyond = beyond
	}
	for i := range in.Grants {
		in.Grants[i].Name, in.Grants[i].Role.Name = text, text
	}
	for i := range in.Policies {
		in.Policies[i].Name = text
	}
	for i := range in.Bindings {
		b := &in.Bindings[i]
		b.Claim, b.Volume, b.ForClaim = text, text, text
	}
}

// shuffle gives each list whose order means nothing another order, the same in each run.
func shuffle(in *topology.Inspection) {
	random := rand.New(rand.NewPCG(1, 2))
	in.Grants = shuffled(random, in.Grants)
	in.Policies = shuffled(random, in.Policies)
	in.Bindings = shuffled(random, in.Bindings)
	in.Namespaces = shuffled(random, in.Namespaces)
	in.Guardrails.Rules = shuffled(random, in.Guardrails.Rules)
}

func shuffled[V any](random *rand.Rand, list []V) []V {
	list = slices.Clone(list)
	slices.Reverse(list) // a list of two changes too
	random.Shuffle(len(list)/2, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// scrambleChange returns an edit that scrambles what a change prints.
func scrambleChange(text *string) func(*topology.Change) {
	return func(c *topology.Change) {
		if text == nil {
			return
		}
		c.Name, c.Fields = *text, slices.Clone(c.Fields)
		for i := range c.Fields {
			c.Fields[i] = topology.FieldChange{Path: *text, From: *text, To: *text}
		}
	}
}

// world is a topology with two tenants, in which something may be broken.
type world struct {
	name  string
	plant func(fake.Outsider)
	edit  func(*topology.Inspection)
}

// worlds returns one that is isolated, and at least one for each guarantee that is broken.
func worlds(t *testing.T) []world {
	all := []world{{name: "isolated"}}
	for _, leak := range leaks() {
		all = append(all, world{name: leak.name, plant: leak.plant})
	}
	return append(all,
		world{name: "fields that values cannot express", edit: func(in *topology.Inspection) {
			namespaceOf(t, *in, "globex").Beyond = map[topology.Kind][]topology.FieldChange{
				topology.KindNamespace:  {{Path: "metadata.labels[team]", From: "a", To: "b"}},
				topology.KindQuota:      {{Path: "spec.scopes", From: "Terminating"}},
				topology.KindLimitRange: {{Path: "spec.limits[1]", To: "x"}, {Path: "spec.limits[2]"}},
			}
		}},
		world{name: "a volume of another tenant", edit: func(in *topology.Inspection) {
			in.Bindings = []topology.VolumeBinding{
				{Namespace: "acme", Claim: "a", Volume: "v", ForNamespace: "globex", ForClaim: "b"},
			}
		}},
		world{name: "a known network plugin", edit: func(in *topology.Inspection) {
			in.Readiness.NetworkPlugin = "cilium"
		}},
		world{name: "a second policy that is managed", edit: func(in *topology.Inspection) {
			second := managedPolicy(t, *in).Clone()
			second.Name = "copy"
			in.Policies = append(in.Policies, second)
		}},
		world{name: "a policy with the name of the managed one, which is not managed", edit: func(in *topology.Inspection) {
			managedPolicy(t, *in).Managed = false
		}},
		world{name: "a missing guardrail", edit: func(in *topology.Inspection) {
			in.Guardrails.Rules = in.Guardrails.Rules[1:]
		}},
	)
}

// provision returns the world with its tenants. Every text is scrambled from the first change on.
func (w world) provision(t *testing.T, text *string) (isolation.Topology, isolation.Score) {
	t.Helper()
	edited := faketest.Edited{Topology: fake.New(fake.Options{}), Edit: scrambleChange(text)}
	top := scrambled{edited, w.edit, text}
	s := isolation.Score{Tenants: twoTenants()}
	_, err := score.Run(t.Context(), guardrails.Score{}.On(top), s.Tenants[0].On(top), s.Tenants[1].On(top))
	require.NoError(t, err)
	if w.plant != nil {
		w.plant(top.Outsider())
	}
	return top, s
}

// scramblings are texts that stand in the place of every other text. Some of them mean something
// elsewhere.
var scramblings = []string{
	"", "x", "acme", "cilium", "everybody", "metadata.labels", "podSecurity", "polyphony-developer",
	"RoleBinding globex/polyphony-developer",
}

// decision takes a topology to a report, as the Score does.
type decision func(*testing.T, isolation.Topology, isolation.Score) isolation.Report

// byScore is the decision of the Score itself.
func byScore(t *testing.T, top isolation.Topology, s isolation.Score) isolation.Report {
	var report isolation.Report
	s.Report = func(r isolation.Report) { report = r }
	_, err := score.Run(t.Context(), s.On(top))
	if len(report.Broken()) > 0 {
		require.ErrorIs(t, err, isolation.ErrNotIsolated)
	} else {
		require.NoError(t, err)
	}
	return report
}

// scrambledVerdicts returns the worlds and texts for which scrambling changes a verdict.
func scrambledVerdicts(t *testing.T, decide decision) []string {
	t.Helper()
	var changed []string
	for _, w := range worlds(t) {
		top, s := w.provision(t, nil)
		want := verdicts(decide(t, top, s))
		for _, text := range scramblings {
			top, s := w.provision(t, &text)
			if !slices.Equal(want, verdicts(decide(t, top, s))) {
				changed = append(changed, w.name+", scrambled to "+text)
			}
		}
	}
	return changed
}

func TestScoreDecidesByTypedValuesOnly(t *testing.T) {
	require.Empty(t, scrambledVerdicts(t, byScore))

	broken := map[isolation.Guarantee]bool{}
	for _, w := range worlds(t) {
		top, s := w.provision(t, nil)
		for _, f := range byScore(t, top, s).Broken() {
			broken[f.Guarantee] = true
		}
	}
	require.Len(t, broken, 8, "each guarantee that can break is broken in one of the worlds: %v", broken)
}

// rewritten is a topology whose Inspection is rewritten before the Score sees it.
type rewritten struct {
	isolation.Topology
	rewrite func(*topology.Inspection)
}

func (r rewritten) Inspect(ctx context.Context) (topology.Inspection, error) {
	in, err := r.Topology.Inspect(ctx)
	r.rewrite(&in)
	return in, err
}

// after returns the decision of a Score that derives values from text first.
func after(rewrite func(*topology.Inspection)) decision {
	return func(t *testing.T, top isolation.Topology, s isolation.Score) isolation.Report {
		return byScore(t, rewritten{top, rewrite}, s)
	}
}

// mutants are decisions that look at text, or at the order of a list.
var mutants = []struct {
	name   string
	decide decision
}{
	{"the role of a tenant is in the name of a binding", after(func(in *topology.Inspection) {
		for i := range in.Grants {
			b := &in.Grants[i]
			b.TenantRole, _ = strings.CutPrefix(b.Name, "polyphony-")
		}
	})},
	{"the role of a tenant is in what a binding prints", after(func(in *topology.Inspection) {
		for i := range in.Grants {
			b := &in.Grants[i]
			if b.TenantRole == "" {
				_, b.TenantRole, _ = strings.Cut(b.String(), "/polyphony-")
			}
		}
	})},
	{"the kind of a field is in its path", after(func(in *topology.Inspection) {
		for i := range in.Namespaces {
			ns, beyond := &in.Namespaces[i], map[topology.Kind][]topology.FieldChange{}
			for _, fields := range ns.Beyond {
				for _, f := range fields {
					kind := topology.KindQuota
					if strings.HasPrefix(f.Path, "metadata.") {
						kind = topology.KindNamespace
					} else if strings.HasPrefix(f.Path, "spec.limits") {
						kind = topology.KindLimitRange
					}
					beyond[kind] = append(beyond[kind], f)
				}
			}
			ns.Beyond = beyond
		}
	})},
	{"a field without a value does not differ", after(func(in *topology.Inspection) {
		isEmpty := func(f topology.FieldChange) bool { return f.From == "" && f.To == "" }
		for _, ns := range in.Namespaces {
			for kind, fields := range ns.Beyond {
				ns.Beyond[kind] = slices.DeleteFunc(slices.Clone(fields), isEmpty)
			}
		}
	})},
	{"a policy with the name of Polyphony's own is managed", after(func(in *topology.Inspection) {
		for i := range in.Policies {
			in.Policies[i].Managed = in.Policies[i].Name == "polyphony"
		}
	})},
	{"a volume of the same name is the tenant's own", after(func(in *topology.Inspection) {
		in.Bindings = slices.DeleteFunc(slices.Clone(in.Bindings), func(b topology.VolumeBinding) bool {
			return b.Claim == b.ForClaim
		})
	})},
	{"the last grant does not count", after(func(in *topology.Inspection) {
		in.Grants = in.Grants[:len(in.Grants)-1]
	})},
	{"the name of the network plugin is trusted", byWitness(func(f isolation.Finding) isolation.Status {
		if strings.Contains(f.Witness, "is cilium,") {
			return isolation.Enforced
		}
		return f.Status
	})},
	{"a witness that names a binding of Polyphony is no witness", byWitness(func(f isolation.Finding) isolation.Status {
		if strings.Contains(f.Witness, "/polyphony-") {
			return isolation.Enforced
		}
		return f.Status
	})},
}

// byWitness returns the decision of a Score that reads a status back from the text of a finding.
func byWitness(status func(isolation.Finding) isolation.Status) decision {
	return func(t *testing.T, top isolation.Topology, s isolation.Score) isolation.Report {
		report := byScore(t, top, s)
		for i, f := range report.Findings {
			report.Findings[i].Status = status(f)
		}
		return report
	}
}

// The positive control: a decision that looks at text is seen to fail.
func TestScramblingFindsDecisionsByText(t *testing.T) {
	for _, mutant := range mutants {
		t.Run(mutant.name, func(t *testing.T) {
			changed := scrambledVerdicts(t, mutant.decide)
			require.NotEmpty(t, changed)
			t.Log(len(changed), "verdicts changed, such as", changed[0])
		})
	}
}
