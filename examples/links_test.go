package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestLinksLeadSomewhere(t *testing.T) {
	found, err := brokenLinks(os.DirFS(".."))
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestBrokenLinksAreFound(t *testing.T) {
	repository := fstest.MapFS{
		"README.md": {Data: []byte("# One\n" +
			"[a](docs/a.md) [b](docs) [c](docs/a.md#two-words) [d](#one) [e](https://example.com/x)\n" +
			"[f](docs/missing.md) [g](docs/a.md#three) [h](#two) [i](../outside.md) [j](docs#one)\n" +
			"```\n[in a block](missing.md)\n# not a heading\n```\n`[in code](missing.md)`\n[k](#not-a-heading)\n" +
			"[reference]: missing.md\n")},
		"docs/a.md": {Data: []byte("# Two words\n## `Code`, and: [a link](../README.md)\n## Code\n## Code\n" +
			"[l](#code-and-a-link) [m](#code-1) [n](#code-2)\n[o](README.md)\n")},
	}
	found, err := brokenLinks(repository)
	require.NoError(t, err)
	require.Equal(t, []string{
		"README.md: docs/missing.md: no such file",
		"README.md: docs/a.md#three: no such heading",
		"README.md: #two: no such heading",
		"README.md: ../outside.md: no such file",
		"README.md: docs#one: no such heading",
		"README.md: #not-a-heading: no such heading",
		"README.md: missing.md: no such file",
		"docs/a.md: #code-2: no such heading",
		"docs/a.md: README.md: no such file",
	}, found)
}

var (
	fencedBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inlineCode  = regexp.MustCompile("`[^`\n]*`")
	inlineLink  = regexp.MustCompile(`(?m)\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$`)
	heading     = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	linkInTitle = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	punctuation = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// brokenLinks returns the links of all Markdown files to files and headings of the repository that
// do not exist. Links to other sites are not followed.
func brokenLinks(repository fs.FS) ([]string, error) {
	var broken []string
	err := fs.WalkDir(repository, ".", func(document string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache"):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(document) != ".md":
			return nil
		}
		text, err := prose(repository, document)
		if err != nil {
			return err
		}
		for _, match := range inlineLink.FindAllStringSubmatch(inlineCode.ReplaceAllString(text, ""), -1) {
			target := match[1] + match[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if problem := follow(repository, document, target); problem != "" {
				broken = append(broken, fmt.Sprintf("%s: %s: %s", document, target, problem))
			}
		}
		return nil
	})
	return broken, err
}

// prose returns a Markdown file without its fenced blocks.
func prose(repository fs.FS, document string) (string, error) {
	data, err := fs.ReadFile(repository, document)
	return fencedBlock.ReplaceAllString(string(data), ""), err
}

// follow returns what is wrong with a link in a document, or "" if it leads somewhere.
func follow(repository fs.FS, document, target string) string {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	to := document
	if file != "" {
		to = path.Join(path.Dir(document), file)
	}
	if _, err := fs.Stat(repository, to); err != nil {
		return "no such file"
	}
	if !hasAnchor {
		return ""
	}
	text, err := prose(repository, to)
	if err != nil || !anchors(text)[anchor] {
		return "no such heading"
	}
	return ""
}

// anchors returns the anchors of the headings of a Markdown text, as GitHub makes them: in lower
// case, without punctuation, with hyphens for spaces, and numbered where they repeat.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	times := map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		title := linkInTitle.ReplaceAllString(match[1], "$1")
		slug := punctuation.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		slug = strings.ReplaceAll(slug, " ", "-")
		anchor := slug
		if n := times[slug]; n > 0 {
			anchor = fmt.Sprintf("%s-%d", slug, n)
		}
		times[slug]++
		all[anchor] = true
	}
	return all
}
