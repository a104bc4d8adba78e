// Package summary shortens lists of lines for people.
package summary

import (
	"fmt"
	"slices"
)

// MaxLines is the number of lines of one kind that an Outcome or an error lists.
const MaxLines = 20

// Shorten returns the first n lines, and if there are more, a line that counts the others.
func Shorten(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(slices.Clone(lines[:n]), fmt.Sprintf("and %d more", len(lines)-n))
}
