package imports

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// betweenLines finds what divides a text over lines in Go: a string that is joined, or a comment.
var betweenLines = regexp.MustCompile(`("\s*\+\s*\n\s*")|(\n\s*// )`)

// TestStylePageQuotesTheCode checks the style page: what a table has under "after" is somewhere in
// the code.
func TestStylePageQuotesTheCode(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository, "CONTRIBUTING.md"))
	require.NoError(t, err)
	_, style, ok := strings.Cut(string(data), "\n## Style\n")
	require.True(t, ok)
	code := codeOfTheRepository(t)
	quotes := 0
	for line := range strings.Lines(style) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 2 {
			continue
		}
		for _, quote := range inBackticks.FindAllStringSubmatch(cells[1], -1) {
			quotes++
			assert.Contains(t, code, quote[1], "CONTRIBUTING.md quotes what is not in the code")
		}
	}
	require.Greater(t, quotes, 10, "the style page has lost its tables")
}

// codeOfTheRepository returns all Go files twice: the second time each text that goes over several
// lines is on one.
func codeOfTheRepository(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	for _, file := range goFiles(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(data)
		code.WriteString(betweenLines.ReplaceAllStringFunc(string(data), func(between string) string {
			if strings.HasSuffix(between, "// ") {
				return " "
			}
			return ""
		}))
	}
	return code.String()
}
