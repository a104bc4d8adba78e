package k8s

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// A field that a later version of Kubernetes adds fails the test until it is compared too.
func TestComparisonsCoverEveryField(t *testing.T) {
	for _, tt := range []struct {
		of     any
		fields int
	}{{rbacv1.PolicyRule{}, 5}, {rbacv1.RoleRef{}, 3}, {rbacv1.Subject{}, 4}, {corev1.ResourceQuotaSpec{}, 3}} {
		require.Equal(t, tt.fields, reflect.TypeOf(tt.of).NumField(), "%T", tt.of)
	}
	full := rbacv1.PolicyRule{
		Verbs:           []string{"a"},
		APIGroups:       []string{"b"},
		Resources:       []string{"c"},
		ResourceNames:   []string{"d"},
		NonResourceURLs: []string{"e"},
	}
	require.True(t, sameRules([]rbacv1.PolicyRule{full}, []rbacv1.PolicyRule{*full.DeepCopy()}))
	require.False(t, sameRules([]rbacv1.PolicyRule{full}, []rbacv1.PolicyRule{full, full}))
	for i := range reflect.TypeFor[rbacv1.PolicyRule]().NumField() {
		other := *full.DeepCopy()
		reflect.ValueOf(&other).Elem().Field(i).Set(reflect.ValueOf([]string{"*"}))
		require.False(t, sameRules([]rbacv1.PolicyRule{full}, []rbacv1.PolicyRule{other}), "%+v", other)
	}
	amounts := func(name, amount string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceName(name): resource.MustParse(amount)}
	}
	require.True(t, sameAmounts(amounts("cpu", "1"), amounts("cpu", "1000m")))
	require.True(t, sameAmounts(nil, corev1.ResourceList{}))
	require.False(t, sameAmounts(amounts("cpu", "1"), amounts("cpu", "2")))
	require.False(t, sameAmounts(amounts("cpu", "1"), amounts("pods", "1")))
	require.False(t, sameAmounts(amounts("cpu", "1"), nil))
}
