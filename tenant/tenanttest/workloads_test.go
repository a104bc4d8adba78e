package tenanttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
)

// becomes is the result of a file of testdata/workloads.
type becomes struct {
	pods, claims int
	then         func(ctx context.Context, developer actor) error // the actions of a developer after the creation
}

var workloads = map[string]becomes{
	"bare":                  {pods: 3},
	"certificate-challenge": {pods: 1},
	"database":              {pods: 3, claims: 3},
	"debug":                 {pods: 1, then: debug},
	"dedicated-nodes":       {pods: 2},
	"gpu":                   {pods: 1},
	"helm-release":          {pods: 3},
	"ingress-rewrite":       {},
	"ingress-tls":           {},
	"leader-election":       {pods: 2, then: electLeader},
	"load-balancer":         {},
	"managed-database":      {},
	"migration":             {pods: 1},
	"nightly-report":        {pods: 1, then: startByHand},
	"priority":              {pods: 1},
	"reserved-core":         {pods: 1},
	"rollout":               {pods: 4, then: scaleAndRestart}, // 3 and the first new one, which is never ready
	"scratch-volume":        {pods: 1, claims: 1},
	"secrets-store":         {pods: 1},
	"service-mesh":          {pods: 1},
	"spread":                {pods: 3},
	"uploads":               {pods: 1, claims: 1},
	"web":                   {pods: 3},
	"workload-identity":     {pods: 2},
}

// Each file works in a tenant that allows exactly the fields in the comment of the file. It fails
// in a tenant that lacks one of them.
func TestOrdinaryWorkloadsNeedExactlyTheirFields(t *testing.T) {
	s := newFixture(t)
	s.addClasses(t)
	var all []workload
	files, err := filepath.Glob("testdata/workloads/*.yaml")
	require.NoError(t, err)
	require.Len(t, files, len(workloads))
	for _, file := range files {
		whole := newWorkload(t, file, s.suffix)
		all = append(all, whole)
		for i, need := range whole.needs {
			without := newWorkload(t, file, fmt.Sprintf("-%d%s", i, s.suffix))
			without.needs, without.lacks = slices.Delete(without.needs, i, i+1), &need
			all = append(all, without)
		}
	}
	steps := make([]score.Step, len(all))
	for i, w := range all {
		steps[i] = w.score(t).On(s.top)
		s.removeAfter(t, w.tenant)
	}
	_, err = score.Runner{Concurrency: 8}.Run(t.Context(), steps...)
	require.NoError(t, err)
	for _, w := range all {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			w.try(t, s)
		})
	}
}

// workload is a file in its own tenant.
type workload struct {
	name, tenant string
	manifest     string
	needs        []need
	lacks        *need // nil: nothing
	becomes
}

func newWorkload(t *testing.T, file, suffix string) workload {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(file), ".yaml")
	require.Contains(t, workloads, name)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	w := workload{name: name, tenant: name + suffix, becomes: workloads[name]}
	w.manifest = strings.ReplaceAll(string(text), "globex", w.tenant) // the files name the tenant globex; each needs its own domain
	w.needs = needsOf(t, w.manifest)
	return w
}

func (w workload) String() string {
	if w.lacks == nil {
		return w.name
	}
	return w.name + " without " + w.lacks.path
}

// score returns the strictest Score with members and the needed fields.
func (w workload) score(t *testing.T) (s tenant.TenantScore) {
	t.Helper()
	fields := map[string]any{}
	set := func(value any, path ...string) {
		require.NoError(t, unstructured.SetNestedField(fields, value, path...))
	}
	set(w.tenant, "tenantConfig", "name")
	set([]any{
		map[string]any{"role": "developer", "name": w.tenant + "-devs"},
		map[string]any{"role": "admin", "name": w.tenant + "-admins"},
	}, "rbac", "members")
	for _, n := range w.needs {
		path := strings.Split(n.path, ".")
		switch {
		case n.path == needsAdmin:
		case n.listed:
			list, _, err := unstructured.NestedSlice(fields, path...)
			require.NoError(t, err)
			set(append(list, n.value), path...)
		default:
			set(n.value, path...)
		}
	}
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(text, &s))
	return s
}

// try creates the objects of the file, and checks their results.
func (w workload) try(t *testing.T, s fixture) {
	own := w.score(t)
	s.awaitRights(t, own)
	var refusals []string
	note := func(err error) {
		if err != nil {
			refusals = append(refusals, err.Error())
		}
	}
	for _, object := range documents(t, w.manifest) {
		note(s.member(t, own, w.creator(object.GetKind())).create(t.Context(), object))
	}
	if w.then != nil && len(refusals) == 0 {
		note(w.then(t.Context(), s.member(t, own, tenant.Developer)))
	}
	if w.lacks == nil {
		require.Empty(t, refusals)
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			pods, claims := s.count(t.Context(), c, w.tenant)
			assert.Equal(c, w.pods, pods, "pods")
			assert.Equal(c, w.claims, claims, "claims")
		}, patience, tick)
		require.Empty(t, s.failures(t.Context(), t, w.tenant))
		return
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.NotEmpty(c, append(refusals, s.failures(t.Context(), c, w.tenant)...))
	}, patience, tick, "it works without %v", w.lacks.value)
	for _, refusal := range append(refusals, s.failures(t.Context(), t, w.tenant)...) {
		require.True(t, slices.ContainsFunc(w.lacks.refusals(), func(part string) bool { return strings.Contains(refusal, part) }), refusal)
	}
}

