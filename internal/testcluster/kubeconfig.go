package testcluster

import (
	"encoding/json"
	"os"
)

// kubeconfig is the content of such a file. It is written as JSON, which is YAML.
type kubeconfig object

// object is a piece of it.
type object = map[string]any

// certificateKubeconfig holds its credentials inline, so that the file can be
// copied to wherever it is needed.
func certificateKubeconfig(url string, ca []byte, user string, pair keyPair) kubeconfig {
	return newKubeconfig("testcluster",
		object{"server": url, "certificate-authority-data": ca},
		user,
		object{"client-certificate-data": pair.cert, "client-key-data": pair.key})
}

func newKubeconfig(name string, cluster object, user string, credentials object) kubeconfig {
	return kubeconfig{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": name, "cluster": cluster}},
		"users":           []object{{"name": user, "user": credentials}},
		"contexts":        []object{{"name": name, "context": object{"cluster": name, "user": user}}},
		"current-context": name,
	}
}

// write puts a kubeconfig where nobody else can read it.
func (k kubeconfig) write(path string) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}
