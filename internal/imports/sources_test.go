package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// citation finds a document of docs/sources.md with the sections that are cited.
	citation = regexp.MustCompile(`(?i:the) (multi-tenancy ADR|read-visibility ADR|Workspace API proposal)((?:,| and) "[^"]+")*`)
	section  = regexp.MustCompile(`"([^"]+)"`)

	// foreignNumber finds the number of an outside document, which is too easily taken for one of
	// docs/adr.
	foreignNumber = regexp.MustCompile(`ADR-\d|FCPEP`)
)

// TestCitationsLeadToSources checks that code cites the outside documents by the names and sections
// that docs/sources.md has, and never by number.
func TestCitationsLeadToSources(t *testing.T) {
	sections := sectionsOfSources(t)
	found := 0
	for file, comments := range commentsOfTheRepository(t) {
		assert.False(t, foreignNumber.MatchString(comments),
			"%s cites an outside document by its number; use its name in docs/sources.md", file)
		for _, cited := range citation.FindAllStringSubmatch(comments, -1) {
			found++
			document := sections[strings.ToLower(cited[1])]
			require.NotNil(t, document, "docs/sources.md has no %q", cited[1])
			for _, name := range section.FindAllStringSubmatch(cited[0], -1) {
				assert.Contains(t, document, name[1], "%s cites a section that docs/sources.md does not have", file)
			}
		}
	}
	require.NotZero(t, found)
}

// sectionsOfSources returns the sections of each document, whose name is in lower case.
func sectionsOfSources(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "docs", "sources.md"))
	require.NoError(t, err)
	sections, document := map[string][]string{}, ""
	for _, line := range strings.Split(string(data), "\n") {
		if title, ok := strings.CutPrefix(line, "## The "); ok {
			document = strings.ToLower(title)
			sections[document] = []string{}
		}
		if title, ok := strings.CutPrefix(line, "### "); ok {
			sections[document] = append(sections[document], title)
		}
	}
	return sections
}

// commentsOfTheRepository returns the comments of each Go file of the repository, each on one line.
func commentsOfTheRepository(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range goFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		var text strings.Builder
		for _, group := range parsed.Comments {
			text.WriteString(strings.Join(strings.Fields(group.Text()), " ") + "\n")
		}
		all[file] = text.String()
	}
	return all
}

// goFiles returns the Go files of the repository, tests included.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache"):
			return filepath.SkipDir
		case filepath.Ext(file) == ".go":
			files = append(files, file)
		}
		return nil
	})
	require.NoError(t, err)
	return files
}
