package isolation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// team returns a tenant whose developers are one group.
func team(name string, visibility tenant.ReadVisibility) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name},
		RBAC: tenant.RBACConfig{
			Members:        []tenant.Member{{Role: tenant.Developer, Name: name + "-devs"}},
			ReadVisibility: visibility,
		},
	}
}

// The proof runs last, after everything that it checks.
func ExampleScore() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	acme, globex := team("acme", tenant.VisibilityOwn), team("globex", tenant.VisibilityOwn)
	proof := isolation.Score{
		Tenants: []tenant.TenantScore{acme, globex},
		Report:  func(r isolation.Report) { fmt.Println(strings.ReplaceAll(r.String(), "; ", ";\n  ")) },
	}
	_, err := score.Run(ctx, score.Sequence(
		guardrails.Score{}.On(cluster), acme.On(cluster), globex.On(cluster), proof.On(cluster),
	))
	fmt.Println("error:", err)
	// Output:
	// network enforcement declared: no known network plugin was found;
	//   check that something enforces network policies
	// 15 of 16 guarantees on fake enforced
	// error: <nil>
}

// The proof finds an unintended grant, and names the object that grants it.
func ExampleScore_leak() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	acme, globex := team("acme", tenant.VisibilityOwn), team("globex", tenant.VisibilityOwn)
	_, err := score.Run(ctx, guardrails.Score{}.On(cluster), acme.On(cluster), globex.On(cluster))
	if err != nil {
		fmt.Println(err)
	}
	cluster.Outsider().Grant("globex", topology.Grant{
		Role:     "leak",
		Rules:    []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "acme-devs"}},
	})

	_, err = score.Run(ctx, isolation.Score{Tenants: []tenant.TenantScore{acme, globex}}.On(cluster))
	fmt.Println("not isolated:", errors.Is(err, isolation.ErrNotIsolated))
	if broken, ok := errors.AsType[*isolation.Error](err); ok {
		for _, f := range broken.Report.Broken() {
			fmt.Printf("tenant %s, guarantee %s\n", f.Tenant, f.Guarantee)
			fmt.Println(" ", strings.ReplaceAll(f.Witness, ", ", ",\n  "))
			fmt.Println(" ", f.Remedy)
		}
	}
	// Output:
	// not isolated: true
	// tenant globex, guarantee isolation
	//   RoleBinding globex/leak grants get secrets to Group acme-devs,
	//   which belongs to the tenant acme
	//   remove the grant
}

// With cluster visibility, members read the workloads of other tenants, and change nothing there.
func ExampleVisibility() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	acme, globex := team("acme", tenant.VisibilityCluster), team("globex", tenant.VisibilityOwn)
	if _, err := score.Run(ctx, acme.On(cluster), globex.On(cluster)); err != nil {
		fmt.Println(err)
	}
	in, err := cluster.Inspect(ctx)
	if err != nil {
		fmt.Println(err)
	}
	table, err := isolation.Visibility(in, acme, globex)
	fmt.Println(table)
	fmt.Println("error:", err)
	// Output:
	// Group acme-devs             in acme  in globex
	// view pods                   allowed  allowed
	// create pods                 allowed  refused
	// delete pods                 allowed  refused
	// read logs                   allowed  refused
	// run commands in pods        allowed  refused
	// forward ports               allowed  refused
	// view deployments            allowed  allowed
	// scale deployments           allowed  refused
	// modify services             allowed  refused
	// view ingresses              allowed  allowed
	// read ConfigMaps             allowed  refused
	// read Secrets                allowed  refused
	// tokens of service accounts  refused  refused
	// modify network policies     refused  refused
	// modify quotas               refused  refused
	// grant rights                refused  refused
	// connect to pods             allowed  refused
	// error: <nil>
}

// Examine is the proof without a run. Here the tenant was not provisioned.
func ExampleScore_Examine() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	in, err := cluster.Inspect(ctx)
	if err != nil {
		fmt.Println(err)
	}
	acme := team("acme", tenant.VisibilityOwn)
	report := isolation.Score{Tenants: []tenant.TenantScore{acme}, Without: topology.AllGuardrails()}.Examine(in)
	for _, f := range report.Findings {
		fmt.Printf("%q %s %s\n", f.Tenant, f.Guarantee, f.Status)
	}
	// Output:
	// "" guardrails enforced
	// "" network enforcement declared
	// "acme" boundary broken
}

// A report can be kept as JSON. Programs decide by its tenants, guarantees and statuses.
func ExampleReport() {
	report := isolation.Report{
		Format: isolation.ReportFormat, Topology: "cluster-1", Version: "v1.34.2", Digest: "5e88...",
		Findings: []isolation.Finding{
			{Guarantee: isolation.GuaranteeGuardrails, Status: isolation.Enforced},
			{
				Tenant: "acme", Guarantee: isolation.GuaranteeQuota, Status: isolation.Broken,
				Witness: "Quota acme does not exist", Remedy: "run its tenant.TenantScore",
			},
		},
	}
	data, err := json.MarshalIndent(report, "", "  ")
	fmt.Println(string(data))
	fmt.Println("error:", err)
	// Output:
	// {
	//   "format": 1,
	//   "topology": "cluster-1",
	//   "version": "v1.34.2",
	//   "at": "0001-01-01T00:00:00Z",
	//   "digest": "5e88...",
	//   "findings": [
	//     {
	//       "guarantee": "guardrails",
	//       "status": "enforced"
	//     },
	//     {
	//       "tenant": "acme",
	//       "guarantee": "quota",
	//       "status": "broken",
	//       "witness": "Quota acme does not exist",
	//       "remedy": "run its tenant.TenantScore"
	//     }
	//   ]
	// }
	// error: <nil>
}

// With Markdown, the table also has what decides in the other tenant.
func ExampleVisibilityTable_Markdown() {
	table := isolation.VisibilityTable{
		Member: "Group acme-devs", Own: "acme", Other: "globex",
		Rows: []isolation.VisibilityRow{
			{Operation: "view pods", Own: true, Other: true, Why: "ClusterRoleBinding readers"},
			{Operation: "read Secrets", Own: true, Why: "no binding grants it"},
		},
	}
	fmt.Print(table.Markdown())
	// Output:
	// | Group acme-devs | in acme | in globex | why |
	// | --- | --- | --- | --- |
	// | view pods | allowed | allowed | ClusterRoleBinding readers |
	// | read Secrets | allowed | refused | no binding grants it |
}
