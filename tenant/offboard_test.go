package tenant_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

func TestOffboardScoreValidate(t *testing.T) {
	tests := []struct {
		name  string
		score tenant.OffboardScore
		paths []string
	}{
		{"a tenant alone", tenant.OffboardScore{Tenant: "acme"}, nil},
		{"named volumes",
			tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"data", "data-db-0", "backup.2024"}},
			nil},
		{"the shortest time to wait", tenant.OffboardScore{Tenant: "acme", Wait: 1}, nil},
		{"the longest time to wait", tenant.OffboardScore{Tenant: "acme", Wait: tenant.MaxDuration}, nil},
		{"a missing tenant", tenant.OffboardScore{}, []string{"tenant"}},
		{"a tenant with an invalid name", tenant.OffboardScore{Tenant: "Acme"}, []string{"tenant"}},
		{"a namespace of the platform", tenant.OffboardScore{Tenant: "kube-system"}, []string{"tenant"}},
		{"the namespace default", tenant.OffboardScore{Tenant: "default"}, []string{"tenant"}},
		{"a volume without a name",
			tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{""}}, []string{"deleteVolumes[0]"}},
		{"a wildcard for volumes", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"*"}},
			[]string{"deleteVolumes[0]"}},
		{"the same volume twice", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"a", "b", "a"}},
			[]string{"deleteVolumes[2]"}},
		{"a negative time to wait", tenant.OffboardScore{Tenant: "acme", Wait: -1}, []string{"wait"}},
		{"a time to wait of more than a day",
			tenant.OffboardScore{Tenant: "acme", Wait: tenant.MaxDuration + 1}, []string{"wait"}},
		{"several mistakes at once", tenant.OffboardScore{Tenant: "kube-A", DeleteVolumes: []string{"ok", "*", "ok"},
			Wait: -1},
			[]string{"tenant", "tenant", "deleteVolumes[1]", "deleteVolumes[2]", "wait"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			valuetest.RequireFieldPaths(t, tt.paths, tt.score.Validate())
		})
	}
}

