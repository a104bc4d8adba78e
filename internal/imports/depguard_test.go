package imports

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the depguard rules into .golangci.yml anew")

// The generated rules stand between these lines of .golangci.yml.
const (
	generatedFrom = "        # Generated from internal/imports/table_test.go: go test ./internal/imports -run Depguard -update\n"
	generatedTo   = "        # End of the generated rules.\n"
)

// TestDepguardRulesAreThoseOfTheTable keeps the linter and the layers test at one list.
func TestDepguardRulesAreThoseOfTheTable(t *testing.T) {
	file := filepath.Join(repository, ".golangci.yml")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), generatedFrom)
	require.True(t, ok, "%s has no line %q", file, generatedFrom)
	have, after, ok := strings.Cut(rest, generatedTo)
	require.True(t, ok, "%s has no line %q", file, generatedTo)
	want := depguardRules(supportPackages(t))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(before+generatedFrom+want+generatedTo+after), 0o644))
		return
	}
	require.Equal(t, want, have, "run go test ./internal/imports -run Depguard -update")
}

// TestDepguardRulesHaveNamesOfTheirOwn checks what YAML parsers do not: of two rules with one name,
// all but the last are lost without a word.
func TestDepguardRulesHaveNamesOfTheirOwn(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository, ".golangci.yml"))
	require.NoError(t, err)
	_, settings, ok := strings.Cut(string(data), "\n    depguard:\n")
	require.True(t, ok)
	_, rules, ok := strings.Cut(settings, "\n      rules:\n")
	require.True(t, ok)
	seen := map[string]bool{}
	for _, line := range strings.Split(rules, "\n") {
		if line != "" && !strings.HasPrefix(line, "        ") {
			break // the settings of the next linter
		}
		name := strings.TrimPrefix(line, "        ")
		if name == "" || strings.HasPrefix(name, " ") || strings.HasPrefix(name, "#") {
			continue
		}
		require.False(t, seen[name], "two rules are called %s", name)
		seen[name] = true
	}
	require.Greater(t, len(seen), len(layers), "the rules of the table, and those that are written by hand")
}

// supportPackages returns the packages for tests that exist, without those below another one. The
// linter denies by the beginning of a path, so it needs their names.
func supportPackages(t *testing.T) (support []string) {
	t.Helper()
	for _, p := range packages(t) {
		if own := p.own(); len(p.GoFiles) > 0 && isTestSupport(own) && !within(own, support) {
			support = append(support, own)
		}
	}
	slices.Sort(support)
	return support
}

// TestDepguardDeniesEveryTestSupport checks that the rule about tests names each package.
func TestDepguardDeniesEveryTestSupport(t *testing.T) {
	rules := depguardRules([]string{"internal/puppet", "tenant/vpn/vpntest"})
	_, rule, ok := strings.Cut(rules, "        tests:\n")
	require.True(t, ok)
	for _, denied := range []string{module + "/internal/puppet", module + "/tenant/vpn/vpntest", "github.com/google/go-cmp"} {
		require.Contains(t, rule, "            - pkg: "+denied+"\n")
	}
	support := supportPackages(t)
	for _, folder := range []string{
		"internal/faketest", "internal/kube/kubetest", "internal/puppet", "internal/testcluster", "internal/valuetest",
		"score/scoretest", "tenant/tenanttest", "topology/topologytest",
	} {
		require.Contains(t, support, folder)
	}
}

// depguardRules renders the table. Everything is allowed but what a rule denies, and of that again
// what it allows by a longer path. Support are the packages for tests.
func depguardRules(support []string) string {
	var b strings.Builder
	line := func(indent int, format string, args ...any) {
		b.WriteString(strings.Repeat(" ", indent) + fmt.Sprintf(format, args...) + "\n")
	}
	for _, l := range layers {
		line(8, "%s:", strings.NewReplacer("/...", "-below", "/*", "-each", "/", "-").Replace(l.path))
		line(10, "list-mode: lax")
		line(10, "files: [%s, \"!$test\"]", strings.Join(l.files(), ", "))
		if len(l.own)+len(l.others) > 0 {
			line(10, "allow:")
		}
		for _, own := range l.own {
			line(12, "- %s/%s$", module, own)
		}
		if strings.Contains(l.path, "*") { // it may import its own folder; the layers test knows which one that is
			line(12, "- %s/%s/", module, path.Dir(path.Dir(l.path)))
		}
		for _, other := range l.others {
			line(12, "- %s", other)
		}
		line(10, "deny:")
		line(12, "- pkg: %s", module)
		line(14, "desc: %q", l.why)
		for _, host := range []string{"github.com/", "go.", "golang.org/", "gopkg.in/", "k8s.io/", "sigs.k8s.io/"} {
			line(12, "- pkg: %s", host)
			line(14, "desc: %q", l.whyNoOthers())
		}
	}
	line(8, "tests:")
	line(10, "list-mode: lax")
	line(10, "files:")
	line(12, "- \"!${config-path}/**/*test/*.go\"")
	for _, folder := range testSupport {
		line(12, "- \"!${config-path}/%s/**\"", folder)
	}
	line(12, "- \"!$test\"")
	line(10, "deny:")
	for _, pkg := range testLibraries {
		line(12, "- pkg: %s", pkg)
		line(14, "desc: %q", whyTests)
	}
	for _, own := range support {
		line(12, "- pkg: %s/%s", module, own)
		line(14, "desc: %q", whyTests)
	}
	return b.String()
}

// files returns the patterns of the files of a layer. A tree is one level deep here, without the
// packages for tests; the layers test checks the levels below.
func (l layer) files() []string {
	folder, tree := strings.CutSuffix(l.path, "/...")
	if !tree {
		return []string{fmt.Sprintf("%q", "${config-path}/"+l.path+"/*.go")}
	}
	return []string{
		fmt.Sprintf("%q", "${config-path}/"+folder+"/*/*.go"),
		fmt.Sprintf("%q", "!${config-path}/"+folder+"/*test/*.go"),
	}
}

// whyNoOthers is why a layer imports no other packages of other modules.
func (l layer) whyNoOthers() string {
	return "everybody who imports " + l.path + " imports this too; it may import " + orNothing(l.others)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "the standard library only"
	}
	return "the standard library, " + strings.Join(list, ", ")
}
