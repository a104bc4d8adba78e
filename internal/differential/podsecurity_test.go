package differential

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/admission"
	admissionapi "k8s.io/pod-security-admission/admission/api"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/metrics"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/internal/podsecurity"
	"github.com/polyphony-go/polyphony/topology"
)

// manifests is the number of random pods.
const manifests = 20_000

// judges are both evaluators, and counts of their answers.
type judges struct {
	theirs policy.Evaluator
	tally  map[topology.PodSecurity]*tally
}

// tally counts the pods that a level admitted and refused, and for each check those that it alone
// refused.
type tally struct {
	allowed, refused int
	alone            []int
}

func newJudges(t *testing.T) judges {
	t.Helper()
	theirs, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	return judges{theirs, map[topology.PodSecurity]*tally{topology.PodSecurityRestricted: {}, topology.PodSecurityBaseline: {}, topology.PodSecurityPrivileged: {}}}
}

// agree requires the same answer from both at every level.
func (j judges) agree(t *testing.T, what string, manifest []byte) {
	t.Helper()
	pod := stored(t, manifest)
	for level, tally := range j.tally {
		results := j.theirs.EvaluatePod(api.LevelVersion{Level: api.Level(level), Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec)
		want := policy.AggregateCheckResults(results)
		reasons, err := podsecurity.Check(level, manifest)
		if err != nil || want.Allowed != (len(reasons) == 0) {
			require.Fail(t, "the evaluators differ", "%s, %s\n%s\ntheirs: %s\nours: %q %v", what, level, manifest, want.ForbiddenDetail(), reasons, err)
		}
		tally.count(results, want)
	}
}

func (c *tally) count(results []policy.CheckResult, all policy.AggregateCheckResult) {
	if all.Allowed {
		c.allowed++
		return
	}
	c.refused++
	if len(c.alone) == 0 {
		c.alone = make([]int, len(results))
	}
	for i, result := range results {
		if !result.Allowed && len(all.ForbiddenReasons) == 1 {
			c.alone[i]++
		}
	}
}

// stored returns a pod as an API server parses it, with the one default that matters: a volume
// without a kind is an emptyDir. Source: SetDefaults_Volume of k8s.io/kubernetes/pkg/apis/core/v1.
func stored(t *testing.T, manifest []byte) *corev1.Pod {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, kjson.UnmarshalCaseSensitivePreserveInts(manifest, &pod), "%s", manifest)
	for i, v := range pod.Spec.Volumes {
		if ptr.AllPtrFieldsNil(&v.VolumeSource) {
			pod.Spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	return &pod
}

// Each check of Kubernetes must refuse some pods alone. Otherwise the comparison would not cover
// it.
func TestPodSecurityAgreesWithKubernetes(t *testing.T) {
	j := newJudges(t)
	for seed := range uint64(manifests) {
		g := podGenerator{generator: generator{rand.New(rand.NewPCG(seed, 2))}}
		g.careless = pick(g.generator, 0, 0.01, 0.03, 0.1, 0.4)
		data, err := json.Marshal(g.misspelt(g.pod()))
		require.NoError(t, err)
		j.agree(t, fmt.Sprint("seed ", seed), data)
	}
	for level, tally := range j.tally {
		t.Logf("%s: %d allowed, %d refused, for one check alone %v", level, tally.allowed, tally.refused, tally.alone)
		require.Greater(t, tally.allowed, manifests/5, level)
		if level == topology.PodSecurityPrivileged {
			require.Zero(t, tally.refused)
			continue
		}
		require.Greater(t, tally.refused, manifests/5, level)
		for check, alone := range tally.alone {
			require.Greater(t, alone, 10, "%s: check %d of %d", level, check, len(tally.alone))
		}
	}
	require.Len(t, j.tally[topology.PodSecurityBaseline].alone, 12)
	require.Len(t, j.tally[topology.PodSecurityRestricted].alone, 15)
}

// The manifests have misspelt and repeated fields.
func TestPodSecurityParsesAsAnAPIServer(t *testing.T) {
	j := newJudges(t)
	for _, manifest := range []string{
		`{}`, `{"spec":null}`, `{"Spec":{"hostPID":true}}`, `{"spec":{"hostPID":true,"HostPID":false,"hostpid":false}}`, `{"spec":{"host\u0050ID":true}}`,
		`{"spec":{"hostPID":true},"spec":{}}`, `{"spec":{"hostPID":true},"spec":null}`, `{"spec":{"hostPID":true,"hostPID":false}}`,
		`{"spec":{"hostUsers":false,"hostUsers":null,"containers":[{"securityContext":{"procMount":"Unmasked"}}]}}`,
		`{"spec":{"containers":[{"securityContext":{"privileged":true}}],"Containers":[],"CONTAINERS":null}}`,
		`{"spec":{"containers":[{"securityContext":{"capabilities":{"add":["NET_RAW"]},"capabilities":{"drop":["ALL"]}}}]}}`,
		`{"spec":{"containers":[{"securityContext":{"privileged":true},"securityContext":{"procMount":"Default"}}]}}`,
		`{"spec":{"containers":[{"lifecycle":{"preStop":{"httpGet":{"host":"x"}}},"lifecycle":{"postStart":{}}}]}}`,
		`{"spec":{"containers":[{"securityContext":{"privileged":true}}],"containers":[{"name":"c"}]}}`, `{"spec":{"containers":[null],"volumes":[null]}}`,
		`{"metadata":{"annotations":{"container.apparmor.security.beta.kubernetes.io/c":"unconfined"}},"metadata":{"annotations":{"a":null}}}`,
		`{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/"},"HostPath":null}]}}`, `{"spec":{"volumes":[{"HostPath":{"path":"/"}}]}}`,
		`{"spec":{"volumes":[{"hostPath":{"path":"/"},"hostPath":null}]}}`, `{"spec":{"volumes":[{"hostPath":{},"emptyDir":{}}]}}`,
		`{"spec":{"volumes":[{"name":"v","unheardOf":{}}]}}`, `{"spec":{"os":{"name":"windows"},"os":{"Name":"linux"},"securityContext":{"runAsNonRoot":true},"containers":[{}]}}`,
	} {
		j.agree(t, "by hand", []byte(manifest))
	}
}

// The fixtures are the test data of the evaluator. For the newest version, both must give the
// answer of the fixture.
func TestPodSecurityAgreesOnFixtures(t *testing.T) {
	j := newJudges(t)
	files, err := filepath.Glob(filepath.Join(moduleDir(t, "k8s.io/pod-security-admission"), "test", "testdata", "*", "v1.*", "*", "*.yaml"))
	require.NoError(t, err)
	newest := map[string]int{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		manifest, err := yaml.YAMLToJSON(data)
		require.NoError(t, err)
		j.agree(t, file, manifest)

		parts := strings.Split(filepath.ToSlash(file), "/")
		level, version, verdict := parts[len(parts)-4], parts[len(parts)-3], parts[len(parts)-2]
		if version == "v1.35" { // the latest version in which a check changed
			newest[level+" "+verdict]++
			reasons, err := podsecurity.Check(topology.PodSecurity(level), manifest)
			require.NoError(t, err)
			require.Equal(t, verdict == "pass", len(reasons) == 0, "%s: %q", file, reasons)
		}
	}
	for level, tally := range j.tally {
		t.Logf("%s: %d allowed, %d refused", level, tally.allowed, tally.refused)
	}
	t.Log(newest)
	require.Greater(t, len(files), 4000)
	for _, some := range []string{"baseline pass", "baseline fail", "restricted pass", "restricted fail"} {
		require.GreaterOrEqual(t, newest[some], 15, some)
	}
}

// moduleDir returns the directory of a module.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// The evaluator refuses every pod, so an update that is admitted was not evaluated.
func TestSignificantAgreesWithKubernetes(t *testing.T) {
	const privileged = "privileged"
	theirs := &admission.Admission{
		Configuration: &admissionapi.PodSecurityConfiguration{Defaults: admissionapi.PodSecurityDefaults{
			Enforce: "restricted", EnforceVersion: "latest", Audit: privileged, AuditVersion: "latest", Warn: privileged, WarnVersion: "latest",
		}},
		Evaluator: refusal{}, NamespaceGetter: refusal{}, PodLister: refusal{}, Metrics: refusal{},
	}
	require.NoError(t, theirs.CompleteConfiguration())
	require.NoError(t, theirs.ValidateConfiguration())
	evaluated, ignored := 0, 0
	for seed := range uint64(manifests) {
		g := podGenerator{generator: generator{rand.New(rand.NewPCG(seed, 3))}}
		old, pod := g.update(t)
		response := theirs.Validate(t.Context(), &api.AttributesRecord{
			Namespace: "acme", Name: "p", Resource: corev1.SchemeGroupVersion.WithResource("pods"), Subresource: pick(g.generator, "", "ephemeralcontainers", "resize"),
			Operation: admissionv1.Update, Object: stored(t, pod), OldObject: stored(t, old),
		})
		significant, err := podsecurity.Significant(pod, old)
		require.NoError(t, err)
		require.Equal(t, !response.Allowed, significant, "seed %d:\n%s\n%s", seed, old, pod)
		if significant {
			evaluated++
		} else {
			ignored++
		}
	}
	t.Logf("%d evaluated, %d ignored", evaluated, ignored)
	require.Greater(t, evaluated, manifests/10)
	require.Greater(t, ignored, manifests/10)
}

// refusal has what the admission controller needs, and refuses every pod.
type refusal struct{}

func (refusal) EvaluatePod(api.LevelVersion, *metav1.ObjectMeta, *corev1.PodSpec) []policy.CheckResult {
	return []policy.CheckResult{{ForbiddenReason: "whatever it is"}}
}

func (refusal) GetNamespace(context.Context, string) (*corev1.Namespace, error) {
	return &corev1.Namespace{}, nil
}

func (refusal) ListPods(context.Context, string) ([]*corev1.Pod, error) { return nil, nil }

func (refusal) RecordEvaluation(metrics.Decision, api.LevelVersion, metrics.Mode, api.Attributes) {}
func (refusal) RecordExemption(api.Attributes)                                                    {}
func (refusal) RecordError(bool, api.Attributes)                                                  {}