// creator returns the role that creates objects of a kind: developer, unless the file needs an
// admin.
func (w workload) creator(kind string) tenant.Role {
	if slices.ContainsFunc(w.needs, func(n need) bool { return n.path == needsAdmin && n.value == kind }) {
		return tenant.Admin
	}
	return tenant.Developer
}

// need is a field of a TenantScore, or one element of a list.
type need struct {
	path   string
	value  any
	listed bool
}

// needsAdmin is the path of a kind that an admin creates instead of a developer.
const needsAdmin = "admin"

// refusals returns the texts that report the missing need: mostly its path, which guardrails name,
// otherwise the refusals of quotas and rights.
func (n need) refusals() []string {
	return append(map[string][]string{
		"resourceQuotas.limits.cpu":                 {"exceeded quota: polyphony, requested: limits.cpu="},
		"resourceQuotas.objects.nodePorts":          {"exceeded quota: polyphony, requested: services.nodeports="},
		"resourceQuotas.extended":                   {"the taint nvidia.com/gpu is not allowed"},
		"resourceQuotas.container.defaultLimit.cpu": {"must be less than or equal to cpu limit of 500m"},
		"rbac.members":                              {`cannot create resource "leases"`},
		needsAdmin:                                  {`cannot create resource "serviceaccounts"`, "error looking up service account"},
	}[n.path], n.path)
}

// needsOf returns the needs in the comment at the beginning of a file. They are YAML after
// "Needs:".
func needsOf(t *testing.T, manifest string) (needs []need) {
	t.Helper()
	comment, _, _ := strings.Cut(manifest, "---\n")
	_, list, found := strings.Cut(comment, "# Needs:\n")
	require.True(t, found, "the comment has no list of needs")
	var paths map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(list, "#   ", "")), &paths))
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		elements, listed := paths[path].([]any)
		if !listed {
			elements = []any{paths[path]}
		}
		for _, value := range elements {
			needs = append(needs, need{path, value, listed})
		}
	}
	return needs
}

// documents returns the objects of a manifest.
func documents(t *testing.T, manifest string) (all []*unstructured.Unstructured) {
	t.Helper()
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if object.Object != nil { // the comment at the beginning is a document too
			all = append(all, &object)
		}
	}
}

// The functions below send the requests that kubectl sends for a developer.

func debug(ctx context.Context, developer actor) error {
	_, err := developer.at("pods.v1.").Patch(ctx, "web-0", types.StrategicMergePatchType, []byte(`{"spec":{"ephemeralContainers":[{
		"name":"debugger-x7k2p","image":"busybox","imagePullPolicy":"Always","stdin":true,"tty":true,"terminationMessagePolicy":"File",
		"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}
	}]}}`), metav1.PatchOptions{}, "ephemeralcontainers")
	return err
}

func scaleAndRestart(ctx context.Context, developer actor) error {
	deployments := developer.at("deployments.v1.apps")
	_, err := deployments.Patch(ctx, "search", types.MergePatchType, []byte(`{"spec":{"replicas":3}}`), metav1.PatchOptions{}, "scale")
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, tick, patience, true, func(ctx context.Context) (bool, error) {
		have, err := deployments.Get(ctx, "search", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		observed, _, err := unstructured.NestedInt64(have.Object, "status", "observedGeneration")
		return observed == have.GetGeneration(), err
	})
	if err != nil {
		return err
	}
	restart := `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"` + time.Now().Format(time.RFC3339) + `"}}}}}`
	_, err = deployments.Patch(ctx, "search", types.StrategicMergePatchType, []byte(restart), metav1.PatchOptions{})
	return err
}

func startByHand(ctx context.Context, developer actor) error {
	from, err := developer.at("cronjobs.v1.batch").Get(ctx, "report", metav1.GetOptions{})
	if err != nil {
		return err
	}
	spec, _, err := unstructured.NestedMap(from.Object, "spec", "jobTemplate", "spec")
	if err != nil {
		return err
	}
	job := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": spec}}
	job.SetName("report-by-hand")
	job.SetAnnotations(map[string]string{"cronjob.kubernetes.io/instantiate": "manual"})
	job.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: from.GetName(), UID: from.GetUID(), Controller: new(true)}})
	return developer.create(ctx, job)
}

// electLeader sends the requests that a program sends with the token of its service account.
func electLeader(ctx context.Context, developer actor) error {
	program, err := developer.as(developer.namespace, "system:serviceaccount:"+developer.namespace+":queue-worker")
	if err != nil {
		return err
	}
	lease := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"name": "queue-worker"},
		"spec": map[string]any{"holderIdentity": "queue-worker-0", "leaseDurationSeconds": int64(15)},
	}}
	if err := program.create(ctx, lease); err != nil {
		return err
	}
	renewal := `{"spec":{"renewTime":"` + time.Now().Format(metav1.RFC3339Micro) + `"}}`
	if _, err := program.at("leases.v1.coordination.k8s.io").Patch(ctx, "queue-worker", types.MergePatchType, []byte(renewal), metav1.PatchOptions{}); err != nil {
		return err
	}
	return program.create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "queue-worker-state"}, "data": map[string]any{"leader": "queue-worker-0"},
	}})
}
