// Command guardrails measures what guardrails cost. It measures how long an API server takes to
// create a pod in a tenant's namespace, with and without guardrails, with one tenant and with many.
// It prints a table in Markdown.
//
//	make bench
//
// Rounds with and without guardrails alternate on one API server, because a machine may be busy for
// some time. Their ratio is the result.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/bench/roster"
	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

var (
	rounds  = flag.Int("rounds", 10, "number of rounds with guardrails, and of rounds without")
	pods    = flag.Int("pods", 200, "number of pods to create in each round, one after the other")
	tenants = flag.Int("tenants", 1000, "number of tenants in the second half")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	cluster, err := testcluster.Start(ctx, testcluster.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if stopped := cluster.Stop(); err == nil {
			err = stopped
		}
	}()
	b, err := newBench(cluster)
	if err != nil {
		return err
	}
	fmt.Println("| tenants | without, median | with, median | with, 95th percentile | ratio of medians | rounds from - to |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, n := range []int{1, *tenants} {
		if err := roster.Provision(ctx, b.top, roster.Tenants(n)); err != nil {
			return err
		}
		if err := b.compare(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// bench is a cluster, and a developer of its first tenant.
type bench struct {
	top       *k8s.Topology
	admin     *kubernetes.Clientset
	developer *kubernetes.Clientset
}

func newBench(cluster *testcluster.Cluster) (*bench, error) {
	adminConfig, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	if err != nil {
		return nil, err
	}
	// An ordinary user is subject to authorization and to priority and fairness.
	path, err := cluster.KubeconfigFor("jane", roster.Group(0))
	if err != nil {
		return nil, err
	}
	developerConfig, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, err
	}
	adminConfig.QPS, developerConfig.QPS = -1, -1
	b := &bench{}
	if b.top, err = k8s.New(adminConfig, k8s.Options{Name: "bench"}); err != nil {
		return nil, err
	}
	if b.admin, err = kubernetes.NewForConfig(adminConfig); err != nil {
		return nil, err
	}
	b.developer, err = kubernetes.NewForConfig(developerConfig)
	return b, err
}

// compare alternates rounds without and with guardrails, and prints a line of the table.
func (b *bench) compare(ctx context.Context, n int) error {
	var without, with []time.Duration
	var ratios []float64
	if _, err := b.round(ctx); err != nil { // warm up
		return err
	}
	for range *rounds {
		if err := b.guardrails(ctx, false); err != nil {
			return err
		}
		off, err := b.round(ctx)
		if err != nil {
			return err
		}
		if err := b.guardrails(ctx, true); err != nil {
			return err
		}
		on, err := b.round(ctx)
		if err != nil {
			return err
		}
		without, with = append(without, off...), append(with, on...)
		ratios = append(ratios, float64(quantile(on, 0.5))/float64(quantile(off, 0.5)))
	}
	slices.Sort(ratios)
	off, on, tail := quantile(without, 0.5), quantile(with, 0.5), quantile(with, 0.95)
	fmt.Printf("| %d | %s | %s | %s | %.2f | %.2f - %.2f |\n", n, millis(off), millis(on), millis(tail),
		float64(on)/float64(off), ratios[0], ratios[len(ratios)-1])
	return nil
}

func (b *bench) guardrails(ctx context.Context, on bool) error {
	if _, err := score.Run(ctx, guardrails.Score{Remove: !on}.On(b.top)); err != nil || on {
		return err
	}
	return b.awaitNone(ctx)
}

// awaitNone waits until no guardrail is in force, and any image is allowed.
func (b *bench) awaitNone(ctx context.Context) error {
	foreign := pod()
	foreign.Spec.Containers[0].Image = "elsewhere.example.com/app"
	for {
		opts := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
		_, err := b.developer.CoreV1().Pods(roster.Name(0)).Create(ctx, foreign, opts)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// round creates pods one after the other and deletes them. It returns how long each creation took.
func (b *bench) round(ctx context.Context) ([]time.Duration, error) {
	var took []time.Duration
	for range *pods {
		began := time.Now()
		if _, err := b.developer.CoreV1().Pods(roster.Name(0)).Create(ctx, pod(), metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}
	return took, b.admin.CoreV1().Pods(roster.Name(0)).DeleteCollection(ctx, now, metav1.ListOptions{})
}

// pod returns a typical pod, with two containers, volumes and a toleration.
func pod() *corev1.Pod {
	container := corev1.Container{
		Name: "app", Image: "registry.example.com/b/app:1.2.3",
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
	sidecar := container
	sidecar.Name, sidecar.Image = "sidecar", "registry.example.com/b/sidecar@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "app-", Labels: map[string]string{"app": "app"}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: new(false), Containers: []corev1.Container{container, sidecar},
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   new(true),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Volumes: []corev1.Volume{
				{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			},
			Tolerations: []corev1.Toleration{
				{Key: "node.kubernetes.io/memory-pressure", Operator: corev1.TolerationOpExists},
			},
		},
	}
}

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
