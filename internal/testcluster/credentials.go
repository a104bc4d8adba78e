package testcluster

import (
	"fmt"
	"os"
	"path/filepath"
)

// The files in the cluster's directory.
const (
	caFile               = "ca.crt"
	servingCert          = "serving.crt"
	servingKey           = "serving.key"
	accountKey           = "service-accounts.key"
	adminKubeconfig      = "admin.kubeconfig"
	controllerKubeconfig = "controller-manager.kubeconfig"
)

// controllerUser is the user of the controller manager, with the same rights as in production.
const controllerUser = "system:kube-controller-manager"

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// writeCredentials creates the certificate authority, and writes the certificates and keys that do
// not depend on the address of the API server.
func (c *Cluster) writeCredentials() (err error) {
	if c.ca, err = newAuthority(); err != nil {
		return err
	}
	if c.admin, err = c.ca.issueClient("admin", "system:masters"); err != nil {
		return err
	}
	serving, err := c.ca.issueServing()
	if err != nil {
		return err
	}
	account, err := newEncodedKey()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		caFile:      c.ca.pem,
		servingCert: serving.cert,
		servingKey:  serving.key,
		accountKey:  account,
	} {
		if err := os.WriteFile(c.path(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeKubeconfigs writes the kubeconfigs of the administrator and of the controller manager.
func (c *Cluster) writeKubeconfigs() error {
	pair, err := c.ca.issueClient(controllerUser)
	if err != nil {
		return err
	}
	controller := certificateKubeconfig(c.url, c.ca.pem, controllerUser, pair)
	if err := controller.write(c.path(controllerKubeconfig)); err != nil {
		return err
	}
	c.kubeconfig = c.path(adminKubeconfig)
	return certificateKubeconfig(c.url, c.ca.pem, "admin", c.admin).write(c.kubeconfig)
}

// writeUserKubeconfig writes a kubeconfig for a user and returns its path. The caller holds c.mu.
func (c *Cluster) writeUserKubeconfig(user string, groups []string) (path string, err error) {
	var config kubeconfig
	if c.existing != nil {
		config = c.existing.impersonating(user, groups)
	} else {
		pair, err := c.ca.issueClient(user, groups...)
		if err != nil {
			return "", fmt.Errorf("certificate: %w", err)
		}
		config = certificateKubeconfig(c.url, c.ca.pem, user, pair)
	}
	c.users++ // the name of a user may not be a valid file name
	path = c.path(fmt.Sprintf("user-%d.kubeconfig", c.users))
	return path, config.write(path)
}
