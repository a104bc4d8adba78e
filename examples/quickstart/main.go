// Command quickstart takes two tenants, acme and globex, through their whole life: it plans them,
// provisions them, runs again, repairs drift, asks who may do what, and removes them.
//
// It runs in memory or, with -kubeconfig, on a cluster. Only the function open knows the
// difference. It refuses to touch tenants that it did not make, and removes its own, also when it
// fails or is interrupted:
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -kubeconfig ~/.kube/config -context staging
//
// Start with newDemo and run in demo.go; drift.go weakens a tenant. With the build tag nocluster,
// the program runs in memory only. The first build then takes a third of the time, because it
// leaves out the Kubernetes client.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "run on the cluster of this kubeconfig `file`; empty: run in memory")
	kubecontext := flag.String("context", "", "the `name` of a context of the kubeconfig; empty: its current context")
	prefix := flag.String("prefix", "polyphony-demo-", "prefix of the names of tenants and groups")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without cleaning up
	if err := run(ctx, os.Stdout, *kubeconfig, *kubecontext, *prefix); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, kubeconfig, kubecontext, prefix string) error {
	live, dry, err := open(kubeconfig, kubecontext)
	if err != nil {
		return err
	}
	return newDemo(out, live, dry, prefix).run(ctx)
}

// cluster is what the program needs of a topology: the capabilities of its Scores, and answers to
// questions.
type cluster interface {
	tenant.Topology
	tenant.OffboardTopology
	topology.Authorizer
}

// open returns the topology, and a view of it that writes nothing.
func open(kubeconfig, kubecontext string) (live, dry cluster, err error) {
	if kubeconfig != "" {
		return connect(kubeconfig, kubecontext)
	}
	memory := fake.New(fake.Options{Name: "memory"})
	return memory, memory.DryRun(), nil
}
