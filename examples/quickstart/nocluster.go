//go:build nocluster

package main

import "errors"

// connect returns an error: this build has no Kubernetes client.
func connect(string, string) (live, dry cluster, err error) {
	return nil, nil, errors.New("this was built with -tags nocluster, that is without the client of Kubernetes; build it without")
}
