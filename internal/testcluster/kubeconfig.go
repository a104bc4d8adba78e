package testcluster

import (
	"encoding/json"
	"os"
)

// kubeconfig is the content of a kubeconfig file. It is written as JSON, which is valid YAML.
type kubeconfig object

// object is an object in a kubeconfig.
type object = map[string]any

// certificateKubeconfig returns a kubeconfig that contains a client certificate, so that the file
// can be copied.
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

// write writes the kubeconfig to a file that only its owner can read.
func (k kubeconfig) write(path string) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}
