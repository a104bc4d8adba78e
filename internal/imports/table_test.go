package imports

import "slices"

// layer is a package, or with "/..." at its end every package below it, or a pattern of path.Match,
// and what it may import besides the standard library.
type layer struct {
	path   string
	own    []string // packages of this module
	others []string // prefixes of packages of other modules
	why    string   // why it imports no other packages of this module
}

// light is what the core may import of other modules: no client of any infrastructure.
var light = []string{
	"k8s.io/apimachinery/pkg/api/resource",
	"k8s.io/apimachinery/pkg/util/validation",
	"sigs.k8s.io/json", // reads manifests as Kubernetes does
}

// aggregating is what package score may import: it is where runs and steps come together (ADR 15).
var aggregating = append([]string{"github.com/hashicorp/go-multierror"}, light...)

// amounts is what a package may import that knows nothing but quantities.
var amounts = []string{"k8s.io/apimachinery/pkg/api/resource"}

// kubernetes is what packages may import that talk to a cluster.
var kubernetes = []string{
	"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/utils", "sigs.k8s.io/yaml",
	"github.com/go-logr/logr", "k8s.io/klog/v2",
}

// values are the packages that hold the values of the ports.
var values = []string{"topology", "topology/adapter", "topology/netpolicy", "topology/rbac"}

// concern is what a concern of tenants may import, besides the packages in its own folder.
var concern = append([]string{"internal/summary", "interpret", "score", "tenant"}, values...)

// clients are the packages that talk to a cluster.
var clients = []string{
	"internal/kube", "internal/kube/apply", "internal/kube/cache", "internal/kube/discovery", "internal/kube/dryrun",
	"internal/kube/limiter", "internal/kube/retry",
}

// testSupport are the packages for tests, and what is below them, besides each package whose name
// ends in "test". Only tests and such packages import them.
var testSupport = []string{"internal/puppet", "internal/testcluster"}

// testLibraries are the packages of other modules that only tests and test support import.
var testLibraries = []string{"github.com/stretchr/testify", "github.com/google/go-cmp"}

const (
	whyConcern = "a concern speaks of a tenant by name and imports no other concern; " +
		"only cmd and examples join concerns"
	whyDecorator = "a decorator is tested without a cluster, and knows no other decorator"
	whyHelper    = "it is a helper of the lowest layers"
	whyTests     = "it is for tests, and would come into every importer's program"
)

// layers is the one list of who may import what, from the bottom up. The first layer that fits a
// package is its own. Packages that none fits (cmd, examples, the rest of internal, test support)
// may import anything. The depguard rules in .golangci.yml are generated from this list: run the
// tests of this package with -update.
var layers = []layer{
	{"internal/clone", nil, amounts, whyHelper},
	{"internal/summary", nil, nil, whyHelper},
	{"topology/rbac", []string{"internal/clone"}, nil,
		"it evaluates values without I/O, and the ports are made of its values"},
	{"topology/netpolicy", []string{"internal/clone"}, nil,
		"it evaluates values without I/O, and the ports are made of its values"},
	{"topology", []string{"internal/clone", "topology/netpolicy", "topology/rbac"}, light,
		"the ports are the bottom layer: what they import, every adapter and every Score imports too"},
	{"topology/adapter", []string{"topology"}, amounts,
		"it serves every adapter, so it knows none of them"},
	{"internal/guardrail", []string{"topology", "topology/adapter"}, light,
		"the rules are the same on every infrastructure"},
	{"internal/lease", []string{"topology", "topology/adapter"}, nil,
		"leases are kept in the same way on every infrastructure; adapters store the records"},
	{"internal/podsecurity", []string{"topology"}, light,
		"the rules are the same on every infrastructure"},
	{"topology/fake", append([]string{"internal/guardrail", "internal/lease", "internal/podsecurity"}, values...), light,
		"an adapter implements the ports; it knows no Score that uses them, and no other adapter"},
	{"internal/guardrail/policy", []string{"topology", "topology/adapter"}, kubernetes,
		"it renders the rules and compares them, without I/O"},
	{"internal/kube", nil, kubernetes,
		"it sends requests; its decorators import it, and it knows none of them"},
	{"internal/kube/cache", []string{"internal/kube", "topology"}, kubernetes, whyDecorator},
	{"internal/kube/dryrun", []string{"internal/kube"}, kubernetes, whyDecorator},
	{"internal/kube/limiter", []string{"internal/kube", "topology"}, kubernetes, whyDecorator},
	{"internal/kube/retry", []string{"internal/kube", "topology", "topology/adapter"}, kubernetes, whyDecorator},
	{"internal/kube/apply", []string{"internal/kube", "internal/kube/retry", "topology", "topology/adapter"}, kubernetes,
		"it writes objects of any kind, and knows no port"},
	{"internal/kube/discovery", []string{"internal/kube", "topology", "topology/netpolicy"}, kubernetes,
		"it reads what a cluster is, and knows nothing of tenants"},
	{"topology/k8s", append([]string{
		"internal/guardrail", "internal/guardrail/policy", "internal/lease", "internal/summary",
	}, slices.Concat(clients, values)...), kubernetes,
		"an adapter implements the ports; it knows no Score that uses them, and no other adapter"},
	{"topology/topologytest", values, append([]string{"github.com/stretchr/testify"}, amounts...),
		"the suites speak of ports alone; those that speak of tenants are in tenant/tenanttest"},
	{"interpret", []string{"topology"}, light,
		"an Interpret sees infrastructure through the ports alone, and knows nothing of Scores or adapters"},
	{"score", []string{"topology", "topology/adapter", "interpret"}, aggregating,
		"Scores of any kind run on any topology, so what runs them knows neither tenants nor adapters"},
	{"score/progress", []string{"score"}, []string{"github.com/schollz/progressbar/v3", "golang.org/x/term"},
		"it shows the events of any run, and nothing else"},
	{"tenant", append([]string{"internal/summary", "interpret", "score"}, values...), light,
		"a tenant is the same on every infrastructure, and its Scores import what those of a third party can"},
	{"tenant/*/k8s", slices.Concat(clients, concern), kubernetes, whyConcern},
	{"tenant/...", concern, light, whyConcern},
}
