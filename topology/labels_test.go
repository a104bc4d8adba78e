package topology_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// These names are stored on infrastructure and in files of users. What has a name that changes is
// no longer found.
func TestStoredNamesAreStable(t *testing.T) {
	require.Equal(t, "tenancy.polyphony.dev/", topology.Prefix)
	require.Equal(t, "tenancy.polyphony.dev/tenant", topology.LabelTenant)
	require.Equal(t, "tenancy.polyphony.dev/lease", topology.LabelLease)
	require.Equal(t, "domain.tenancy.polyphony.dev/", adapter.LabelDomain)
	require.Equal(t, []string{"held", "above"}, []string{adapter.DomainHeld, adapter.DomainAbove})
	require.Equal(t, "allow.tenancy.polyphony.dev/", topology.AnnotationAllow)
	require.Equal(t, []topology.Fence{"access", "guardrails", "pod security", "quota", "limits", "other"},
		[]topology.Fence{topology.FenceAccess, topology.FenceGuardrails, topology.FencePodSecurity, topology.FenceQuota, topology.FenceLimits, topology.FenceOther})
	require.Equal(t, "tenancy.polyphony.dev/display-name", topology.AnnotationDisplayName)
	require.Equal(t, "tenancy.polyphony.dev/deletion-protection", topology.AnnotationDeletionProtection)
	require.Equal(t, "tenancy.polyphony.dev/default-storage-class", topology.AnnotationDefaultStorageClass)
}

// These values are terms of Kubernetes.
func TestKubernetesNamesAreStable(t *testing.T) {
	require.Equal(t, []topology.PodSecurity{"restricted", "baseline", "privileged"},
		[]topology.PodSecurity{topology.PodSecurityRestricted, topology.PodSecurityBaseline, topology.PodSecurityPrivileged})
	require.Equal(t, []netpolicy.Protocol{"TCP", "UDP", "SCTP"}, []netpolicy.Protocol{netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP})
	require.Equal(t, []topology.LimitType{"Container", "Pod", "PersistentVolumeClaim"},
		[]topology.LimitType{topology.LimitContainer, topology.LimitPod, topology.LimitPVC})
	require.Equal(t, []topology.ServiceType{"NodePort", "LoadBalancer"}, []topology.ServiceType{topology.NodePort, topology.LoadBalancer})
	require.Equal(t, []rbac.SubjectKind{"Group", "User", "ServiceAccount"},
		[]rbac.SubjectKind{rbac.Group, rbac.User, rbac.ServiceAccount})
}
