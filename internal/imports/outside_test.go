package imports

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// maxPackages is how many packages of third parties a program builds at most that provisions a
// tenant on a cluster. ADR 6 has the figures of other clients.
const maxPackages = 130

// maxLines is the number of lines of code that it takes at most to provision a tenant, errors
// handled. The package clause, imports, comments and blank lines do not count.
const maxLines = 24

// linesOfCode returns the lines of a program that count for maxLines.
func linesOfCode(program string) []string {
	_, code, _ := strings.Cut(program, "\n)\n") // the end of the imports
	var lines []string
	for line := range strings.Lines(code) {
		text := strings.TrimSpace(line)
		if text != "" && !strings.HasPrefix(text, "//") {
			lines = append(lines, text)
		}
	}
	return lines
}

const goMod = `module example.com/outside

go 1.26.0

require github.com/polyphony-go/polyphony v0.0.0

replace github.com/polyphony-go/polyphony => %s
`

// program is examples/minimal in a module of its own outside the repository, with a tenant of its
// own.
func program(t *testing.T, tenant string) (dir string) {
	t.Helper()
	dependOnEverything(t)
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	minimal, err := os.ReadFile(filepath.Join(root, "examples", "minimal", "main.go"))
	require.NoError(t, err)
	lines := linesOfCode(string(minimal))
	require.NotEmpty(t, lines)
	require.LessOrEqual(t, len(lines), maxLines, "lines of examples/minimal/main.go")
	require.Equal(t, 1, strings.Count(string(minimal), `"acme"`))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)

	dir = t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  fmt.Sprintf(goMod, root),
		"go.sum":  string(sums),
		"main.go": strings.Replace(string(minimal), `"acme"`, `"`+tenant+`"`, 1),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

// goCommand runs the go command in dir, without any settings of the user, and
// returns the lines that it prints.
func goCommand(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off") // the go command completes go.mod by itself
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), &problems)
	return strings.Fields(string(out))
}

// TestAShortProgramProvisionsATenant builds the program outside the repository and runs it twice on
// a real cluster.
func TestAShortProgramProvisionsATenant(t *testing.T) {
	name := "outside-" + strings.ToLower(rand.Text()[:8])
	dir := program(t, name)
	goCommand(t, dir, "build", "-o", "program", ".")

	kubeconfig := testcluster.Use(t).Kubeconfig()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	cluster, err := k8s.New(config, k8s.Options{})
	require.NoError(t, err)
	defer func() {
		_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: name}.On(cluster))
		require.NoError(t, err)
	}()
	golden, err := os.ReadFile(filepath.Join(repository, "examples", "minimal", "testdata", "output.txt"))
	require.NoError(t, err)
	first := strings.ReplaceAll(string(golden), "acme", name)
	for _, want := range []string{first, "0 created, 0 updated, 0 deleted"} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "program"))
		cmd.Env = append(cmd.Environ(), "KUBECONFIG="+kubeconfig)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), want)
	}
	namespace, err := cluster.Namespace(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, topology.PodSecurityRestricted, namespace.PodSecurity)
}

// servers are modules that no importer shall have in its module graph, not even unbuilt: they are
// large, they move fast, and their requirements would decide over the importer's own.
var servers = []string{"k8s.io/kubernetes", "k8s.io/apiserver", "sigs.k8s.io/controller-runtime", "go.etcd.io"}

// clientset would more than double what an importer builds, for a handful of kinds.
const clientset = "k8s.io/client-go/kubernetes"

func TestImportersBuildOnlyWhatTheyNeed(t *testing.T) {
	dir := program(t, "acme")
	packages := goCommand(t, dir, "list", "-deps", ".")
	require.Contains(t, packages, "github.com/polyphony-go/polyphony/topology/k8s")
	for _, unwanted := range append(servers, clientset) {
		requireNone(t, packages, unwanted)
	}
	thirdParty := slices.DeleteFunc(packages, func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return !strings.Contains(first, ".") || within(p, []string{module, "example.com/outside"})
	})
	require.LessOrEqual(t, len(thirdParty), maxPackages, "packages of third parties: %v", thirdParty)
}

func TestImportersRequireOnlyWhatTheyNeed(t *testing.T) {
	dir := program(t, "acme")
	goCommand(t, dir, "list", "-deps", ".") // completes go.mod
	modules := goCommand(t, dir, "list", "-m", "-f", "{{.Path}}", "all")
	require.Contains(t, modules, "k8s.io/client-go")
	for _, unwanted := range servers {
		requireNone(t, modules, unwanted)
	}
}

// requireNone fails if any of the paths is the unwanted one or within it.
func requireNone(t *testing.T, paths []string, unwanted string) {
	t.Helper()
	for _, path := range paths {
		require.False(t, path == unwanted || strings.HasPrefix(path, unwanted+"/"), "%s must not be there", path)
	}
}
