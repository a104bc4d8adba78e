package tenant

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestDesired(t *testing.T) {
	for name, s := range map[string]TenantScore{"zero": minimal(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			want, err := s.desired(bigPlatform())
			require.NoError(t, err)
			data, err := yaml.Marshal(map[string]any{
				"adopt": want.namespace.Adopt, "namespace": want.namespace, "quota": want.quota, "limitRange": want.limitRange, "network": want.network,
				"access": s.RBAC.access("acme"), "readers": s.RBAC.readers("acme"), "notes": want.notes,
			})
			require.NoError(t, err)
			golden(t, "testdata/desired-"+name+".golden.yaml", string(data))
		})
	}
}

// The zero tenant stays as tight when the platform has nothing or everything.
func TestTheZeroTenantIsClosed(t *testing.T) {
	for name, platform := range map[string]topology.Platform{"bare": {DNS: bigPlatform().DNS}, "big": bigPlatform()} {
		t.Run(name, func(t *testing.T) {
			want, err := minimal().desired(platform)
			require.NoError(t, err)
			require.Equal(t, topology.NetworkRules{Namespace: "acme", Ingress: []topology.NetworkRule{sameNamespace},
				Egress: append([]topology.NetworkRule{sameNamespace}, platform.DNS...)}, want.network)
			require.Equal(t, topology.Namespace{Name: "acme", PodSecurity: topology.PodSecurityRestricted}, want.namespace)
			require.Equal(t, topology.Access{Namespace: "acme"}, minimal().RBAC.access("acme"))
			require.Equal(t, topology.ClusterReaders{Tenant: "acme"}, minimal().RBAC.readers("acme"))
			require.Empty(t, want.notes)
		})
	}
}

func TestReadVisibility(t *testing.T) {
	s := full()
	require.Equal(t, topology.ClusterReaders{Tenant: "acme", Groups: []string{"acme-devs", "acme-ops"}}, s.RBAC.readers("acme"), "groups, and nobody else")
	for _, v := range []ReadVisibility{"", VisibilityOwn} {
		s.RBAC.ReadVisibility = v
		require.Empty(t, s.RBAC.readers("acme").Groups)
	}
}

// Whatever Score is valid, the API server takes what comes of it.
func TestWhatIsValidCanBeStored(t *testing.T) {
	random, valid := rand.New(rand.NewPCG(1, 2)), 0
	for range 2000 {
		valid += checkRandomScore(t, random)
	}
	require.Greater(t, valid, 200, "too few of the random Scores are valid for this to say anything")
	require.Less(t, valid, 1800, "too few of them are not")
}

func FuzzWhatIsValidCanBeStored(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { checkRandomScore(t, rand.New(rand.NewPCG(a, b))) })
}

func checkRandomScore(t *testing.T, random *rand.Rand) (valid int) {
	t.Helper()
	s := minimal()
	s.ResourceQuotas, s.StorageAccess = randomQuotas(random)
	if s.Validate() != nil {
		return 0
	}
	platform := bigPlatform()
	want, err := s.desired(platform)
	require.NoError(t, err)
	for name, q := range want.quota.Hard {
		require.Empty(t, validation.IsQualifiedName(name), name)
		require.GreaterOrEqual(t, q.Sign(), 0, "%s: %s", name, &q)
	}
	for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
		require.True(t, atMost(want.quota.Hard, "requests."+name, want.quota.Hard, "limits."+name), "%s: %v", name, want.quota.Hard)
	}
	for _, limit := range want.limitRange.Limits {
		for name := range keysOf(limit.Min, limit.Max, limit.Default, limit.DefaultRequest) {
			steps := []resources{limit.Min, limit.DefaultRequest, limit.Default, limit.Max}
			for i, less := range steps {
				for _, more := range steps[i+1:] {
					require.True(t, atMost(less, name, more, name), "%s %s of %+v: %+v", limit.Type, name, s.ResourceQuotas.Container, limit)
				}
			}
		}
		if limit.Type == topology.LimitContainer {
			for _, name := range []string{"cpu", "memory", "ephemeral-storage"} {
				least, request, most := limit.Min[name], limit.DefaultRequest[name], limit.Default[name]
				require.Positive(t, least.Sign(), "a container could have a limit of zero, which is none")
				require.Positive(t, request.Sign())
				require.Positive(t, most.Sign())
			}
		}
	}
	return 1
}

// atMost tells whether a[x] is at most b[y], if there are both.
func atMost(a resources, x string, b resources, y string) bool {
	less, ok := a[x]
	more, also := b[y]
	return !ok || !also || less.Cmp(more) <= 0
}

func keysOf(all ...resources) map[string]bool {
	keys := map[string]bool{}
	for _, m := range all {
		for k := range m {
			keys[k] = true
		}
	}
	return keys
}

