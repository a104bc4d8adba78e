package k8s_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

func TestNetworkPolicyOfIsManagedByBothNameAndLabel(t *testing.T) {
	tests := []struct {
		name, policy string
		labels       map[string]string
		managed      bool
	}{
		{"Polyphony's own", "polyphony", map[string]string{topology.LabelTenant: "acme"}, true},
		{"the name without a label", "polyphony", nil, false},
		{"the name with the label of another tenant", "polyphony", map[string]string{topology.LabelTenant: "globex"}, false},
		{"the label under another name", "copy", map[string]string{topology.LabelTenant: "acme"}, false},
		{"a foreign policy", "db", map[string]string{"app": "db"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			meta := metav1.ObjectMeta{Namespace: "acme", Name: tt.policy, Labels: tt.labels}
			policy := k8s.NetworkPolicyOf(&networkingv1.NetworkPolicy{ObjectMeta: meta})
			require.Equal(t, tt.managed, policy.Managed)
		})
	}
}
