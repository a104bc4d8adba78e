package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
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
	files, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(folder), "*.go"))
	require.NoError(d.t, err)
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(d.t, err)
		for _, decl := range parsed.Decls {
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
