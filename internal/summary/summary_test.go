package summary

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShortenCountsTheLinesItLeavesOut(t *testing.T) {
	lines := []string{"a", "b", "c"}
	require.Equal(t, []string{"a", "b", "c"}, Shorten(lines, 3))
	require.Equal(t, []string{"a", "and 2 more"}, Shorten(lines, 1))
	require.Equal(t, []string{"and 3 more"}, Shorten(lines, 0))
	require.Equal(t, []string{"a", "b", "c"}, lines, "the list of the caller stays")
	require.Empty(t, Shorten(nil, 0))
}