// randomQuotas are mostly small, seldom negative and often unset, so that a good part of them is valid.
func randomQuotas(random *rand.Rand) (ResourceQuotaConfig, StorageAccessConfig) {
	sizes := []string{"0", "1n", "1", "500m", "100", "64Mi", "100Mi", "512Mi", "1Gi", "1025Mi", "4Gi", "10Gi", "1e30", "-1"}
	cores := []string{"0", "1u", "1m", "50m", "100m", "499m", "0.5", "500m", "501m", "1", "1001m", "3", "-1m"}
	pick := func(from []string) *resource.Quantity {
		switch random.IntN(4) {
		case 0:
			return amount(from[random.IntN(len(from))])
		default:
			return nil
		}
	}
	amounts := func() ComputeResources {
		if random.IntN(2) == 0 {
			return ComputeResources{}
		}
		return ComputeResources{CPU: pick(cores), Memory: pick(sizes), EphemeralStorage: pick(sizes)}
	}
	quotas := ResourceQuotaConfig{
		Requests: amounts(), Limits: amounts(), Storage: pick(sizes),
		Container: ContainerBounds{DefaultRequest: amounts(), DefaultLimit: amounts(), Min: amounts(), Max: amounts()},
		Pod:       Bounds{Min: amounts(), Max: amounts()},
	}
	storage := StorageAccessConfig{ClaimMin: pick(sizes), ClaimMax: pick(sizes)}
	for _, name := range []string{"fast", "bulk"} {
		if q := pick(sizes); q != nil {
			storage.Classes = append(storage.Classes, StorageClassAccess{Name: name, Capacity: *q})
		}
	}
	return quotas, storage
}

// recorder is a topology that writes down what it is asked, and fails at one call.
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
	return topology.Change{Kind: name, Name: "acme", Action: topology.Unchanged}, nil
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
func (r *recorder) EnsureNamespace(context.Context, topology.Namespace) (topology.Change, error) {
	return r.call("namespace")
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
	order := []string{"platform", "namespace", "network", "quota", "limits", "quota in force", "access", "read visibility"}
	for i, failAt := range append([]string{""}, order...) {
		t.Run("failing at "+failAt, func(t *testing.T) {
			r := &recorder{platform: bigPlatform(), failAt: failAt}
			report, err := score.Run(t.Context(), full().On(r))
			if failAt == "" {
				require.NoError(t, err)
				require.Equal(t, order, r.calls)
				require.Equal(t, []bool{true}, r.waits, "the wait for the quota ends")
				require.Len(t, report.Changes(), len(order)-2)
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

func TestProvisionWithoutMembersTakesAccessAway(t *testing.T) {
	r := &recorder{platform: bigPlatform()}
	_, err := score.Run(t.Context(), minimal().On(r))
	require.NoError(t, err)
	require.Equal(t, []string{"platform", "namespace", "network", "quota", "limits", "quota in force", "no access", "no read visibility"}, r.calls)
}

func TestProvisionRefusesBeforeItTouchesAnything(t *testing.T) {
	s := full()
	s.StorageAccess.Classes[0].Name = "elsewhere"
	r := &recorder{platform: bigPlatform()}
	_, err := score.Run(t.Context(), s.On(r))
	require.ErrorIs(t, err, topology.ErrUnsupported)
	require.Equal(t, []string{"platform"}, r.calls)
}

func TestNotesReachTheOutcome(t *testing.T) {
	report, err := score.Run(t.Context(), full().On(&recorder{platform: bigPlatform()}))
	require.NoError(t, err)
	require.Len(t, report.Results[0].Outcome.Notes, 1)
	require.Contains(t, report.Results[0].Outcome.Notes[0], `default storage class is "fast"`)
}

// Whoever has left must not keep rights because something else is broken. Nobody gets any from a run that fails.
func TestAFailedRunTakesRightsAndGivesNone(t *testing.T) {
	before, after := minimal(), minimal()
	before.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{
		{Role: Admin, Name: "ops"}, {Role: Developer, Name: "gone"}, {Role: Viewer, Name: "gone"}, {Role: Viewer, Kind: topology.User, Name: "jane"}}}
	after.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{
		{Role: Admin, Name: "ops"}, {Role: Admin, Kind: topology.User, Name: "jane"}, {Role: Viewer, Kind: topology.User, Name: "jane"}, {Role: Developer, Name: "new"}}}
	for _, broken := range []fake.Fault{
		{Op: "read", Kind: "Platform"}, {Op: "ensure", Kind: "Namespace"}, {Op: "ensure", Kind: "NetworkRules"}, {Op: "ensure", Kind: "Quota"}, {Op: "ensure", Kind: "LimitRange"},
		{Op: "await", Kind: "Quota"},
	} {
		t.Run(broken.Op+" "+broken.Kind, func(t *testing.T) {
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
			require.Equal(t, map[string][]string{"admin": {"ops", "jane"}, "developer": {"new"}, "viewer": {"jane"}}, subjectsByRole(t, top))
		})
	}
}

// subjectsByRole are the names of those who have a role, by role.
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

func TestAFailedRunTakesTheLastRights(t *testing.T) {
	top := fake.New(fake.Options{})
	before := minimal()
	before.RBAC = RBACConfig{ReadVisibility: VisibilityCluster, Members: []Member{{Role: Developer, Name: "gone"}}}
	_, err := score.Run(t.Context(), before.On(top))
	require.NoError(t, err)
	_, err = score.Run(t.Context(), minimal().On(top.WithFaults(fake.Fault{Op: "ensure", Kind: "Quota", Err: topology.ErrUnavailable})))
	require.ErrorIs(t, err, topology.ErrUnavailable)
	_, err = top.Access(t.Context(), "acme")
	require.ErrorIs(t, err, topology.ErrNotFound)
	_, err = top.ClusterReaders(t.Context(), "acme")
	require.ErrorIs(t, err, topology.ErrNotFound)
}
