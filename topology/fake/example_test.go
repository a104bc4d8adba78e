package fake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// tenantScore is a tenant with every default, and one group of developers.
func tenantScore(name string) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name},
		RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: name + "-devs"}}},
	}
}

// provision makes tenants on a topology and returns the report.
func provision(on *fake.Topology, names ...string) score.Report {
	var steps []score.Step
	for _, name := range names {
		steps = append(steps, tenantScore(name).On(on))
	}
	report, err := score.Run(context.Background(), steps...)
	if err != nil {
		log.Fatal(err)
	}
	return report
}

// A tenant is provisioned, and everything that was stored is read at once.
func Example() {
	top := fake.New(fake.Options{})
	provision(top, "acme")

	inspection, err := top.Inspect(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, ns := range inspection.Namespaces {
		fmt.Println(ns.Namespace.Name, "enforces pod security", ns.Namespace.PodSecurity)
	}
	for _, policy := range inspection.Policies {
		fmt.Printf("%s/%s has %d ingress rules\n", policy.Namespace, policy.Name, len(*policy.Ingress))
	}
	for _, binding := range inspection.Grants {
		fmt.Println(binding, "is for", binding.TenantRole, binding.Subjects)
	}
	// Output:
	// acme enforces pod security restricted
	// acme/polyphony has 1 ingress rules
	// RoleBinding acme/polyphony-developer is for developer [Group acme-devs]
}

// A second run changes nothing and costs no write.
func ExampleTopology_Counts() {
	top := fake.New(fake.Options{})
	provision(top, "acme")
	before := top.Counts().Writes
	report := provision(top, "acme")
	fmt.Println("changed:", report.Changed())
	fmt.Println("writes:", top.Counts().Writes-before)
	// Output:
	// changed: false
	// writes: 0
}

// A developer's pod that asks for the host's network is refused, and the verdict names what refuses
// it.
func ExampleTopology_Admit() {
	top := fake.New(fake.Options{})
	provision(top, "acme")

	verdict, err := top.Admit(context.Background(), topology.Request{
		Question: rbac.Question{
			User: "jane", Groups: []string{"acme-devs"},
			Verb: "create", Resource: "pods", Namespace: "acme",
		},
		Object: json.RawMessage(`{"spec": {
			"hostNetwork": true,
			"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
			"containers": [{"name": "app", "image": "registry.example/app", "securityContext": {
				"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]
		}}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("allowed:", verdict.Allowed)
	fmt.Println("refused by:", verdict.By)
	fmt.Println("because of:", verdict.Reason)
	// Output:
	// allowed: false
	// refused by: pod security
	// because of: host namespaces (hostNetwork): remove them from the spec
}

// Two tenants cannot reach each other. Pods of one tenant can.
func ExampleTopology_Reach() {
	top := fake.New(fake.Options{})
	provision(top, "acme", "globex")

	for _, from := range []string{"acme", "globex"} {
		answer, err := top.Reach(context.Background(), netpolicy.Connection{
			From:     netpolicy.Endpoint{Namespace: from},
			To:       netpolicy.Endpoint{Namespace: "acme"},
			Protocol: netpolicy.TCP,
			Port:     8080,
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %t: %s\n", from, answer.Allowed, answer.Reason)
	}
	// Output:
	// acme: true: egress rule 0 of NetworkPolicy acme/polyphony allows it; ingress rule 0 of NetworkPolicy acme/polyphony allows it
	// globex: false: no egress rule of NetworkPolicy globex/polyphony allows it; no ingress rule of NetworkPolicy acme/polyphony allows it
}

// An outsider lowers the pod security level. The next run repairs it, and its report shows the
// drift.
func ExampleOutsider() {
	top := fake.New(fake.Options{})
	provision(top, "acme")

	top.Outsider().SetPodSecurity("acme", topology.PodSecurityPrivileged)
	for _, change := range provision(top, "acme").Changes() {
		if change.Action != topology.Unchanged {
			fmt.Println(change)
		}
	}
	// Output:
	// ~ Namespace acme updated
	//     podSecurity: privileged -> restricted
}

// A dry run reports what a run would do, and does nothing.
func ExampleTopology_DryRun() {
	top := fake.New(fake.Options{})
	for _, change := range provision(top.DryRun(), "acme").Changes() {
		fmt.Println(change.Kind, "would be", change.Action)
	}
	fmt.Println("namespaces:", len(top.State().Namespaces))
	// Output:
	// Namespace would be created
	// NetworkRules would be created
	// Quota would be created
	// LimitRange would be created
	// Access would be created
	// ClusterReaders would be unchanged
	// namespaces: 0
}

// A quota that cannot be written stops the run of the tenant before its members get any rights.
func ExampleTopology_WithFaults() {
	top := fake.New(fake.Options{})
	faulty := top.WithFaults(fake.Fault{Op: "ensure", Kind: topology.KindQuota, Err: topology.ErrForbidden})

	_, err := score.Run(context.Background(), tenantScore("acme").On(faulty))
	fmt.Println(err)
	fmt.Println("has access:", top.State().Namespaces["acme"].Access != nil)
	// Output:
	// tenant/acme on fake: quota: ensure Quota "acme": injected fault
	// has access: false
}
