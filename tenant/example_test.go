package tenant_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// The tightest tenant has a name and nothing else. A second run changes nothing.
func ExampleTenantScore() {
	ctx, memory := context.Background(), fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	for range 2 {
		report, err := score.Run(ctx, acme.On(memory))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(report)
	}
	// Output:
	// tenant/acme on fake
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	// 4 created, 0 updated, 0 deleted, 2 unchanged
	// tenant/acme on fake
	//   = Namespace acme unchanged
	//   = NetworkRules acme unchanged
	//   = Quota acme unchanged
	//   = LimitRange acme unchanged
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	// 0 created, 0 updated, 0 deleted, 6 unchanged
}

// A plan is the same Score on a topology that does not write.
func ExampleTenantScore_On_plan() {
	memory := fake.New(fake.Options{})
	acme := tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: "acme"},
		RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: "acme-devs"}}},
	}
	plan, err := score.Run(context.Background(), acme.On(memory.DryRun()))
	fmt.Print(plan)
	fmt.Println(err, memory.Counts().Writes)
	// Output:
	// tenant/acme on fake
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   + Access acme created
	//   = ClusterReaders acme unchanged
	// 5 created, 0 updated, 0 deleted, 1 unchanged
	// <nil> 0
}

// Validate reports every mistake at once, each with the path of its field.
func ExampleTenantScore_Validate() {
	acme := tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: "acme", PodSecurity: "none"},
		ResourceQuotas: tenant.ResourceQuotaConfig{
			Requests: tenant.ComputeResources{CPU: new(resource.MustParse("4"))},
			Limits:   tenant.ComputeResources{CPU: new(resource.MustParse("2"))},
		},
		NetworkIsolation: tenant.NetworkIsolationPolicy{Domains: []string{"*.acme.example.com"}},
	}
	var mistakes utilerrors.Aggregate
	if errors.As(acme.Validate(), &mistakes) {
		for _, err := range mistakes.Errors() {
			var mistake *field.Error
			if errors.As(err, &mistake) {
				fmt.Printf("%s: %s\n", mistake.Field, mistake.Detail)
			}
		}
	}
	// Output:
	// tenantConfig.podSecurity: supported values: "restricted", "baseline", "privileged"
	// resourceQuotas.limits.cpu: must not be less than the requests
	// networkIsolation.domains[0]: a domain covers everything below it; write acme.example.com
}

// Desired shows what a platform receives for a Score. It sends no request.
func ExampleTenantScore_Desired() {
	acme := tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: "acme"},
		ResourceQuotas: tenant.ResourceQuotaConfig{
			Requests: tenant.ComputeResources{CPU: new(resource.MustParse("4"))}},
	}
	desired, err := acme.Desired(fake.DefaultPlatform())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"requests.cpu", "limits.cpu", "pods", "services.loadbalancers"} {
		amount := desired.Quota.Hard[name]
		fmt.Println(name, amount.String())
	}
	fmt.Println(desired.Namespace.PodSecurity, len(desired.Access.Grants))
	// Output:
	// requests.cpu 4
	// limits.cpu 4
	// pods 20
	// services.loadbalancers 0
	// restricted 0
}

// A Score that needs something the topology does not know names the option to set.
func ExampleTenantScore_Desired_unsupported() {
	acme := tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: "acme"},
		NetworkIsolation: tenant.NetworkIsolationPolicy{IngressControllers: true},
	}
	platform := fake.DefaultPlatform()
	platform.IngressControllers = nil
	_, err := acme.Desired(platform)
	fmt.Println(errors.Is(err, topology.ErrUnsupported))
	fmt.Println(strings.ReplaceAll(err.Error(), ", ", ",\n"))
	// Output:
	// true
	// read NetworkRules "acme": networkIsolation.ingressControllers is set,
	// but the topology does not know its ingress controllers; set k8s.Options.IngressControllers,
	// or topology.Platform.IngressControllers of another adapter
}

// The same Score as a file.
func ExampleTenantScore_yaml() {
	var acme tenant.TenantScore
	err := yaml.UnmarshalStrict([]byte(`
tenantConfig:
  name: acme
  podSecurity: baseline
networkIsolation:
  publicInternetEgress: true
rbac:
  members:
    - {role: admin, name: acme-ops}
    - {role: viewer, kind: User, name: jane@example.com}
`), &acme)
	fmt.Println(err, acme.Validate())
	fmt.Println(acme.Name(), acme.TenantConfig.PodSecurity, acme.RBAC.Members[1].Subject().Kind)
	// Output:
	// <nil> <nil>
	// tenant/acme baseline User
}

// A tenant with volumes is removed only if the Score names them.
func ExampleOffboardScore() {
	ctx, memory := context.Background(), fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	if _, err := score.Run(ctx, acme.On(memory)); err != nil {
		fmt.Println(err)
		return
	}
	memory.Outsider().ClaimVolume("acme", topology.Volume{Name: "data"})

	_, err := score.Run(ctx, tenant.OffboardScore{Tenant: "acme"}.On(memory))
	fmt.Println(errors.Is(err, topology.ErrProtected))
	var failure *topology.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Detail)
	}

	report, err := score.Run(ctx, tenant.OffboardScore{Tenant: "acme", DeleteVolumes: []string{"data"}}.On(memory))
	fmt.Print(report)
	fmt.Println(err)
	// Output:
	// true
	// has volumes whose data would be lost: data; delete them, or name them in deleteVolumes
	// offboard/acme on fake
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	//   - Namespace acme deleted
	// 0 created, 0 updated, 1 deleted, 2 unchanged
	// <nil>
}

// JSON and YAML write a Duration as text. A number without a unit is an error.
func ExampleDuration() {
	leave := tenant.OffboardScore{Tenant: "acme", Wait: tenant.Duration(10 * time.Minute)}
	data, err := json.Marshal(leave)
	fmt.Println(string(data), err)

	fmt.Println(json.Unmarshal([]byte(`{"wait": "1h30m"}`), &leave), leave.Wait)
	fmt.Println(json.Unmarshal([]byte(`{"wait": "600"}`), &leave))
	// Output:
	// {"tenant":"acme","wait":"10m"} <nil>
	// <nil> 1h30m
	// "600" is not a duration such as 10m or 1h30m
}

// The rights of a role are an explicit list.
func ExampleRole_Rules() {
	for _, rule := range tenant.Viewer.Rules() {
		if rule.APIGroups[0] == "networking.k8s.io" {
			fmt.Println(rule.Resources, rule.Verbs)
		}
	}
	// Output:
	// [ingresses] [get list watch]
	// [networkpolicies] [get list watch]
}
