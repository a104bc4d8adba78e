// Command isolation proves that two tenants are isolated, shows what a member of one may do in the other, and finds a leak that it plants itself.
//
//	go run ./examples/isolation                               # in memory
//	go run ./examples/isolation -kubeconfig ~/.kube/config    # on a cluster, with namespaces of its own that it removes again
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

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
	"k8s.io/client-go/tools/clientcmd"
)

var kubeconfig = flag.String("kubeconfig", "", "of a cluster; empty: in memory")

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *kubeconfig, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// infrastructure is what this program takes.
type infrastructure interface {
	tenant.Topology
	tenant.OffboardTopology
	isolation.Topology
}

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

const prefix = "polyphony-isolation-"

func named(name string, visibility tenant.ReadVisibility) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: prefix + name},
		RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: prefix + name + "-devs"}}, ReadVisibility: visibility},
	}
}

func run(ctx context.Context, kubeconfig string, out io.Writer) (err error) {
	cluster, err := open(kubeconfig)
	if err != nil {
		return err
	}
	acme, globex := named("acme", tenant.VisibilityCluster), named("globex", tenant.VisibilityOwn)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, offErr := score.Run(ctx, tenant.OffboardScore{Tenant: acme.TenantConfig.Name}.On(cluster), tenant.OffboardScore{Tenant: globex.TenantConfig.Name}.On(cluster))
		err = errors.Join(err, offErr)
	}()
	if _, err := score.Run(ctx, acme.On(cluster), globex.On(cluster)); err != nil {
		return err
	}
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
	return leak(ctx, cluster, acme, globex, out)
}

// leak proves, plants a leak and proves again.
func leak(ctx context.Context, cluster infrastructure, acme, globex tenant.TenantScore, out io.Writer) error {
	proof := isolation.Score{
		Tenants: []tenant.TenantScore{acme, globex}, Without: topology.AllGuardrails(), // which are the cluster's, not this program's to install
		Report: func(r isolation.Report) { fmt.Fprintln(out, r) },
	}
	fmt.Fprintln(out, "--- As provisioned")
	if _, err := score.Run(ctx, proof.On(cluster)); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n--- After somebody let a group of one tenant read the other's secrets")
	access, err := cluster.Access(ctx, globex.TenantConfig.Name)
	if err != nil {
		return err
	}
	access.Grants[0].Subjects = append(access.Grants[0].Subjects, rbac.Subject{Kind: rbac.Group, Name: acme.RBAC.Members[0].Name})
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
