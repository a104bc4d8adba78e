// Command quickstart takes two tenants, acme and globex, through their whole life. It plans and
// provisions them, runs again without a change, repairs one that someone has weakened, asks who may
// do what, and off-boards both.
//
// It runs in memory, or with -kubeconfig on a real cluster. Only the function open knows which. It
// refuses to touch a tenant that it did not make. It removes what it made, also when it fails or is
// interrupted.
//
// Built with -tags nocluster it runs in memory only. The first build then takes a third of the
// time, since most of it goes into the Kubernetes client.
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
	kubeconfig := flag.String("kubeconfig", "", "run on the cluster of this kubeconfig `file`; unset: in memory")
	kubecontext := flag.String("context", "", "the `name` of the kubeconfig's context; unset: its current one")
	prefix := flag.String("prefix", "polyphony-demo-", "what the names of tenants and groups begin with")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt does not wait for the cleaning up
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

// cluster has the capabilities that this program needs: those of its Scores, and an authorizer.
type cluster interface {
	tenant.Topology
	tenant.OffboardTopology
	topology.Authorizer
}

// open returns the infrastructure and its dry run.
func open(kubeconfig, kubecontext string) (live, dry cluster, err error) {
	if kubeconfig != "" {
		return connect(kubeconfig, kubecontext)
	}
	memory := fake.New(fake.Options{Name: "memory"})
	return memory, memory.DryRun(), nil
}
