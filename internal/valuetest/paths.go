package valuetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// RequireFieldPaths fails t unless err is an aggregate of *field.Error with these paths, in this
// order. With nil paths it fails t unless err is nil.
func RequireFieldPaths(t *testing.T, paths []string, err error) {
	t.Helper()
	if paths == nil {
		require.NoError(t, err)
		return
	}
	var all utilerrors.Aggregate
	require.ErrorAs(t, err, &all)
	var found []string
	for _, e := range all.Errors() {
		var at *field.Error
		require.ErrorAs(t, e, &at)
		found = append(found, at.Field)
	}
	require.Equal(t, paths, found, "%v", err)
}