func TestOffboardScoreSurvivesJSONAndYAML(t *testing.T) {
	s := tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"data"}, Wait: tenant.Duration(30 * time.Second)}
	require.Equal(t, "offboard/acme", s.Name())
	var fromYAML tenant.OffboardScore
	require.NoError(t, yaml.UnmarshalStrict([]byte("tenant: acme\ndeleteVolumes: [data]\nwait: 30s\n"), &fromYAML))
	require.Equal(t, s, fromYAML)
	data, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"tenant":"acme","deleteVolumes":["data"],"wait":"30s"}`, string(data))
}

// leaving is a topology with a tenant to remove. It records its calls.
type leaving struct {
	tenant.OffboardTopology
	namespace topology.Namespace
	missing   bool
	failAt    string
	volumes   [][]topology.Volume // the answers in order; the last one repeats
	calls     []string
	patience  time.Duration
}

var errInjected = errors.New("injected")

func (l *leaving) call(name string) error {
	l.calls = append(l.calls, name)
	if name == l.failAt {
		return errInjected
	}
	return nil
}

func (l *leaving) Name() string { return "leaving" }
func (l *leaving) Namespace(context.Context, string) (topology.Namespace, error) {
	if l.missing {
		return topology.Namespace{}, errors.Join(l.call("look"), topology.ErrNotFound)
	}
	return l.namespace, l.call("look")
}
func (l *leaving) Volumes(context.Context, string) ([]topology.Volume, error) {
	if len(l.volumes) == 0 {
		return nil, l.call("volumes")
	}
	answer := l.volumes[0]
	l.volumes = l.volumes[min(1, len(l.volumes)-1):]
	return answer, l.call("volumes")
}
func (l *leaving) DeleteAccess(context.Context, string) (topology.Change, error) {
	return topology.Change{Kind: "Access", Action: topology.Deleted}, l.call("access")
}
func (l *leaving) DeleteClusterReaders(context.Context, string) (topology.Change, error) {
	return topology.Change{Kind: "ClusterReaders", Action: topology.Deleted}, l.call("readers")
}
func (l *leaving) DeleteNamespace(context.Context, string) (topology.Change, error) {
	return topology.Change{Kind: "Namespace", Action: topology.Deleted}, l.call("namespace")
}
func (l *leaving) AwaitNamespaceGone(ctx context.Context, _ string) error {
	deadline, _ := ctx.Deadline()
	l.patience = time.Until(deadline)
	return l.call("gone")
}

func TestOffboardRefusesUnsafeRemovals(t *testing.T) {
	ours := topology.Namespace{Name: "acme", Managed: true}
	going := topology.Namespace{Name: "acme", Managed: true, Terminating: true, Protected: true}
	claims := func(names ...string) (all []topology.Volume) {
		for _, n := range names {
			all = append(all, topology.Volume{Name: n})
		}
		return all
	}
	everything := []string{"look", "volumes", "access", "readers", "look", "volumes", "namespace", "gone", "readers"}
	withoutVolumes := []string{"look", "access", "readers", "look", "namespace", "gone", "readers"}
	tests := []struct {
		name  string
		on    leaving
		named []string
		calls []string
		is    error
		says  string
	}{
		{name: "a tenant without volumes is removed", on: leaving{namespace: ours}, calls: everything},
		{name: "a tenant that does not exist is skipped", on: leaving{missing: true}, calls: withoutVolumes},
		{name: "a tenant that is being deleted is finished",
			on:    leaving{namespace: going, volumes: [][]topology.Volume{claims("data")}},
			calls: withoutVolumes},
		{name: "a tenant whose volumes are all named is removed",
			on:    leaving{namespace: ours, volumes: [][]topology.Volume{claims("data", "logs")}},
			named: []string{"logs", "data", "other"}, calls: everything},

		{name: "a protected tenant is refused",
			on:    leaving{namespace: topology.Namespace{Managed: true, Protected: true}},
			calls: []string{"look"},
			is:    topology.ErrProtected, says: "guards: delete Namespace \"acme\": has deletion protection"},
		{name: "a foreign namespace is refused",
			on: leaving{namespace: topology.Namespace{Owner: "Helm"}}, calls: []string{"look"},
			is: topology.ErrConflict, says: `its owner is "Helm"`},
		{name: "a foreign namespace that is being deleted is refused",
			on: leaving{namespace: topology.Namespace{Owner: "Helm", Terminating: true}}, calls: []string{"look"},
			is: topology.ErrConflict},
		{name: "volumes that are not named are refused",
			on:    leaving{namespace: ours, volumes: [][]topology.Volume{claims("data", "logs", "temp")}},
			named: []string{"logs"}, calls: []string{"look", "volumes"},
			is: topology.ErrProtected, says: "would be lost: data, temp;"},
		{name: "a volume that appears during the run is refused",
			on:    leaving{namespace: ours, volumes: [][]topology.Volume{nil, claims("late")}},
			calls: []string{"look", "volumes", "access", "readers", "look", "volumes"}, is: topology.ErrProtected,
			says: "guards again: "},

		{name: "a namespace that cannot be read fails the run",
			on: leaving{namespace: ours, failAt: "look"}, calls: everything[:1], is: errInjected,
			says: "guards: "},
		{name: "volumes that cannot be read fail the run",
			on: leaving{namespace: ours, failAt: "volumes"}, calls: everything[:2], is: errInjected,
			says: "guards: "},
		{name: "access that cannot be deleted fails the run",
			on: leaving{namespace: ours, failAt: "access"}, calls: everything[:3], is: errInjected,
			says: "access: "},
		{name: "readers that cannot be deleted fail the run",
			on: leaving{namespace: ours, failAt: "readers"}, calls: everything[:4], is: errInjected,
			says: "read visibility: "},
		{name: "a namespace that cannot be deleted fails the run",
			on: leaving{namespace: ours, failAt: "namespace"}, calls: everything[:7],
			is: errInjected, says: "namespace: "},
		{name: "a namespace that does not disappear fails the run",
			on: leaving{namespace: ours, failAt: "gone"}, calls: everything[:8],
			is: errInjected, says: "namespace gone: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := score.Run(t.Context(),
				tenant.OffboardScore{Tenant: "acme", DeleteVolumes: tt.named}.On(&tt.on))
			require.Equal(t, tt.calls, tt.on.calls)
			if tt.is == nil {
				require.NoError(t, err)
				require.Len(t, report.Changes(), 3)
				return
			}
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestOffboardWaitsForTheGivenTime(t *testing.T) {
	for wait, want := range map[tenant.Duration]time.Duration{0: 2 * time.Minute,
		tenant.Duration(time.Second): time.Second, tenant.MaxDuration: 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			on := leaving{missing: true}
			_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: "acme", Wait: wait}.On(&on))
			require.NoError(t, err)
			require.Equal(t, want, on.patience)
		})
	}
}
