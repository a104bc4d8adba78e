package tenant

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// recorder is a topology that records its calls, and fails at one of them.
type recorder struct {
	Topology
	platform topology.Platform
	calls    []string
	failAt   string
	waits    []bool // whether each AwaitQuota had a deadline
}

var errInjected = errors.New("injected")

func (r *recorder) call(name string) (topology.Change, error) {
	r.calls = append(r.calls, name)
	if name == r.failAt {
		return topology.Change{}, errInjected
	}
	return topology.Change{Kind: topology.Kind(name), Name: "acme", Action: topology.Unchanged}, nil
}

func (r *recorder) Name() string { return "recorder" }
func (r *recorder) Access(context.Context, string) (topology.Access, error) {
	return topology.Access{}, topology.ErrNotFound
}
func (r *recorder) ClusterReaders(context.Context, string) (topology.ClusterReaders, error) {
	return topology.ClusterReaders{}, topology.ErrNotFound
}
func (r *recorder) Platform(context.Context) (topology.Platform, error) {
	_, err := r.call("platform")
	return r.platform, err
}
func (r *recorder) Namespace(context.Context, string) (topology.Namespace, error) {
	return topology.Namespace{}, topology.ErrNotFound
}
func (r *recorder) OverlappingDomains(context.Context, string, []string) ([]topology.DomainHolder, error) {
	name := "domains"
	if slices.Contains(r.calls, name) {
		name = "domains still free"
	}
	_, err := r.call(name)
	return nil, err
}
func (r *recorder) EnsureNamespace(context.Context, topology.Namespace) (topology.Change, error) {
	change, err := r.call("namespace")
	change.Action = topology.Created
	return change, err
}
func (r *recorder) EnsureNetworkRules(context.Context, topology.NetworkRules) (topology.Change, error) {
	return r.call("network")
}
func (r *recorder) EnsureQuota(context.Context, topology.Quota) (topology.Change, error) {
	return r.call("quota")
}
func (r *recorder) EnsureLimitRange(context.Context, topology.LimitRange) (topology.Change, error) {
	return r.call("limits")
}
func (r *recorder) AwaitQuota(ctx context.Context, _ string) error {
	_, deadline := ctx.Deadline()
	r.waits = append(r.waits, deadline)
	_, err := r.call("quota in force")
	return err
}
func (r *recorder) EnsureAccess(_ context.Context, want topology.Access) (topology.Change, error) {
	if len(want.Grants) == 0 {
		return r.call("no access")
	}
	return r.call("access")
}
func (r *recorder) EnsureClusterReaders(_ context.Context, want topology.ClusterReaders) (topology.Change, error) {
	if len(want.Groups) == 0 {
		return r.call("no read visibility")
	}
	return r.call("read visibility")
}

func TestProvisionKeepsItsOrder(t *testing.T) {
	order := []string{"platform", "domains", "namespace", "domains still free", "network", "quota", "limits",
		"quota in force", "access", "read visibility"}
	for i, failAt := range append([]string{""}, order...) {
		t.Run("failing at "+failAt, func(t *testing.T) {
			r := &recorder{platform: bigPlatform(), failAt: failAt}
			report, err := score.Run(t.Context(), full().On(r))
			if failAt == "" {
				require.NoError(t, err)
				require.Equal(t, order, r.calls)
				require.Equal(t, []bool{true}, r.waits, "the wait for the quota ends")
				require.Len(t, report.Changes(), len(order)-4)
				return
			}
			require.Equal(t, order[:i], r.calls, "nothing is done after what failed")
			require.ErrorIs(t, err, errInjected)
			var at *score.Error
			require.ErrorAs(t, err, &at)
			require.Equal(t, failAt, at.Step)
		})
	}
}

func TestProvisionWithoutMembersWithdrawsAccess(t *testing.T) {
	r := &recorder{platform: bigPlatform()}
	_, err := score.Run(t.Context(), minimal().On(r))
	require.NoError(t, err)
	require.Equal(t, []string{"platform", "namespace", "network", "quota", "limits", "quota in force", "no access",
		"no read visibility"}, r.calls)
}

