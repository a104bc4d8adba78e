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
		{"tenant", tenant.OffboardScore{Tenant: "acme"}, nil},
		{"volumes", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"data", "data-db-0", "backup.2024"}},
			nil},
		{"wait", tenant.OffboardScore{Tenant: "acme", Wait: 1}, nil},
		{"a day", tenant.OffboardScore{Tenant: "acme", Wait: tenant.MaxDuration}, nil},
		{"no tenant", tenant.OffboardScore{}, []string{"tenant"}},
		{"bad name", tenant.OffboardScore{Tenant: "Acme"}, []string{"tenant"}},
		{"the platform", tenant.OffboardScore{Tenant: "kube-system"}, []string{"tenant"}},
		{"default", tenant.OffboardScore{Tenant: "default"}, []string{"tenant"}},
		{"no volume", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{""}}, []string{"deleteVolumes[0]"}},
		{"all volumes", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"*"}},
			[]string{"deleteVolumes[0]"}},
		{"same volume twice", tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"a", "b", "a"}},
			[]string{"deleteVolumes[2]"}},
		{"negative wait", tenant.OffboardScore{Tenant: "acme", Wait: -1}, []string{"wait"}},
		{"longer than a day", tenant.OffboardScore{Tenant: "acme", Wait: tenant.MaxDuration + 1}, []string{"wait"}},
		{"everything at once", tenant.OffboardScore{Tenant: "kube-A", DeleteVolumes: []string{"ok", "*", "ok"},
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
		{name: "nothing in the way", on: leaving{namespace: ours}, calls: everything},
		{name: "gone already", on: leaving{missing: true}, calls: withoutVolumes},
		{name: "going already", on: leaving{namespace: going, volumes: [][]topology.Volume{claims("data")}},
			calls: withoutVolumes},
		{name: "volumes named", on: leaving{namespace: ours, volumes: [][]topology.Volume{claims("data", "logs")}},
			named: []string{"logs", "data", "other"}, calls: everything},

		{name: "protected", on: leaving{namespace: topology.Namespace{Managed: true, Protected: true}},
			calls: []string{"look"},
			is:    topology.ErrProtected, says: "guards: delete Namespace \"acme\": has deletion protection"},
		{name: "foreign", on: leaving{namespace: topology.Namespace{Owner: "Helm"}}, calls: []string{"look"},
			is: topology.ErrConflict, says: `its owner is "Helm"`},
		{name: "foreign and being deleted",
			on: leaving{namespace: topology.Namespace{Owner: "Helm", Terminating: true}}, calls: []string{"look"},
			is: topology.ErrConflict},
		{name: "volumes", on: leaving{namespace: ours, volumes: [][]topology.Volume{claims("data", "logs", "temp")}},
			named: []string{"logs"}, calls: []string{"look", "volumes"},
			is: topology.ErrProtected, says: "would be lost: data, temp;"},
		{name: "a volume that came in between",
			on:    leaving{namespace: ours, volumes: [][]topology.Volume{nil, claims("late")}},
			calls: []string{"look", "volumes", "access", "readers", "look", "volumes"}, is: topology.ErrProtected,
			says: "guards again: "},

		{name: "no look", on: leaving{namespace: ours, failAt: "look"}, calls: everything[:1], is: errInjected,
			says: "guards: "},
		{name: "no volumes", on: leaving{namespace: ours, failAt: "volumes"}, calls: everything[:2], is: errInjected,
			says: "guards: "},
		{name: "access stays", on: leaving{namespace: ours, failAt: "access"}, calls: everything[:3], is: errInjected,
			says: "access: "},
		{name: "readers stay", on: leaving{namespace: ours, failAt: "readers"}, calls: everything[:4], is: errInjected,
			says: "read visibility: "},
		{name: "namespace stays", on: leaving{namespace: ours, failAt: "namespace"}, calls: everything[:7],
			is: errInjected, says: "namespace: "},
		{name: "namespace is held", on: leaving{namespace: ours, failAt: "gone"}, calls: everything[:8],
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
