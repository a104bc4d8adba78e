// Package examples tests that the documents quote code that compiles and output that is printed,
// and that their links lead somewhere.
package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(data)
}

// readAll returns the text of every file that matches the pattern, one after the other.
func readAll(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	var all strings.Builder
	for _, file := range files {
		all.WriteString(read(t, file) + "\n")
	}
	return all.String()
}

// documents returns the README and the guides.
func documents(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob(filepath.Join("..", "docs", "guides", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, guides)
	return append(guides, filepath.Join("..", "README.md"))
}

// blocks returns the fenced blocks of a document in a language.
func blocks(t *testing.T, document, language string) []string {
	t.Helper()
	fence := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$")
	var all []string
	for _, match := range fence.FindAllStringSubmatch(read(t, document), -1) {
		all = append(all, match[1])
	}
	return all
}

func readme() string { return filepath.Join("..", "README.md") }

func TestREADMEHasAtMost150Lines(t *testing.T) {
	require.LessOrEqual(t, strings.Count(read(t, readme()), "\n"), 150)
}

func TestREADMEStartsWithTheMinimalProgram(t *testing.T) {
	require.Equal(t, read(t, "minimal", "main.go"), blocks(t, readme(), "go")[0])
}

func TestREADMEShowsWhatTheMinimalProgramPrints(t *testing.T) {
	require.Equal(t, read(t, "minimal", "testdata", "output.txt"), blocks(t, readme(), "text")[0])
}

func TestREADMEBeginsWithWhatMakeKnows(t *testing.T) {
	require.Equal(t, "make demo\nmake test\n", blocks(t, readme(), "sh")[0])
}

func TestDocumentsQuoteCodeThatIsCompiled(t *testing.T) {
	code := unindented(readAll(t, filepath.Join("*", "*.go")))
	for _, document := range documents(t) {
		for _, block := range blocks(t, document, "go") {
			assert.Contains(t, code, unindented(block), document)
		}
	}
}

func unindented(code string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "")
}

// The tests of each example require that it prints the files of its testdata and what its example
// functions have after "Output:".
func TestDocumentsQuoteWhatExamplesPrint(t *testing.T) {
	printed := readAll(t, filepath.Join("*", "testdata", "*.txt")) + outputs(t)
	for _, document := range documents(t) {
		for _, block := range blocks(t, document, "text") {
			if !strings.Contains(printed, block) { // assert.Contains would print everything
				t.Errorf("%s quotes what no example prints:\n%s", document, block)
			}
		}
	}
}

// outputs returns what example functions print.
func outputs(t *testing.T) string {
	t.Helper()
	comment := regexp.MustCompile(`(?m)^\t// Output:\n((?:^\t//.*\n)*)`)
	slashes := regexp.MustCompile(`(?m)^\t// ?`)
	var all strings.Builder
	for _, match := range comment.FindAllStringSubmatch(readAll(t, filepath.Join("*", "*_test.go")), -1) {
		all.WriteString(slashes.ReplaceAllString(match[1], ""))
	}
	return all.String()
}

func TestDocumentsUseTargetsThatMakeKnows(t *testing.T) {
	var known []string
	for _, target := range regexp.MustCompile(`(?m)^([a-z]+):.*## `).FindAllStringSubmatch(read(t, "..", "Makefile"), -1) {
		known = append(known, target[1])
	}
	use := regexp.MustCompile("(?m)(?:^|`| )make ([a-z]+)(?:`|$)")
	for _, document := range append(documents(t), filepath.Join("..", "CONTRIBUTING.md")) {
		for _, used := range use.FindAllStringSubmatch(read(t, document), -1) {
			assert.Contains(t, known, used[1], "%s: make %s", document, used[1])
		}
	}
}

