package main

import (
	"context"
	"log"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	config := must(clientcmd.BuildConfigFromKubeconfigGetter("", clientcmd.NewDefaultClientConfigLoadingRules().Load))
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	log.Print(must(score.Run(context.Background(), acme.On(must(k8s.New(config, k8s.Options{}))))))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
