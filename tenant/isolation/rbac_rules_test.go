package isolation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestRulesAreHarmlessWritingOrReading(t *testing.T) {
	rule := func(group, resource string, verbs ...string) rbac.Rule {
		return rbac.Rule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	}
	for name, tt := range map[string]struct {
		rule                       rbac.Rule
		harmless, writes, readOnly bool
	}{
		"asking about oneself is harmless": {
			rule: rule("authorization.k8s.io", "selfsubjectaccessreviews", "create"), harmless: true,
		},
		"reading public certificates is harmless": {
			rule: rule("certificates.k8s.io", "clustertrustbundles", "get", "list", "watch"), harmless: true,
		},
		"writing public certificates is not harmless": {
			rule: rule("certificates.k8s.io", "clustertrustbundles", "create"),
		},
		"writing network policies writes controls": {
			rule: rule("networking.k8s.io", "networkpolicies", "patch"), writes: true,
		},
		"requesting tokens writes controls": {
			rule: rule("", "serviceaccounts/token", "create"), writes: true,
		},
		"impersonating service accounts writes controls": {
			rule: rule("", "serviceaccounts", "impersonate"), writes: true,
		},
		"writing service accounts does not write controls": {
			rule: rule("", "serviceaccounts", "create"),
		},
		"every right writes controls": {
			rule: rule("*", "*", "*"), writes: true,
		},
		"reading pods is a cluster read": {
			rule: rule("", "pods", "get", "list", "watch"), readOnly: true,
		},
		"reading secrets is no cluster read": {
			rule: rule("", "secrets", "get"),
		},
		"reading and deleting pods is no cluster read": {
			rule: rule("", "pods", "get", "delete"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.harmless, isHarmless(tt.rule), "harmless")
			require.Equal(t, tt.writes, writesControls(tt.rule), "writes controls")
			require.Equal(t, tt.readOnly, isClusterRead(tt.rule), "cluster read")
		})
	}
}
