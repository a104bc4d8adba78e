package testcluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// existing is a cluster that the tests did not start.
type existing struct {
	cluster, user object // of the current context of its kubeconfig, with absolute paths
}

func useExisting() bool { return strings.EqualFold(os.Getenv("USE_EXISTING_CLUSTER"), "true") }

// openExisting reads the kubeconfig that KUBECONFIG names. It never reads the default one in the
// home directory, which may belong to a production cluster.
func openExisting(log io.Writer) (*Cluster, error) {
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		return nil, errors.New("testcluster: USE_EXISTING_CLUSTER is true, but KUBECONFIG is not set; " +
			"set it, or unset USE_EXISTING_CLUSTER to start a cluster")
	}
	if strings.ContainsRune(path, filepath.ListSeparator) {
		return nil, fmt.Errorf("testcluster: KUBECONFIG is %q; with USE_EXISTING_CLUSTER it must name one file", path)
	}
	found, err := readKubeconfig(path)
	if err != nil {
		return nil, fmt.Errorf("testcluster: kubeconfig %s: %w", path, err)
	}
	c := &Cluster{existing: found, kubeconfig: path, url: found.url()}
	// The directory is for the kubeconfigs of other users.
	if c.dir, _, err = makeDir(""); err == nil {
		c.watchdog, err = startWatchdog(c.dir, true)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("testcluster: %w", err), c.Stop())
	}
	fmt.Fprintf(log, "testcluster: using the existing cluster %s of %s\n", c.url, path)
	return c, nil
}

func (e *existing) url() string {
	url, _ := e.cluster["server"].(string)
	return url
}

// impersonating returns a kubeconfig whose user impersonates another user in these groups.
func (e *existing) impersonating(user string, groups []string) kubeconfig {
	credentials := object{"as": user}
	if len(groups) > 0 {
		credentials["as-groups"] = groups
	}
	for key, value := range e.user {
		if !strings.HasPrefix(key, "as") { // as, as-groups, as-uid, as-user-extra
			credentials[key] = value
		}
	}
	return newKubeconfig("existing", e.cluster, user, credentials)
}

// readKubeconfig reads the cluster and the user of the current context. It keeps the fields that it
// does not know.
func readKubeconfig(path string) (*existing, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config struct {
		Current  string   `json:"current-context"`
		Contexts []object `json:"contexts"`
		Clusters []object `json:"clusters"`
		Users    []object `json:"users"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	current := entry(config.Contexts, config.Current, "context")
	found := &existing{
		cluster: entry(config.Clusters, current["cluster"], "cluster"),
		user:    entry(config.Users, current["user"], "user"),
	}
	if found.url() == "" || found.user == nil {
		return nil, fmt.Errorf("the current context %q has no user, or no cluster with an address", config.Current)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	makeAbsolute(dir, found.cluster, "certificate-authority")
	makeAbsolute(dir, found.user, "client-certificate", "client-key", "tokenFile")
	plugin, _ := found.user["exec"].(object)
	if strings.ContainsRune(fmt.Sprint(plugin["command"]), filepath.Separator) { // otherwise it is in PATH
		makeAbsolute(dir, plugin, "command")
	}
	return found, nil
}

// entry returns the value under key of the list's entry with this name, or nil.
func entry(list []object, name any, key string) object {
	for _, e := range list {
		if e["name"] == name {
			found, _ := e[key].(object)
			return found
		}
	}
	return nil
}

// makeAbsolute makes paths absolute that are relative to the directory of the kubeconfig.
func makeAbsolute(dir string, in object, keys ...string) {
	for _, key := range keys {
		if path, ok := in[key].(string); ok && path != "" && !filepath.IsAbs(path) {
			in[key] = filepath.Join(dir, path)
		}
	}
}
