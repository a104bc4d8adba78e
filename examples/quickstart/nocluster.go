//go:build nocluster

package main

import "errors"

// connect fails, because this build has no Kubernetes client.
func connect(string, string) (live, dry cluster, err error) {
	return nil, nil,
		errors.New("this program was built without the Kubernetes client; build it without -tags nocluster")
}
