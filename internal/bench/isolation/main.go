// Command isolation measures what a proof of isolation costs: requests and time, by the number of
// tenants. It prints a table in Markdown.
//
//	make bench
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/bench/roster"
	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

var sizes = flag.String("tenants", "100,300,1000", "comma-separated `numbers` of tenants, in ascending order")

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// counter counts requests.
type counter struct {
	next http.RoundTripper
	n    *atomic.Int64
}

func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}

func run(ctx context.Context) (err error) {
	cluster, err := testcluster.Start(ctx, testcluster.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	if err != nil {
		return err
	}
	var requests atomic.Int64
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counter{next, &requests} })
	top, err := k8s.New(config, k8s.Options{Name: "bench"})
	if err != nil {
		return err
	}
	if _, err := score.Run(ctx, guardrails.Score{}.On(top)); err != nil {
		return err
	}
	fmt.Println("| tenants | requests | time, median of 5 | time for a tenant |")
	fmt.Println("| --- | --- | --- | --- |")
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		tenants := roster.Tenants(n)
		if err := roster.Provision(ctx, top, tenants); err != nil {
			return err
		}
		var took []time.Duration
		var asked int64
		for range 5 {
			fresh, err := k8s.New(config, k8s.Options{Name: "bench"}) // a new topology has no cache
			if err != nil {
				return err
			}
			before, began := requests.Load(), time.Now()
			if _, err := score.Run(ctx, isolation.Score{Tenants: tenants}.On(fresh)); err != nil {
				return err
			}
			took, asked = append(took, time.Since(began)), requests.Load()-before
		}
		slices.Sort(took)
		fmt.Printf("| %d | %d | %.2f s | %.2f ms |\n", n, asked, took[2].Seconds(), took[2].Seconds()*1000/float64(n))
	}
	return nil
}
