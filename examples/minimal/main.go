// Command minimal provisions one tenant on the cluster that kubectl would use.
package main

import (
	"context"
	"fmt"
	"log"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

func main() {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		log.Fatal(err)
	}
	cluster, err := k8s.New(config, k8s.Options{Name: "staging"})
	if err != nil {
		log.Fatal(err)
	}
	acme := tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: "acme"},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC:             tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: "acme-devs"}}},
	}
	report, err := score.Run(context.Background(), acme.On(cluster))
	fmt.Print(report)
	if err != nil {
		log.Fatal(err)
	}
}
