// Package imports has tests alone: they hold the whole repository to its rules about structure.
//
// What imports what:
//
//   - table_test.go is the one table: the layers, what each may import and why, and what is for
//     tests only.
//   - layers_test.go compares the imports of every package with the table, and asks the table about
//     packages that do not exist yet.
//   - depguard_test.go generates the rules of the linter in .golangci.yml from the table.
//   - outside_test.go builds a program in another module, and bounds what it compiles.
//
// What is found where:
//
//   - doc_test.go: every package has a comment, and that of a public package names what it exports.
//   - files_test.go: a Files section names every file, and a capability has the same file in
//     topology, k8s, fake and topologytest.
//   - docs_test.go: documents name paths and symbols that exist; decisions have status and date.
//   - style_test.go: the style page in CONTRIBUTING.md quotes what is in the code.
//   - sources_test.go: comments cite outside documents by a section of docs/sources.md.
//
// What code may not do:
//
//   - errors_test.go: only package adapter makes a topology.Error, and only package score
//     aggregates errors.
//
// main_test.go finds the repository for all of them.
package imports
