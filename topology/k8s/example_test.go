package k8s_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// A tenant is provisioned on the cluster of a kubeconfig. Before anything is written, Ready reports
// what is missing.
func Example() {
	ctx := context.Background()
	config, err := clientcmd.BuildConfigFromFlags("", "/etc/polyphony/kubeconfig")
	if err != nil {
		log.Fatal(err)
	}
	cluster, err := k8s.New(config, k8s.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ready, err := cluster.Ready(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if len(ready.Missing) > 0 {
		log.Fatalf("missing permissions: %q", ready.Missing)
	}
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	report, err := score.Run(ctx, acme.On(cluster))
	fmt.Print(report)
	if err != nil {
		log.Fatal(err)
	}
}

// New sends no request, so it succeeds also if the cluster cannot be reached.
func ExampleNew() {
	config := &rest.Config{Host: "https://cluster.example.com:6443", BearerToken: "token"}
	cluster, err := k8s.New(config, k8s.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cluster.Name())
	// Output:
	// cluster.example.com:6443
}

// A configuration is required. Package clientcmd makes one from a kubeconfig.
func ExampleNew_missingConfig() {
	_, err := k8s.New(nil, k8s.Options{})
	fmt.Println(err)
	// Output:
	// k8s: New needs a *rest.Config; k8s.io/client-go/tools/clientcmd makes one from a kubeconfig
}

// The options are what the adapter cannot find out from the cluster.
func ExampleOptions() {
	in := func(namespace string) topology.NetworkPeer {
		return topology.NetworkPeer{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": namespace}}
	}
	options := k8s.Options{
		Name:               "staging",
		OwnRanges:          []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, // nodes have public addresses
		IngressControllers: []topology.NetworkPeer{in("ingress-nginx")},
		Monitoring:         []topology.NetworkPeer{in("monitoring")},
		LeaseNamespace:     "polyphony-system",
	}
	cluster, err := k8s.New(&rest.Config{Host: "https://cluster.example.com"}, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cluster.Name())
	// Output:
	// staging
}

// Tenants choose the labels of pods. A place that is known by these alone is refused.
func ExampleOptions_ingressControllers() {
	_, err := k8s.New(&rest.Config{Host: "https://cluster.example.com"}, k8s.Options{
		IngressControllers: []topology.NetworkPeer{{PodLabels: map[string]string{"app": "ingress-nginx"}}},
	})
	fmt.Println(err)
	// Output:
	// k8s: Options.IngressControllers and Options.Monitoring need labels of namespaces or a range of addresses; tenants choose the labels of pods
}

// emptyCluster answers like the API server of a cluster that has nothing, and counts the writes.
type emptyCluster struct{ writes int }

func (c *emptyCluster) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		c.writes++
	}
	status, body := http.StatusOK, `{"items": []}`
	if strings.HasSuffix(request.URL.Path, "/namespaces/acme") {
		status, body = http.StatusNotFound, `{"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}`
	}
	return &http.Response{
		StatusCode: status, Request: request, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}

// A dry run reads the cluster and reports what would be done. It sends no write.
func ExampleTopology_DryRun() {
	empty := &emptyCluster{}
	cluster, err := k8s.New(&rest.Config{Host: "https://cluster.example.com", Transport: empty}, k8s.Options{})
	if err != nil {
		log.Fatal(err)
	}
	change, err := cluster.DryRun().EnsureNamespace(context.Background(), topology.Namespace{Name: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(change)
	fmt.Println("writes:", empty.writes)
	// Output:
	// + Namespace acme created
	// writes: 0
}

// A namespace that does not exist is an error that errors.Is recognises.
func ExampleTopology_Namespace() {
	cluster, err := k8s.New(&rest.Config{Host: "https://cluster.example.com", Transport: &emptyCluster{}}, k8s.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = cluster.Namespace(context.Background(), "acme")
	fmt.Println(errors.Is(err, topology.ErrNotFound))
	// Output:
	// true
}

// refusing is a network on which nothing answers.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// A server that does not answer is asked MaxTries times. Then the error is ErrUnavailable.
func ExampleTopology_Ready() {
	config := &rest.Config{Host: "https://cluster.example.com", Transport: refusing{}}
	cluster, err := k8s.New(config, k8s.Options{MaxTries: 1})
	if err != nil {
		log.Fatal(err)
	}
	_, err = cluster.Ready(context.Background())
	fmt.Println(errors.Is(err, topology.ErrUnavailable))
	// Output:
	// true
}

// Many tenants are provisioned over a snapshot, which reads each kind of object at once.
func ExampleTopology_Snapshot() {
	config, err := clientcmd.BuildConfigFromFlags("", "/etc/polyphony/kubeconfig")
	if err != nil {
		log.Fatal(err)
	}
	cluster, err := k8s.New(config, k8s.Options{})
	if err != nil {
		log.Fatal(err)
	}
	var tenants []tenant.TenantScore
	for i := range 1000 {
		name := fmt.Sprintf("tenant-%d", i)
		tenants = append(tenants, tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}})
	}
	all := roster.Score{Tenants: tenants}
	runner := score.Runner{Concurrency: 64, Retries: 3}
	report, err := runner.Run(context.Background(), all.On(cluster.Snapshot()))
	fmt.Print(report)
	if err != nil {
		log.Fatal(err)
	}
}

// Permissions includes some rights that deserve attention: who has them can give any right.
func ExamplePermissions() {
	for _, rule := range k8s.Permissions() {
		for _, verb := range []string{"escalate", "bind", "bypass"} {
			if slices.Contains(rule.Verbs, verb) {
				fmt.Println(verb, rule.Resources[0])
			}
		}
	}
	// Output:
	// escalate roles
	// bind roles
	// escalate clusterroles
	// bind clusterroles
	// bypass guardrails
}

// The rules become a Role in the namespace of the leases.
func ExampleLeasePermissions() {
	role := rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"},
		ObjectMeta: metav1.ObjectMeta{Name: "polyphony-leases", Namespace: "polyphony-system"},
	}
	for _, rule := range k8s.LeasePermissions() {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{
			APIGroups: rule.APIGroups, Resources: rule.Resources, Verbs: rule.Verbs,
		})
	}
	manifest, err := yaml.Marshal(role)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(manifest))
	// Output:
	// apiVersion: rbac.authorization.k8s.io/v1
	// kind: Role
	// metadata:
	//   name: polyphony-leases
	//   namespace: polyphony-system
	// rules:
	// - apiGroups:
	//   - coordination.k8s.io
	//   resources:
	//   - leases
	//   verbs:
	//   - get
	//   - create
	//   - update
}

// A manifest is evaluated without a cluster.
func ExampleNetworkPolicyOf() {
	var manifest networkingv1.NetworkPolicy
	err := yaml.Unmarshal([]byte(`
metadata: {name: closed, namespace: acme}
spec:
  podSelector: {}
  policyTypes: [Ingress]
`), &manifest)
	if err != nil {
		log.Fatal(err)
	}
	state := netpolicy.State{Policies: []netpolicy.Policy{k8s.NetworkPolicyOf(&manifest)}}
	answer := state.Reach(netpolicy.Connection{
		From:     netpolicy.Endpoint{Namespace: "globex"},
		To:       netpolicy.Endpoint{Namespace: "acme"},
		Protocol: netpolicy.TCP,
		Port:     8080,
	})
	fmt.Println("allowed:", answer.Allowed)
	for _, reason := range strings.Split(answer.Reason, "; ") {
		fmt.Println("-", reason)
	}
	// Output:
	// allowed: false
	// - no NetworkPolicy in globex isolates the egress of such pods, so they are open
	// - no ingress rule of NetworkPolicy acme/closed allows it
}
