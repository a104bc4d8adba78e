// Command guardrails shows, in memory, what the guardrails refuse a tenant's developer although the
// role allows it:
//
//	go run ./examples/guardrails
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	cluster := fake.New(fake.Options{})
	acme := tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: "acme", ImageRegistries: []string{"registry.example.com/acme"}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{Domains: []string{"acme.example.com"}},
		RBAC:             tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: "acme-devs"}}},
	}
	report, err := score.Run(ctx, score.Sequence(guardrails.Score{}.On(cluster), acme.On(cluster)))
	fmt.Fprintln(out, report)
	if err != nil {
		return err
	}
	for _, host := range []string{"www.acme.example.com", "www.globex.example.com", "*.example.com"} {
		verdict, err := cluster.Admit(ctx, ingress("acme", host))
		if err != nil {
			return err
		}
		if verdict.Allowed {
			fmt.Fprintf(out, "%s: allowed\n", host)
		} else {
			fmt.Fprintf(out, "%s: refused by the rule %s:\n  %s\n", host, verdict.Rule, verdict.Reason)
		}
	}
	return nil
}

// ingress returns the request of a developer of the tenant to create an Ingress that serves a host.
func ingress(namespace, host string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User: "jane@example.com", Groups: []string{"acme-devs"},
			Verb: "create", APIGroup: "networking.k8s.io", Resource: "ingresses", Namespace: namespace,
		},
		Object: json.RawMessage(`{
			"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
			"spec": {"rules": [{"host": "` + host + `", "http": {"paths": [{
				"path": "/", "pathType": "Prefix",
				"backend": {"service": {"name": "web", "port": {"number": 80}}}
			}]}}]}}`),
	}
}
