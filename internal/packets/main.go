// Command packets tests network rules with real pods, on a cluster whose CNI enforces
// NetworkPolicies. It provisions two tenants, runs a server in each, and tries to connect from one
// tenant to the other. Then it deletes the rules and connects again, which shows that the rules
// were what refused the connection.
//
//	go run ./internal/packets -kubeconfig ~/.kube/config -image docker.io/library/busybox:1
//
// It removes the tenants at the end. The image must have httpd and nc of BusyBox.
package main

import (
	"context"
	"errors"
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

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

var (
	kubeconfig = flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "path of the kubeconfig of an administrator")
	image      = flag.String("image", "docker.io/library/busybox:1", "image with httpd and nc of BusyBox")
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
	p := prober{
		client: client, cluster: cluster,
		acme: newTenant("polyphony-packets-acme"), globex: newTenant("polyphony-packets-globex"),
	}
	defer func() { err = errors.Join(err, p.offboard(ctx)) }()
	if err := p.provision(ctx); err != nil {
		return err
	}
	other, err := p.probeProvisioned(ctx)
	if err != nil {
		return err
	}
	return p.probeWithoutRules(ctx, other)
}

// prober connects from pods of the tenant acme.
type prober struct {
	client       *kubernetes.Clientset
	cluster      *k8s.Topology
	acme, globex tenant.TenantScore
}

func (p prober) provision(ctx context.Context) error {
	_, err := score.Run(ctx, p.acme.On(p.cluster), p.globex.On(p.cluster))
	return err
}

// offboard removes the tenants, also after ctx has ended.
func (p prober) offboard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
	defer cancel()
	_, err := score.Run(ctx,
		tenant.OffboardScore{Tenant: p.acme.TenantConfig.Name}.On(p.cluster),
		tenant.OffboardScore{Tenant: p.globex.TenantConfig.Name}.On(p.cluster))
	return err
}

// probeProvisioned starts a server in each tenant and checks which of them acme reaches. It returns
// the address of the server in globex.
func (p prober) probeProvisioned(ctx context.Context) (other string, err error) {
	own, err := p.serve(ctx, p.acme.TenantConfig.Name)
	if err != nil {
		return "", err
	}
	if other, err = p.serve(ctx, p.globex.TenantConfig.Name); err != nil {
		return "", err
	}
	api, err := p.client.CoreV1().Services("default").Get(ctx, "kubernetes", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if err := p.expect(ctx, "another pod of the same tenant", own, true); err != nil {
		return "", err
	}
	if err := p.expect(ctx, "a pod of another tenant", other, false); err != nil {
		return "", err
	}
	return other, p.expect(ctx, "the API server", api.Spec.ClusterIP+" 443", false)
}

// probeWithoutRules deletes the rules of acme and then those of globex. A connection needs both to
// be gone: the egress rules of acme and the ingress rules of globex. Then it provisions again.
func (p prober) probeWithoutRules(ctx context.Context, other string) error {
	for _, s := range []tenant.TenantScore{p.acme, p.globex} {
		name := s.TenantConfig.Name
		if _, err := p.cluster.DeleteNetworkRules(ctx, name); err != nil {
			return err
		}
		reachable := s.Name() == p.globex.Name()
		if err := p.expect(ctx, "a pod of another tenant, without the rules of "+name, other, reachable); err != nil {
			return err
		}
	}
	if err := p.provision(ctx); err != nil {
		return err
	}
	return p.expect(ctx, "a pod of another tenant, after another run", other, false)
}

func newTenant(name string) tenant.TenantScore {
	return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name, ImageRegistries: []string{"*"}}}
}

func pod(name string, command ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			AutomountServiceAccountToken:  new(false),
			TerminationGracePeriodSeconds: new(int64(0)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(1000)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: name, Image: *image, ImagePullPolicy: corev1.PullIfNotPresent, Command: command,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// serve starts a server in a namespace and returns its address and port.
func (p prober) serve(ctx context.Context, namespace string) (address string, err error) {
	want := pod("server", "busybox", "httpd", "-f", "-p", fmt.Sprint(port), "-h", "/tmp")
	server, err := p.await(ctx, namespace, want, corev1.PodRunning)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d", server.Status.PodIP, port), nil
}

// await creates a pod and waits until it is in one of the phases.
func (p prober) await(
	ctx context.Context, namespace string, want *corev1.Pod, phases ...corev1.PodPhase,
) (*corev1.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	pods := p.client.CoreV1().Pods(namespace)
	name := ""
	for {
		var err error
		if name == "" { // the service account of a new namespace may not exist yet
			var created *corev1.Pod
			if created, err = pods.Create(ctx, want, metav1.CreateOptions{}); err == nil {
				name = created.Name
			}
		} else {
			have, err := pods.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			if slices.Contains(phases, have.Status.Phase) {
				return have, nil
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// expect connects from a new pod of acme, and returns an error unless the result is as expected. It
// tries several times, because rules take a moment to reach the nodes.
func (p prober) expect(ctx context.Context, what, address string, reachable bool) error {
	var reached bool
	for range 5 {
		want := pod("client", "sh", "-c", "nc -w 3 "+address+" </dev/null")
		client, err := p.await(ctx, p.acme.TenantConfig.Name, want, corev1.PodSucceeded, corev1.PodFailed)
		if err != nil {
			return err
		}
		if reached = client.Status.Phase == corev1.PodSucceeded; reached == reachable {
			outcome := map[bool]string{true: "reached", false: "not reached"}[reached]
			fmt.Printf("%-11s %s (%s)\n", outcome, what, address)
			return nil
		}
	}
	return fmt.Errorf("%s (%s): reached is %t, want %t", what, address, reached, reachable)
}
