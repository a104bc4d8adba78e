package testcluster

import (
	"fmt"
	"os"
	"path/filepath"
)

// The files in the cluster's directory that the components read.
const (
	caFile               = "ca.crt"
	servingCert          = "serving.crt"
	servingKey           = "serving.key"
	accountKey           = "service-accounts.key"
	adminKubeconfig      = "admin.kubeconfig"
	controllerKubeconfig = "controller-manager.kubeconfig"
)

// controllerUser has the rights of any production controller manager, no more.
const controllerUser = "system:kube-controller-manager"

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// makeCredentials makes the certificate authority, and of what it signs all that
// does not depend on the address of the API server.
func (c *Cluster) makeCredentials() (err error) {
	if c.ca, err = newAuthority(); err != nil {
		return err
	}
	if c.admin, err = c.ca.client("admin", "system:masters"); err != nil {
		return err
	}
	serving, err := c.ca.serving()
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

// makeKubeconfigs writes the kubeconfigs of the administrator and of the
// controller manager.
func (c *Cluster) makeKubeconfigs() error {
	pair, err := c.ca.client(controllerUser)
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

// makeKubeconfig makes a kubeconfig for anybody else. The caller holds the lock.
func (c *Cluster) makeKubeconfig(user string, groups []string) (path string, err error) {
	var config kubeconfig
	if c.existing != nil {
		config = c.existing.impersonating(user, groups)
	} else {
		pair, err := c.ca.client(user, groups...)
		if err != nil {
			return "", fmt.Errorf("certificate: %w", err)
		}
		config = certificateKubeconfig(c.url, c.ca.pem, user, pair)
	}
	c.users++ // the names of users are no names of files
	path = c.path(fmt.Sprintf("user-%d.kubeconfig", c.users))
	return path, config.write(path)
}
