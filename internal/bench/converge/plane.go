package main

import (
	"context"
	"io"
	"log"
	"path/filepath"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
)

// plane is a fresh control plane.
type plane struct {
	cluster    *testcluster.Cluster
	kubeconfig string // of the user of all contestants
	kubectl    string
	version    string
	admin      dynamic.Interface // of the administrator, for what is not measured
	discovery  discovery.DiscoveryInterface
}

func startPlane(ctx context.Context) (p *plane, err error) {
	binaries, err := testcluster.Build(ctx, log.Writer())
	if err != nil {
		return nil, err
	}
	cluster, err := testcluster.Start(ctx, testcluster.Options{Log: io.Discard})
	if err != nil {
		return nil, err
	}
	p = &plane{cluster: cluster, kubectl: filepath.Join(binaries, "kubectl")}
	if err := p.prepare(ctx); err != nil {
		_ = p.stop() // the first error is the cause
		return nil, err
	}
	return p, nil
}

func (p *plane) stop() error { return p.cluster.Stop() }

// user may do everything by RBAC, as in production. The group system:masters would be exempt from
// priority and fairness.
const user = "bench"

func (p *plane) prepare(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", p.cluster.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	admin, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if p.admin, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	p.discovery = admin.Discovery()
	version, err := p.discovery.ServerVersion()
	if err != nil {
		return err
	}
	p.version = version.GitVersion
	if p.kubeconfig, err = p.cluster.KubeconfigFor(user); err != nil {
		return err
	}
	_, err = admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	return err
}

// driftedOf returns how many of n tenants drift.
func driftedOf(n int) int { return max(1, n/100) }

// drift opens the network policy of one tenant in a hundred.
func (p *plane) drift(ctx context.Context, tenants []string) error {
	open := []byte(`{"spec": {"egress": [{}]}}`)
	n := driftedOf(len(tenants))
	for i := range n {
		policies := p.admin.Resource(networkPolicies).Namespace(tenants[i*len(tenants)/n])
		list, err := policies.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, item := range list.Items {
			if _, err := policies.Patch(ctx, item.GetName(), types.MergePatchType, open, metav1.PatchOptions{FieldManager: "by-hand"}); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	idleFor  = time.Second
	idleCPU  = 0.1 // CPU seconds that an idle API server needs in that time
	patience = 5 * time.Minute
)

// settle waits until the API server is idle. After a phase, controllers still create objects such
// as the service account of each namespace.
func (p *plane) settle(ctx context.Context) error {
	pid := p.cluster.APIServerPID()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before, err := cpuSeconds(pid)
		if err != nil {
			return err
		}
		select {
		case <-time.After(idleFor):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := cpuSeconds(pid)
		if err != nil || after-before < idleCPU {
			return err
		}
	}
	log.Printf("the API server is still busy after %s", patience)
	return nil
}
