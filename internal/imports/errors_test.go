package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestErrorsHaveOneConstructor checks that only package adapter makes a topology.Error (ADR 15).
// Suites and tests may, since they play adapters.
func TestErrorsHaveOneConstructor(t *testing.T) {
	eachLibraryFile(t, func(folder string, file *ast.File, position func(ast.Node) string) {
		if folder == "topology/adapter" {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.CompositeLit); ok {
				assert.False(t, isSelector(literal.Type, "topology", "Error"),
					"%s: adapter.Call makes errors of a topology", position(n))
			}
			return true
		})
	})
}

// TestErrorsOfARunAreAggregatedOnce checks that libraries do not collect errors on their own:
// package score does, where runs and steps come together (ADR 15).
func TestErrorsOfARunAreAggregatedOnce(t *testing.T) {
	eachLibraryFile(t, func(_ string, file *ast.File, position func(ast.Node) string) {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				assert.False(t, isSelector(call.Fun, "errors", "Join"),
					"%s: return the first error, or let score.Report aggregate", position(n))
			}
			return true
		})
	})
}

// isSelector reports whether an expression is pkg.name.
func isSelector(e ast.Expr, pkg, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && of.Name == pkg
}

// eachLibraryFile calls each for every file of the library: no tests, no test support, no programs.
func eachLibraryFile(t *testing.T, each func(folder string, file *ast.File, position func(ast.Node) string)) {
	t.Helper()
	programs := []string{"examples", "cmd", "internal/bench", "internal/packets", "internal/testcluster", "internal/differential"}
	seen := 0
	for _, path := range goFiles(t) {
		relative, err := filepath.Rel(repository, filepath.Dir(path))
		require.NoError(t, err)
		folder := filepath.ToSlash(relative)
		if strings.HasSuffix(path, "_test.go") || isTestSupport(folder) || within(folder, programs) {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		each(folder, file, func(n ast.Node) string { return files.Position(n.Pos()).String() })
		seen++
	}
	require.NotZero(t, seen)
}
