// Command fleet runs one roster on several clusters at once. One of them fails, which does not stop
// the others.
//
//	go run ./examples/fleet
//	go run ./examples/fleet -plan
//	go run ./examples/fleet -kubeconfig ~/.kube/west -kubeconfig ~/.kube/east
//	go run ./examples/fleet -remove -kubeconfig ~/.kube/west
//
// Without a kubeconfig it runs on three clusters in memory, the second of which refuses quotas. On
// real clusters it uses namespaces of its own. With -plan it prints first what would change, and
// then applies that plan. With -remove it removes its tenants.
//
// Reports go to the standard output. Progress goes to the standard error, as a bar on a terminal
// and as log lines elsewhere.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/progress"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

func main() {
	var kubeconfigs []string
	const usage = "run on the cluster of this kubeconfig `file`; may be given several times; unset: in memory"
	flag.Func("kubeconfig", usage, func(file string) error {
		kubeconfigs = append(kubeconfigs, file)
		return nil
	})
	plan := flag.Bool("plan", false, "print first what would change, and apply that")
	remove := flag.Bool("remove", false, "remove the roster's tenants")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	if err := run(ctx, kubeconfigs, *plan, *remove); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfigs []string, plan, remove bool) error {
	clusters, err := open(ctx, kubeconfigs)
	if err != nil {
		return err
	}
	// eight tenants at a time, over all clusters
	runner := score.Runner{Concurrency: 8, Retries: 2, Observe: observe()}
	f := fleet{clusters: clusters, roster: newRoster(), runner: runner, out: os.Stdout}
	if remove {
		f.roster = removed(f.roster)
	}
	if plan {
		return f.planAndApply(ctx)
	}
	return f.converge(ctx)
}

// observe returns a bar if the standard error is a terminal, and a log if it is not.
func observe() func(score.Event) {
	if term.IsTerminal(int(os.Stderr.Fd())) {
		return progress.Bar(os.Stderr)
	}
	return score.Log(slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// cluster is a topology with its dry run.
type cluster struct {
	roster.Topology

	dry roster.Topology
}

// DryRun returns the view of the cluster that plans run on.
func (c cluster) DryRun() roster.Topology { return c.dry }

func open(ctx context.Context, kubeconfigs []string) (clusters []cluster, err error) {
	if len(kubeconfigs) == 0 {
		return inMemory(ctx)
	}
	for _, file := range kubeconfigs {
		config, err := clientcmd.BuildConfigFromFlags("", file)
		if err != nil {
			return nil, err
		}
		remote, err := k8s.New(config, k8s.Options{})
		if err != nil {
			return nil, err
		}
		snapshot := remote.Snapshot()
		clusters = append(clusters, cluster{snapshot, snapshot.DryRun()})
	}
	return clusters, nil
}

// inMemory returns three clusters on which an earlier roster ran. One of them refuses quotas since
// then, which a plan cannot foresee.
func inMemory(ctx context.Context) (clusters []cluster, err error) {
	for _, name := range []string{"west", "east", "south"} {
		memory := fake.New(fake.Options{Name: name})
		if _, err := score.Run(ctx, earlierRoster().On(memory)); err != nil {
			return nil, err
		}
		live := memory
		if name == "east" {
			live = memory.WithFaults(fake.Fault{Op: "ensure", Kind: "Quota", Err: topology.ErrForbidden})
		}
		clusters = append(clusters, cluster{live, memory.DryRun()})
	}
	return clusters, nil
}
