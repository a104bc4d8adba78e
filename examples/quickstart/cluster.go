//go:build !nocluster

package main

import (
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/topology/k8s"
)

// connect opens a real cluster.
func connect(kubeconfig, kubecontext string) (live, dry cluster, err error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: kubecontext}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, nil, err
	}
	remote, err := k8s.New(config, k8s.Options{})
	if err != nil {
		return nil, nil, err
	}
	return remote, remote.DryRun(), nil
}
