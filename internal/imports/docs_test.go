package imports

import (
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inBackticks finds what a document sets in code style.
var inBackticks = regexp.MustCompile("`([^`\n]+)`")

// goName fits an exported Go name, perhaps with one of its fields or methods.
var goName = regexp.MustCompile(`^[A-Z]\w*(\.[A-Z]\w*)?$`)

// TestSourcesNameWhatExists checks docs/sources.md: each path exists, and each name in a cell of a
// table is declared in the folder that stands before it.
func TestSourcesNameWhatExists(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository, "docs", "sources.md"))
	require.NoError(t, err)
	names := newDeclarations(t)
	checked := 0
	for _, line := range strings.Split(string(data), "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, cell := range strings.Split(line, "|") {
			folder := ""
			for _, match := range inBackticks.FindAllStringSubmatch(cell, -1) {
				checked++
				if !goName.MatchString(match[1]) {
					folder = folderOf(t, match[1])
					continue
				}
				require.NotEmpty(t, folder, "no folder stands before %s in: %s", match[1], cell)
				require.True(t, names.in(folder)[match[1]], "%s does not declare %s", folder, match[1])
			}
		}
	}
	require.Greater(t, checked, 100, "docs/sources.md has lost its tables")
}

// symbol fits what a document sets in code style when it means a symbol of a package, such as
// score.Runner.Observe, perhaps with type parameters or arguments.
var symbol = regexp.MustCompile(`^\*?([a-z]\w*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)

// TestDocumentsNameWhatExists checks each path, link and symbol of a package that a document names:
// it has to exist. The changelog is left out, since it names what was there before.
func TestDocumentsNameWhatExists(t *testing.T) {
	folders := foldersByPackage(t)
	names := newDeclarations(t)
	for _, document := range documents(t) {
		data, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(document)))
		require.NoError(t, err)
		for _, match := range inBackticks.FindAllStringSubmatch(string(data), -1) {
			if isPath(match[1]) {
				_ = folderOf(t, strings.TrimPrefix(match[1], "./"))
			} else if parts := symbol.FindStringSubmatch(match[1]); parts != nil && len(folders[parts[1]]) > 0 {
				ok := slices.ContainsFunc(folders[parts[1]], func(folder string) bool { return names.in(folder)[parts[2]] })
				require.True(t, ok, "%s names %s, and no package %s declares it", document, match[1], parts[1])
			}
		}
		for _, match := range link.FindAllStringSubmatch(string(data), -1) {
			if !strings.Contains(match[0], "://") {
				_ = folderOf(t, path.Join(path.Dir(document), match[1]))
			}
		}
	}
}

// link finds the target of a link within the repository.
var link = regexp.MustCompile(`\]\(([\w./-]+)[^)]*\)`)

// isPath reports whether a document means a path of the repository.
func isPath(code string) bool {
	first, _, ok := strings.Cut(strings.TrimPrefix(code, "./"), "/")
	if !ok || strings.ContainsAny(code, " <*(") {
		return false
	}
	_, err := os.Stat(filepath.Join(repository, first))
	return err == nil
}

// documents returns the paths of the documents that name what exists now.
func documents(t *testing.T) []string {
	t.Helper()
	return slices.Concat(decisions(t), filesIn(t, "docs/guides"), []string{
		"README.md", "CONTRIBUTING.md", "SECURITY.md",
		"docs/compatibility.md", "docs/roles.md", "docs/threat-model.md", "docs/walk.md",
	})
}

// decisions returns the paths of all decisions.
func decisions(t *testing.T) []string { return filesIn(t, "docs/adr") }

// filesIn returns the paths of the files in a folder of the repository.
func filesIn(t *testing.T, folder string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(repository, filepath.FromSlash(folder)))
	require.NoError(t, err)
	for _, entry := range entries {
		paths = append(paths, folder+"/"+entry.Name())
	}
	return paths
}

// foldersByPackage returns the folders that have Go files, by the last element of their path.
func foldersByPackage(t *testing.T) map[string][]string {
	t.Helper()
	folders := map[string][]string{}
	for _, file := range goFiles(t) {
		within, err := filepath.Rel(repository, filepath.Dir(file))
		require.NoError(t, err)
		folder := filepath.ToSlash(within)
		if name := path.Base(folder); !slices.Contains(folders[name], folder) {
			folders[name] = append(folders[name], folder)
		}
	}
	return folders
}

// TestDecisionsHaveStatusAndDate checks the head of every decision: its number, which is that of
// the file, and its status and date.
func TestDecisionsHaveStatusAndDate(t *testing.T) {
	head := regexp.MustCompile(`^# (\d+)\. .+\n\n- Status: (accepted|proposed|superseded by .+)\n- Date: \d{4}-\d\d-\d\d(, updated .+)?\n\n## Context\n`)
	for i, file := range decisions(t) {
		data, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(file)))
		require.NoError(t, err)
		match := head.FindStringSubmatch(string(data))
		require.NotNil(t, match, "%s does not begin with title, status, date and context", file)
		require.Equal(t, strconv.Itoa(i+1), match[1], "the number in the title of %s", file)
		require.Regexp(t, fmt.Sprintf(`/%04d-[a-z0-9-]+\.md$`, i+1), file)
	}
}

// folderOf returns the folder of a file or folder of the repository, which has to exist.
func folderOf(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(filepath.Join(repository, filepath.FromSlash(name)))
	require.NoError(t, err, "a document names %s", name)
	if info.IsDir() {
		return name
	}
	return path.Dir(name)
}

// declarations knows the exported names of the folders of the repository, tests included.
type declarations struct {
	t       *testing.T
	folders map[string]map[string]bool
}

func newDeclarations(t *testing.T) declarations {
	t.Helper()
	dependOnEverything(t)
	return declarations{t, map[string]map[string]bool{}}
}

// in returns the names that a folder declares: those of its package, of methods and fields as
// "Type.Name", and those of its tests.
func (d declarations) in(folder string) map[string]bool {
	d.t.Helper()
	if d.folders[folder] != nil {
		return d.folders[folder]
	}
	names := map[string]bool{}
	_, parsed := parseFolder(d.t, folder, func(string) bool { return true })
	for _, file := range parsed {
		for _, decl := range file.Decls {
			addNames(names, decl)
		}
	}
	d.folders[folder] = names
	return names
}

func addNames(names map[string]bool, decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name := decl.Name.Name
		if decl.Recv != nil {
			name = receiver(decl.Recv.List[0].Type) + "." + name
		}
		names[name] = true
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			addSpec(names, spec)
		}
	}
}

func addSpec(names map[string]bool, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			names[name.Name] = true
		}
	case *ast.TypeSpec:
		names[spec.Name.Name] = true
		for _, field := range members(spec.Type) {
			for _, name := range field.Names {
				names[spec.Name.Name+"."+name.Name] = true
			}
		}
	}
}

// members returns the fields of a struct or the methods of an interface.
func members(of ast.Expr) []*ast.Field {
	switch of := of.(type) {
	case *ast.StructType:
		return of.Fields.List
	case *ast.InterfaceType:
		return of.Methods.List
	}
	return nil
}

// receiver returns the name of a method's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}
