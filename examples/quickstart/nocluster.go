//go:build nocluster

package main

import "errors"

// connect is open for a real cluster, which this build cannot do.
func connect(string, string) (live, dry cluster, err error) {
	return nil, nil, errors.New("this was built with -tags nocluster, that is without the client of Kubernetes; build it without")
}
