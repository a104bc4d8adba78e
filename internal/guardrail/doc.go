// Package guardrail is a model in Go of the guardrails that the Kubernetes adapter installs as
// admission policies. [Check] answers whether a write is refused, and [Existing] whether an object
// that exists would be.
//
// The fake admits requests with Check. Both adapters list violations with Existing. The conformance
// suite asks this model and a real API server the same questions.
//
// # Files
//
// A rule has the file of its name here, and the same name in package policy, where it is in CEL:
//
//   - traffic: services.go, endpoints.go, ingress.go
//   - storage: claims.go, volumes.go
//   - pods: images.go, placement.go, default_token.go
//   - credentials and the namespace itself: token_secrets.go, namespaces.go, finalizers.go
//
// What the rules have in common:
//
//   - guardrail.go has the table of the rules. It says to which writes and writers each applies.
//   - object.go has what the rules read of an object, and compare.go what several of them compare.
//
// # Changing a rule
//
// A rule is a constant of type topology.Guardrail, an entry in the table, its checks, and the same
// rule in CEL. The messages of both are the same. CONTRIBUTING.md lists every file that a change
// touches.
package guardrail
