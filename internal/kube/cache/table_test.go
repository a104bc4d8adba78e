package cache

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Objects are read as they were stored, and what they have in common is stored once.
func TestTableSharesEqualTails(t *testing.T) {
	table := newTable("")
	roles := map[string]*rbacv1.Role{}
	for _, name := range []string{"a", "b", "c"} {
		role := &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: "1", ResourceVersion: "7", Labels: map[string]string{"a": name}},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}},
		}
		if name == "c" {
			role.Rules = nil
		}
		roles[name] = role.DeepCopy()
		require.NoError(t, table.put(role))
	}
	require.Len(t, table.tails, 2, "one of them is empty")
	for name, want := range roles {
		r, stale := table.lookup(key{"acme", name})
		require.False(t, stale)
		have := &rbacv1.Role{}
		require.NoError(t, have.Unmarshal(r.encoded()))
		require.Equal(t, want, have)
		have.Rules, have.Labels["a"] = nil, "changed" // the reader owns its copy
	}
	for _, data := range []string{"", "x", "\n", "\n\xff", "\n\x05abc"} { // not an object, or one without metadata
		require.Empty(t, metadataOf([]byte(data)), "%q", data)
	}
	require.Equal(t, "\n\x02ab", string(metadataOf([]byte("\n\x02abcd"))))
}

// An answer that arrives late does not undo a later version.
func TestTableKeepsTheLatestVersion(t *testing.T) {
	table := newTable("")
	put := func(version string) string {
		t.Helper()
		require.NoError(t, table.put(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "a", UID: "one", ResourceVersion: version}}))
		r, _ := table.lookup(key{"acme", "a"})
		return r.version
	}
	require.Equal(t, "9", put("9"))
	require.Equal(t, "9", put("7"))
	require.Equal(t, "10", put("10"), "versions are compared as numbers")
	require.NoError(t, table.put(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "a", UID: "another", ResourceVersion: "3"}}))
	r, _ := table.lookup(key{"acme", "a"})
	require.Equal(t, "3", r.version, "it is another object")
}

// A table that is invalidated while it loads is read again, and does not count as empty.
func TestTableIsViewedOnlyWhenLoaded(t *testing.T) {
	tab, looked := newTable(""), 0
	look := func() bool { return tab.view(func() { looked++ }) }
	require.False(t, look())
	readings := 0
	err := tab.load(t.Context(), func(_ context.Context, table *table) error {
		if readings++; readings == 1 {
			table.invalidateAll() // in the middle
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, readings)
	require.True(t, look())
	tab.invalidateAll()
	require.False(t, look())
	require.Equal(t, 1, looked)
}