func TestProvisionRefusesBeforeTheFirstWrite(t *testing.T) {
	s := full()
	s.StorageAccess.Classes[0].Name = "elsewhere"
	r := &recorder{platform: bigPlatform()}
	_, err := score.Run(t.Context(), s.On(r))
	require.ErrorIs(t, err, topology.ErrUnsupported)
	require.Equal(t, []string{"platform"}, r.calls)
}

func TestProvisionReturnsNotes(t *testing.T) {
	report, err := score.Run(t.Context(), full().On(&recorder{platform: bigPlatform()}))
	require.NoError(t, err)
	require.Len(t, report.Results[0].Outcome.Notes, 1)
	require.Contains(t, report.Results[0].Outcome.Notes[0], `default storage class is "fast"`)
}

// A run that fails withdraws the rights of former members, and gives no rights.
func TestFailedProvisionWithdrawsRightsAndGivesNone(t *testing.T) {
	before, after := minimal(), minimal()
	before.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{
		{Role: Admin, Name: "ops"}, {Role: Developer, Name: "gone"}, {Role: Viewer, Name: "gone"},
		{Role: Viewer, Kind: rbac.User, Name: "jane"}}}
	after.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{
		{Role: Admin, Name: "ops"}, {Role: Admin, Kind: rbac.User, Name: "jane"},
		{Role: Viewer, Kind: rbac.User, Name: "jane"}, {Role: Developer, Name: "new"}}}
	for _, broken := range []fake.Fault{
		{Op: "read", Kind: "Platform"}, {Op: "ensure", Kind: "Namespace"}, {Op: "ensure", Kind: "NetworkRules"},
		{Op: "ensure", Kind: "Quota"}, {Op: "ensure", Kind: "LimitRange"},
		{Op: "await", Kind: "Quota"},
	} {
		t.Run(broken.Op+" "+string(broken.Kind), func(t *testing.T) {
			top := fake.New(fake.Options{})
			_, err := score.Run(t.Context(), before.On(top))
			require.NoError(t, err)

			broken.Err = topology.ErrUnavailable
			report, err := score.Run(t.Context(), after.On(top.WithFaults(broken)))
			require.ErrorIs(t, err, topology.ErrUnavailable)
			require.True(t, report.Changed(), "what was taken is in the report")
			require.Equal(t, map[string][]string{"admin": {"ops"}, "viewer": {"jane"}}, subjectsByRole(t, top))
			readers, err := top.ClusterReaders(t.Context(), "acme")
			require.NoError(t, err)
			require.Equal(t, []string{"ops"}, readers.Groups)

			_, err = score.Run(t.Context(), after.On(top))
			require.NoError(t, err)
			require.Equal(t, map[string][]string{"admin": {"ops", "jane"}, "developer": {"new"}, "viewer": {"jane"}},
				subjectsByRole(t, top))
		})
	}
}

// subjectsByRole returns the names of the members of each role.
func subjectsByRole(t *testing.T, top *fake.Topology) map[string][]string {
	t.Helper()
	access, err := top.Access(t.Context(), "acme")
	require.NoError(t, err)
	names := map[string][]string{}
	for _, grant := range access.Grants {
		require.Equal(t, Role(grant.Role).Rules(), grant.Rules)
		for _, s := range grant.Subjects {
			names[grant.Role] = append(names[grant.Role], s.Name)
		}
	}
	return names
}

func TestFailedProvisionWithdrawsTheLastRights(t *testing.T) {
	top := fake.New(fake.Options{})
	before := minimal()
	before.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{{Role: Developer, Name: "gone"}}}
	_, err := score.Run(t.Context(), before.On(top))
	require.NoError(t, err)
	_, err = score.Run(t.Context(),
		minimal().On(top.WithFaults(fake.Fault{Op: "ensure", Kind: "Quota", Err: topology.ErrUnavailable})))
	require.ErrorIs(t, err, topology.ErrUnavailable)
	_, err = top.Access(t.Context(), "acme")
	require.ErrorIs(t, err, topology.ErrNotFound)
	_, err = top.ClusterReaders(t.Context(), "acme")
	require.ErrorIs(t, err, topology.ErrNotFound)
}

