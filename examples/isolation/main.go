// Command isolation proves that two tenants are isolated, and shows what a member of one may do in
// the other. Then it adds a forbidden grant and shows that the proof reports it.
//
// It runs in memory, or on a cluster, where it creates two namespaces and removes them again:
//
//	go run ./examples/isolation
//	go run ./examples/isolation -kubeconfig ~/.kube/config
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

var kubeconfig = flag.String("kubeconfig", "", "path of the kubeconfig of a cluster; empty: run in memory")

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *kubeconfig, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// infrastructure has the capabilities that this program needs.
type infrastructure interface {
	tenant.Topology
	tenant.OffboardTopology
	isolation.Topology
}

// open returns the cluster of a kubeconfig, or one in memory if the path is empty.
func open(kubeconfig string) (infrastructure, error) {
	if kubeconfig == "" {
		return fake.New(fake.Options{Name: "memory"}), nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return k8s.New(config, k8s.Options{})
}

// prefix keeps the namespaces apart from others on a cluster.
const prefix = "polyphony-isolation-"

// team returns a tenant whose developers are one group.
func team(name string, visibility tenant.ReadVisibility) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: prefix + name},
		RBAC: tenant.RBACConfig{
			Members:        []tenant.Member{{Role: tenant.Developer, Name: prefix + name + "-devs"}},
			ReadVisibility: visibility,
		},
	}
}

func run(ctx context.Context, kubeconfig string, out io.Writer) (err error) {
	cluster, err := open(kubeconfig)
	if err != nil {
		return err
	}
	acme, globex := team("acme", tenant.VisibilityCluster), team("globex", tenant.VisibilityOwn)
	defer func() { err = errors.Join(err, offboard(ctx, cluster, acme, globex)) }()
	if _, err := score.Run(ctx, acme.On(cluster), globex.On(cluster)); err != nil {
		return err
	}
	if err := showVisibility(ctx, cluster, acme, globex, out); err != nil {
		return err
	}
	return leak(ctx, cluster, acme, globex, out)
}

// offboard removes the tenants, also after the context has ended.
func offboard(ctx context.Context, cluster infrastructure, tenants ...tenant.TenantScore) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	var steps []score.Step
	for _, t := range tenants {
		steps = append(steps, tenant.OffboardScore{Tenant: t.TenantConfig.Name}.On(cluster))
	}
	_, err := score.Run(ctx, steps...)
	return err
}

// showVisibility prints what a member of each tenant may do in its own tenant and in the other.
func showVisibility(
	ctx context.Context, cluster infrastructure, acme, globex tenant.TenantScore, out io.Writer,
) error {
	in, err := cluster.Inspect(ctx)
	if err != nil {
		return err
	}
	for _, pair := range [][2]tenant.TenantScore{{acme, globex}, {globex, acme}} {
		table, err := isolation.Visibility(in, pair[0], pair[1])
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "--- Read visibility %q\n%s\n\n", pair[0].RBAC.ReadVisibility, table)
	}
	return nil
}

// leak proves isolation three times: as provisioned, with a leak, and after the next run, which
// removes the leak.
func leak(
	ctx context.Context, cluster infrastructure, acme, globex tenant.TenantScore, out io.Writer,
) error {
	proof := isolation.Score{
		Tenants: []tenant.TenantScore{acme, globex},
		// Guardrails apply to the whole cluster, so this program does not install them.
		Without: topology.AllGuardrails(),
		Report:  func(r isolation.Report) { fmt.Fprintln(out, r) },
	}
	fmt.Fprintln(out, "--- As provisioned")
	if _, err := score.Run(ctx, proof.On(cluster)); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n--- With a grant that lets a group of one tenant read the secrets of the other")
	access, err := cluster.Access(ctx, globex.TenantConfig.Name)
	if err != nil {
		return err
	}
	other := rbac.Subject{Kind: rbac.Group, Name: acme.RBAC.Members[0].Name}
	access.Grants[0].Subjects = append(access.Grants[0].Subjects, other)
	if _, err := cluster.EnsureAccess(ctx, access); err != nil {
		return err
	}
	if _, err := score.Run(ctx, proof.On(cluster)); !errors.Is(err, isolation.ErrNotIsolated) {
		return fmt.Errorf("the leak was not found: %w", err)
	}
	fmt.Fprintln(out, "\n--- After another run")
	_, err = score.Run(ctx, score.Sequence(globex.On(cluster), proof.On(cluster)))
	return err
}
