// Command packets tries with real pods what network rules are for: on a cluster whose CNI enforces
// NetworkPolicies, it provisions two tenants, runs a server in each, and connects from one to the
// other. Then it takes the fence away, to see that it was the fence.
//
//	go run ./internal/packets -kubeconfig ~/.kube/config -image docker.io/library/busybox:1
//
// It leaves nothing behind. The image needs busybox' httpd and nc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

var (
	kubeconfig = flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "of the cluster's administrator")
	image      = flag.String("image", "docker.io/library/busybox:1", "with busybox' httpd and nc")
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

const port = 8080

func run(ctx context.Context) (err error) {
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	cluster, err := k8s.New(config, k8s.Options{})
	if err != nil {
		return err
	}
	acme, globex := named("polyphony-packets-acme"), named("polyphony-packets-globex")
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
		defer cancel()
		_, offErr := score.Run(ctx, tenant.OffboardScore{Tenant: acme.TenantConfig.Name}.On(cluster), tenant.OffboardScore{Tenant: globex.TenantConfig.Name}.On(cluster))
		err = errors.Join(err, offErr)
	}()
	if _, err := score.Run(ctx, acme.On(cluster), globex.On(cluster)); err != nil {
		return err
	}
	p := packets{client: client, from: acme.TenantConfig.Name}
	own, err := p.serve(ctx, acme.TenantConfig.Name)
	if err != nil {
		return err
	}
	other, err := p.serve(ctx, globex.TenantConfig.Name)
	if err != nil {
		return err
	}
	if err := p.expect(ctx, "another pod of the same tenant", own, true); err != nil {
		return err
	}
	if err := p.expect(ctx, "another tenant's pod", other, false); err != nil {
		return err
	}
	api, err := client.CoreV1().Services("default").Get(ctx, "kubernetes", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := p.expect(ctx, "the API server", api.Spec.ClusterIP+" 443", false); err != nil {
		return err
	}
	// Both fences have to go: the one that keeps acme in, and the one that keeps others out of
	// globex.
	for _, s := range []tenant.TenantScore{acme, globex} {
		if _, err := cluster.DeleteNetworkRules(ctx, s.TenantConfig.Name); err != nil {
			return err
		}
		if err := p.expect(ctx, "another tenant's pod, without the rules of "+s.TenantConfig.Name, other, s.Name() == globex.Name()); err != nil {
			return err
		}
	}
	if _, err := score.Run(ctx, acme.On(cluster), globex.On(cluster)); err != nil {
		return err
	}
	return p.expect(ctx, "another tenant's pod, after another run", other, false)
}

func named(name string) tenant.TenantScore {
	return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name, ImageRegistries: []string{"*"}}}
}

// packets sends some, from pods in a namespace.
type packets struct {
	client *kubernetes.Clientset
	from   string
}

func pod(name string, command ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(false), TerminationGracePeriodSeconds: new(int64(0)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(1000)), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: name, Image: *image, ImagePullPolicy: corev1.PullIfNotPresent, Command: command,
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
}

// serve runs a server in a namespace and returns its address and port.
func (p packets) serve(ctx context.Context, namespace string) (address string, err error) {
	server, err := p.await(ctx, namespace, pod("server", "busybox", "httpd", "-f", "-p", fmt.Sprint(port), "-h", "/tmp"), corev1.PodRunning)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d", server.Status.PodIP, port), nil
}

// await makes a pod and waits until it is in one of the phases.
func (p packets) await(ctx context.Context, namespace string, want *corev1.Pod, phases ...corev1.PodPhase) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var made *corev1.Pod
	for {
		var err error
		if made == nil { // the service account may take a moment
			made, err = p.client.CoreV1().Pods(namespace).Create(ctx, want, metav1.CreateOptions{})
			if err != nil {
				made = nil
			}
		} else {
			made, err = p.client.CoreV1().Pods(namespace).Get(ctx, made.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			for _, phase := range phases {
				if made.Status.Phase == phase {
					return made, nil
				}
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// expect connects from a new pod and compares what becomes of it. Rules take a moment to reach the
// nodes, so that it is tried a few times.
func (p packets) expect(ctx context.Context, what, address string, reachable bool) error {
	var reached bool
	for range 5 {
		client, err := p.await(ctx, p.from, pod("client", "sh", "-c", "nc -w 3 "+address+" </dev/null"), corev1.PodSucceeded, corev1.PodFailed)
		if err != nil {
			return err
		}
		if reached = client.Status.Phase == corev1.PodSucceeded; reached == reachable {
			fmt.Printf("%s %s (%s)\n", map[bool]string{true: "reached    ", false: "not reached"}[reached], what, address)
			return nil
		}
	}
	return fmt.Errorf("%s (%s): reached is %t, and should be %t", what, address, reached, reachable)
}
