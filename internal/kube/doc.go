// Package kube is a small client for Kubernetes.
//
// # The interface
//
// [Client] reads and writes the objects of one kind. [New] makes one for every kind that Polyphony
// uses, as the fields of [Clients]. [Server] sends the few requests that are not about one kind:
// what the API server serves, access reviews, and requests in the name of others.
//
// # The decorators
//
// Each has a package of its own and is tested without a cluster:
//
//   - package cache answers reads from lists that it reads once,
//   - package dryrun drops writes,
//   - package limiter adapts the number of requests in flight (it decorates the HTTP transport),
//   - package retry repeats what fails for a while, and classifies errors.
//
// Packages apply and discovery build on them: the first makes one object equal to a desired one,
// the second finds out what a cluster is.
//
// # Files
//
//   - client.go has the interface, what it takes and returns, and lists over all pages.
//   - clients.go has the kinds that Polyphony uses, and makes a client for each.
//   - rest.go implements the interface by requests to the API server.
//   - server.go has the requests that are not about one kind.
//   - answers.go marks answers that end in the middle, so that they can be retried.
package kube
