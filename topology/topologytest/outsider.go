package topologytest

import (
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Outsider changes the infrastructure as another client would: it does what Polyphony never does.
// Its methods fail the test if they do not succeed.
//
// An adapter that runs only some of the suites embeds an Outsider in a struct and implements the
// methods that those suites call. The comments below name the suites.
type Outsider interface {
	// CreateNamespace creates a namespace that Polyphony does not manage. The label
	// app.kubernetes.io/managed-by, or its equivalent in the infrastructure, names its owner.
	// Namespaces, Domains, Reachability, Inspector, Rosters.
	CreateNamespace(t T, name, owner string)

	// LabelNamespace sets one label. Namespaces, Domains, Reachability, Inspector.
	LabelNamespace(t T, name, key, value string)

	// NamespaceLabel returns the value of one label. Empty: it is not set. Namespaces, Domains,
	// Reachability, Inspector.
	NamespaceLabel(t T, name, key string) string

	// RemovePodSecurity removes the level of pod security that is enforced. Namespaces, Snapshots.
	RemovePodSecurity(t T, name string)

	// Occupy puts a foreign object in the place of Polyphony's own. The kind is one of Quota,
	// LimitRange, NetworkRules and Access; for Access, it takes the place of the role "admin".
	// Quotas, LimitRanges, NetworkIsolation, AccessControl, Reachability, Inspector.
	Occupy(t T, namespace string, kind topology.Kind)

	// Occupied reports whether the object of Occupy still exists, unchanged. Quotas, LimitRanges,
	// NetworkIsolation, AccessControl, Reachability, Inspector.
	Occupied(t T, namespace string, kind topology.Kind) bool

	// Put stores an object as an administrator, past every guardrail and quota. The namespace is
	// empty for cluster-wide objects, which may already exist and may stay. Admission, Guardrails.
	Put(t T, namespace, group, resource, manifest string)

	// Grant creates a role and a binding in a namespace that Polyphony does not manage. Namespaces,
	// Admission, GrantsInForce, Guardrails, Inspector.
	Grant(t T, namespace string, g topology.Grant)

	// AddNetworkPolicy creates a policy in the namespace that it names. With p.Managed, the policy
	// has the mark of Polyphony's own, such as a label, as a copy of an object has. Reachability,
	// Inspector.
	AddNetworkPolicy(t T, p netpolicy.Policy)

	// SetGuardrailsVersion gives the installed guardrails the version of another release.
	// Guardrails.
	SetGuardrailsVersion(t T, version int)

	// HoldLease makes holder the holder of a lease, even if another caller holds it, and does not
	// renew it. The duration is in whole seconds. Leases.
	HoldLease(t T, name, holder string, duration time.Duration)

	// ClaimVolume creates a claim of 1Gi, past every quota. Volumes.
	ClaimVolume(t T, namespace, claim string)

	// Hold keeps a namespace from disappearing once it is deleted, by the finalizer
	// "example.com/hold" or its equivalent in the infrastructure. Namespaces.
	Hold(t T, namespace string)

	// Release ends the effect of Hold. Namespaces.
	Release(t T, namespace string)
}
