// Command testcluster starts the control plane of the tests for use by hand.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/polyphony-go/polyphony/internal/testcluster"
)

const usage = `Starts a Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager)
on loopback, prints how to reach it, and stops it on Ctrl-C. Its data is then
removed. No pod ever runs in it, since it has no nodes.

The first start builds the components, which takes some minutes.

Usage: go run ./internal/testcluster/cmd/testcluster [flags]

`

func main() {
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	build := flag.Bool("build", false, "build the components, print their directory, and exit")
	kubectl := flag.Bool("kubectl", false, "build the components, print the path of kubectl, and exit")
	dir := flag.String("dir", "",
		"keep data and logs in this `directory`, which must be empty or absent (default: a temporary one)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "testcluster: unexpected argument %q\n\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *build, *kubectl, *dir)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, build, kubectl bool, dir string) error {
	if !build && !kubectl {
		return serve(ctx, dir)
	}
	binaries, err := testcluster.Build(ctx, os.Stderr)
	if err != nil {
		return err
	}
	if !kubectl {
		fmt.Println(binaries)
		return nil
	}
	path := filepath.Join(binaries, "kubectl")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("testcluster: KUBEBUILDER_ASSETS names a directory without kubectl: %w", err)
	}
	fmt.Println(path)
	return nil
}

func serve(ctx context.Context, dir string) error {
	cluster, err := testcluster.Start(ctx, testcluster.Options{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Printf("export KUBECONFIG=%s\n", cluster.Kubeconfig())
	fmt.Fprintln(os.Stderr, "testcluster: paste the line above into another terminal; Ctrl-C here stops the cluster")
	<-ctx.Done()
	return cluster.Stop()
}
