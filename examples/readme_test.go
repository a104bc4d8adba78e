// Package examples tests that what the documents quote is what there is.
package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(data)
}

// blocks are the fenced blocks of the README in a language.
func blocks(t *testing.T, language string) (all []string) {
	t.Helper()
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, "..", "README.md"), -1) {
		all = append(all, match[1])
	}
	require.NotEmpty(t, all)
	return all
}

func TestTheREADMEStartsWithTheMinimalProgram(t *testing.T) {
	require.Equal(t, read(t, "minimal", "main.go"), blocks(t, "go")[0])
}

func TestTheREADMEQuotesCodeThatIsCompiled(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("*", "*.go"))
	require.NoError(t, err)
	var code strings.Builder
	for _, file := range files {
		code.WriteString(read(t, file))
	}
	for _, block := range blocks(t, "go") {
		require.Contains(t, unindented(code.String()), unindented(block))
	}
}

func unindented(code string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "") }

// The quickstart's own test holds that it prints this file.
func TestTheREADMEQuotesWhatTheQuickstartPrints(t *testing.T) {
	printed := read(t, "quickstart", "testdata", "output.txt")
	for _, block := range blocks(t, "text") {
		require.Contains(t, printed, block)
	}
}

func TestTheREADMEBeginsWithWhatMakeKnows(t *testing.T) {
	require.Equal(t, "make demo\nmake test\n", blocks(t, "sh")[0])
	targets := regexp.MustCompile(`(?m)^([a-z]+):.*## `).FindAllStringSubmatch(read(t, "..", "Makefile"), -1)
	var known []string
	for _, target := range targets {
		known = append(known, target[1])
	}
	for _, used := range regexp.MustCompile("(?m)(?:^|`| )make ([a-z]+)(?:`|$)").FindAllStringSubmatch(read(t, "..", "README.md")+read(t, "..", "CONTRIBUTING.md"), -1) {
		assert.Contains(t, known, used[1], "make %s", used[1])
	}
}

// TestLinksLeadSomewhere is about links within the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join("..", "docs", "adr", "*.md"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join("..", "*.md"))
	require.NoError(t, err)
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	links := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, document := range append(documents, more...) {
		for _, link := range links.FindAllStringSubmatch(code.ReplaceAllString(read(t, document), ""), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(document), link[1]))
			assert.NoError(t, err, "%s links to %s", document, link[1])
		}
	}
}