func TestFailedProvisionReportsOnlyWithdrawnRights(t *testing.T) {
	top := fake.New(fake.Options{})
	s := minimal()
	s.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{{Role: Developer, Name: "devs"}}}
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
	for _, also := range []topology.Kind{"", "Access", "ClusterReaders"} { // fails too
		report, err := score.Run(t.Context(),
			s.On(top.WithFaults(fake.Fault{Kind: "NetworkRules", Err: topology.ErrUnavailable},
				fake.Fault{Kind: also, Op: "ensure", Err: topology.ErrUnavailable})))
		require.ErrorIs(t, err, topology.ErrUnavailable)
		for _, c := range report.Changes() {
			require.Equal(t, topology.KindNamespace, c.Kind)
		}
	}
	require.Equal(t, map[string][]string{"developer": {"devs"}}, subjectsByRole(t, top))
}

// vanishing is a topology on which something happens while a tenant gets read visibility.
type vanishing struct {
	*fake.Topology
	meanwhile func(*fake.Topology)
	looks     int   // the number of reads of the namespace
	broken    error // the failure of these reads
}

func (v *vanishing) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	change, err := v.Topology.EnsureClusterReaders(ctx, want)
	v.meanwhile(v.Topology)
	return change, err
}

func (v *vanishing) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	v.looks++
	if v.broken != nil {
		return topology.Namespace{}, v.broken
	}
	return v.Topology.Namespace(ctx, name)
}

// Read visibility is not in the namespace, so it would outlive a tenant that another run removes at
// the same time.
func TestProvisionRemovesReadVisibilityOfARemovedTenant(t *testing.T) {
	s := minimal()
	s.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{{Role: Developer, Name: "devs"}}}
	remove := func(top *fake.Topology) { _, _ = top.DeleteNamespace(context.Background(), "acme") }
	tests := []struct {
		name      string
		meanwhile func(*fake.Topology)
		broken    error
		is        error
		stays     bool
	}{
		{name: "the tenant is not removed", meanwhile: func(*fake.Topology) {}, stays: true},
		{name: "the tenant is removed", meanwhile: remove, is: topology.ErrTerminating},
		{name: "the tenant is being deleted", meanwhile: func(top *fake.Topology) {
			top.Outsider().Hold("acme", "a finalizer")
			remove(top)
		}, is: topology.ErrTerminating},
		{name: "the tenant is replaced by a foreign namespace", meanwhile: func(top *fake.Topology) {
			remove(top)
			top.Outsider().CreateNamespace("acme", "Helm")
		}, is: topology.ErrTerminating},
		{name: "the namespace cannot be read", meanwhile: remove, broken: topology.ErrUnavailable,
			is: topology.ErrUnavailable, stays: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := fake.New(fake.Options{})
			_, err := score.Run(t.Context(),
				s.On(&vanishing{Topology: top, meanwhile: tt.meanwhile, broken: tt.broken}))
			_, readErr := top.ClusterReaders(t.Context(), "acme")
			if tt.stays {
				require.NoError(t, readErr)
			} else {
				require.ErrorIs(t, readErr, topology.ErrNotFound)
			}
			if tt.is == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.is)
			var at *score.Error
			require.ErrorAs(t, err, &at)
			require.Equal(t, "still there", at.Step)
		})
	}
}

// A tenant that has read visibility already, or gets none, costs no read of the namespace.
func TestProvisionChecksTheNamespaceOnlyAfterGivingReadVisibility(t *testing.T) {
	s := minimal()
	top := &vanishing{Topology: fake.New(fake.Options{}), meanwhile: func(*fake.Topology) {}}
	run := func(looks int) {
		top.looks = 0
		_, err := score.Run(t.Context(), s.On(top))
		require.NoError(t, err)
		require.Equal(t, looks, top.looks)
	}
	run(0)
	s.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{{Role: Developer, Name: "devs"}}}
	run(1) // created
	run(0)
	s.RBAC.Members = append(s.RBAC.Members, Member{Role: Viewer, Name: "auditors"})
	run(1) // updated
	s.RBAC.ReadVisibility = VisibilityOwn
	run(0)
}
