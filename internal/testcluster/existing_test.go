package testcluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenUsesTheExistingCluster(t *testing.T) {
	started := Use(t)
	t.Setenv("USE_EXISTING_CLUSTER", "true")
	t.Setenv("KUBECONFIG", started.Kubeconfig())
	t.Setenv("KUBEBUILDER_ASSETS", filepath.Join(t.TempDir(), "absent")) // an existing cluster needs no binaries
	t.Setenv("TMPDIR", t.TempDir())
	cluster, err := open()
	require.NoError(t, err)
	t.Setenv("KUBEBUILDER_ASSETS", "") // but kubectl is one of them
	require.Equal(t, started.URL(), cluster.URL())
	require.Equal(t, started.Kubeconfig(), cluster.Kubeconfig())

	path, err := cluster.KubeconfigFor("ada", "acme-developers")
	require.NoError(t, err)
	require.Equal(t, identity{"ada", []string{"acme-developers", "system:authenticated"}}, whoami(t, path))
	_, err = kubectl(t, path, "", "get", "secrets", "-n", "default")
	require.ErrorContains(t, err, `User "ada" cannot list resource "secrets"`)
	path, err = cluster.KubeconfigFor("bob")
	require.NoError(t, err)
	require.Equal(t, identity{"bob", []string{"system:authenticated"}}, whoami(t, path))

	require.ErrorIs(t, cluster.RestartAPIServer(t.Context()), errExisting)
	require.NoError(t, cluster.Stop())
	require.NoError(t, cluster.Stop(), "the second call does nothing")
	requireEmptyDir(t, os.Getenv("TMPDIR"))
	require.Equal(t, "admin", whoami(t, started.Kubeconfig()).Username, "Stop does not stop an existing cluster")
}

func TestOpenRefusesAnExistingClusterWithoutOneKubeconfig(t *testing.T) {
	t.Setenv("USE_EXISTING_CLUSTER", "TRUE")
	for _, test := range []struct{ name, kubeconfig, content, want string }{
		{"no KUBECONFIG", "", "", "KUBECONFIG is not set"},
		{"two files", "a" + string(filepath.ListSeparator) + "b", "", "must name one file"},
		{"no such file", filepath.Join(t.TempDir(), "absent"), "", "no such file"},
		{"no context", filepath.Join(t.TempDir(), "kubeconfig"), "{}", `current context ""`},
		{"no user", filepath.Join(t.TempDir(), "kubeconfig"), `
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://192.0.2.1"}}]
users: [{name: other, user: {}}]
`, `current context "c"`},
		{"not a kubeconfig", filepath.Join(t.TempDir(), "kubeconfig"), "clusters: nonsense", "kubeconfig"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.content != "" {
				require.NoError(t, os.WriteFile(test.kubeconfig, []byte(test.content), 0o600))
			}
			t.Setenv("KUBECONFIG", test.kubeconfig)
			_, err := open()
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestImpersonatingKubeconfigHasAbsolutePaths(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: v1
kind: Config
current-context: two
contexts:
- {name: one, context: {cluster: other, user: other}}
- {name: two, context: {cluster: c, user: u, namespace: n}}
clusters:
- {name: other, cluster: {server: "https://192.0.2.1"}}
- {name: c, cluster: {server: "https://192.0.2.2", certificate-authority: pki/ca.crt, tls-server-name: kubernetes}}
users:
- {name: other, user: {token: secret}}
- name: u
  user: {tokenFile: /absolute, client-key: key, as: root, as-groups: [wheel], as-uid: "0", exec: {command: ./login, args: [-x]}}
`), 0o600))
	found, err := readKubeconfig(path)
	require.NoError(t, err)
	config := found.impersonating("ada", []string{"acme"})

	require.Equal(t, []object{{"name": "existing", "cluster": object{
		"server": "https://192.0.2.2", "certificate-authority": filepath.Join(dir, "pki/ca.crt"), "tls-server-name": "kubernetes",
	}}}, config["clusters"])
	require.Equal(t, []object{{"name": "ada", "user": object{
		"tokenFile": "/absolute", "client-key": filepath.Join(dir, "key"),
		"exec": object{"command": filepath.Join(dir, "login"), "args": []any{"-x"}},
		"as":   "ada", "as-groups": []string{"acme"},
	}}}, config["users"])
}