func TestDocumentsRunProgramsAndTestsThatExist(t *testing.T) {
	program := regexp.MustCompile(`\bgo run (\./[\w/]+)`)
	test := regexp.MustCompile(`((?:\./[\w/]+ )+)-run '?([\w|]+)`)
	programs, tests := 0, 0
	for _, document := range append(documents(t), filepath.Join("..", "CONTRIBUTING.md"),
		filepath.Join("..", "docs", "roles.md"), filepath.Join("..", "docs", "threat-model.md")) {
		text := read(t, document)
		for _, run := range program.FindAllStringSubmatch(text, -1) {
			programs++
			assert.FileExists(t, filepath.Join("..", run[1], "main.go"), document)
		}
		for _, run := range test.FindAllStringSubmatch(text, -1) {
			var have strings.Builder
			for _, folder := range strings.Fields(run[1]) {
				have.WriteString(readAll(t, filepath.Join("..", folder, "*_test.go")))
			}
			for name := range strings.SplitSeq(run[2], "|") {
				tests++
				assert.True(t, regexp.MustCompile(`(?m)^func Test\w*`+strings.TrimPrefix(name, "Test")).MatchString(have.String()),
					"%s names the test %s of %s, which does not exist", document, name, run[1])
			}
		}
	}
	require.Positive(t, programs)
	require.Positive(t, tests)
}

// What documents say about versions and formats is what the code has.
func TestDocumentsSayTheVersionsThatHold(t *testing.T) {
	pinned := first(t, `k8s\.io/kubernetes v((1\.\d+)\.\d+)`, read(t, "..", "internal", "testcluster", "binaries", "go.mod"))
	client := first(t, `k8s\.io/client-go v(0\.\d+)\.\d+`, read(t, "..", "go.mod"))
	language := first(t, `(?m)^go (\d+\.\d+)`, read(t, "..", "go.mod"))
	compatibility := words(read(t, "..", "docs", "compatibility.md"))
	for _, want := range []string{
		"on every change | " + pinned[1] + ",",
		"`k8s.io` modules v" + client[1] + ",",
		"go.mod](../go.mod), now " + language[1] + ".",
		fmt.Sprintf("`roster.PlanFormat`, now %d,", roster.PlanFormat),
		fmt.Sprintf("`isolation.ReportFormat`, now %d,", isolation.ReportFormat),
		fmt.Sprintf("`topology.GuardrailsVersion`, now %d)", topology.GuardrailsVersion),
	} {
		assert.Contains(t, compatibility, want)
	}
	assert.Contains(t, words(read(t, readme())), "The tests run against Kubernetes "+pinned[2]+";")
	assert.Contains(t, words(read(t, readme())), "Go "+language[1]+" and `make`")
}

func TestGuideOfRostersSaysWhatWasMeasured(t *testing.T) {
	measured := first(t, `unchanged re-run of 1000 tenants, requests \|[^|]*\| (\d+) \|`,
		read(t, "..", "docs", "benchmarks", "converge.md"))
	guide := words(read(t, "..", "docs", "guides", "rosters.md"))
	require.Contains(t, guide, "An unchanged run over 1,000 tenants sends "+measured[1]+" requests.")
}

// first returns the first match of a pattern in a text, which has to have one.
func first(t *testing.T, pattern, text string) []string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotNil(t, match, pattern)
	return match
}

// words returns a text without its line breaks.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// The root package documents the module: one line for each package that users import, and the name
// of each directory in internal.
func TestMapNamesEveryPackage(t *testing.T) {
	doc := read(t, "..", "doc.go")
	found := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir() || dir == ".":
			return err
		case strings.HasPrefix(entry.Name(), ".") || dir == "examples" || dir == "docs":
			return fs.SkipDir
		case path.Dir(dir) == "internal":
			assert.Regexp(t, dir+`[^\w/]`, doc)
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err == nil && len(files) > 0 {
			found++
			assert.Contains(t, doc, "//   - ["+dir+"]: ")
			assert.Contains(t, doc, "// ["+dir+"]: https://pkg.go.dev/github.com/polyphony-go/polyphony/"+dir+"\n")
		}
		return err
	})
	require.NoError(t, err)
	require.Greater(t, found, 10)
}
