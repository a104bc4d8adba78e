// Package summary shortens lists of lines for people.
package summary

import (
	"fmt"
	"slices"
)

// Most is how many notes of one sort an Outcome or an error has.
const Most = 20

// First returns the first n lines, and one more that says how many were left out.
func First(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(slices.Clone(lines[:n]), fmt.Sprintf("and %d more", len(lines)-n))
}
