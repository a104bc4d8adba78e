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

// existing is somebody's cluster, as their kubeconfig describes it.
type existing struct {
	cluster, user object // of the current context, with absolute paths
}

func useExisting() bool { return strings.EqualFold(os.Getenv("USE_EXISTING_CLUSTER"), "true") }

// openExisting reads the one kubeconfig that was named explicitly. The default one in
// the home directory is left alone, for it may lead anywhere.
func openExisting(log io.Writer) (*Cluster, error) {
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		return nil, errors.New("testcluster: USE_EXISTING_CLUSTER is true, but KUBECONFIG names no cluster; set it, or unset USE_EXISTING_CLUSTER to start one")
	}
	if strings.ContainsRune(path, filepath.ListSeparator) {
		return nil, fmt.Errorf("testcluster: KUBECONFIG is %q; with USE_EXISTING_CLUSTER it has to be one file", path)
	}
	found, err := readKubeconfig(path)
	if err != nil {
		return nil, fmt.Errorf("testcluster: kubeconfig %s: %w", path, err)
	}
	c := &Cluster{existing: found, kubeconfig: path, url: found.url()}
	// The directory is for the kubeconfigs of other users, which hold credentials.
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

// impersonating is a kubeconfig with which the user of the existing one acts as
// somebody else.
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

// readKubeconfig finds what the current context leads to. It looks at no more than it
// has to and hands the rest on as it is.
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
		return nil, fmt.Errorf("its current context %q does not lead to the address of a cluster and to a user", config.Current)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	absolute(dir, found.cluster, "certificate-authority")
	absolute(dir, found.user, "client-certificate", "client-key", "tokenFile")
	if plugin, ok := found.user["exec"].(object); ok && strings.ContainsRune(fmt.Sprint(plugin["command"]), filepath.Separator) {
		absolute(dir, plugin, "command")
	}
	return found, nil
}

// entry is what a kubeconfig's list has under a name, or nil.
func entry(list []object, name any, key string) object {
	for _, e := range list {
		if e["name"] == name {
			found, _ := e[key].(object)
			return found
		}
	}
	return nil
}

// absolute resolves paths that are relative to the kubeconfig they stand in.
func absolute(dir string, in object, keys ...string) {
	for _, key := range keys {
		if path, ok := in[key].(string); ok && path != "" && !filepath.IsAbs(path) {
			in[key] = filepath.Join(dir, path)
		}
	}
}
