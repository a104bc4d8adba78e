package testcluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// start starts the components and waits until they are ready.
func (c *Cluster) start(ctx context.Context) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client, err = c.adminClient(); err != nil {
		return err
	}
	if c.etcd, err = c.run("etcd", c.etcdArgs()...); err != nil {
		return err
	}
	if c.apiserver, c.port, err = c.serve(ctx, "kube-apiserver", c.apiserverArgs, "/readyz"); err != nil {
		return err
	}
	c.url = loopback(c.port)
	if err := c.writeKubeconfigs(); err != nil {
		return err
	}
	if c.controller, _, err = c.serve(ctx, "kube-controller-manager", c.controllerArgs, "/healthz"); err != nil {
		return err
	}
	// Pods are refused in a namespace without its default service account.
	return c.await(ctx, c.controller, c.url+"/api/v1/namespaces/default/serviceaccounts/default")
}

// serve starts a component on a free port and waits until it answers on the path. If another
// process takes the port in between, serve tries another one.
func (c *Cluster) serve(
	ctx context.Context, name string, args func(port int) []string, path string,
) (*process, int, error) {
	for tries := 1; ; tries++ {
		port, err := freePort()
		if err != nil {
			return nil, 0, err
		}
		p, err := c.run(name, args(port)...)
		if err != nil {
			return nil, 0, err
		}
		err = c.await(ctx, p, loopback(port)+path)
		if err != nil && p.portTaken() && tries < 5 {
			continue
		}
		return p, port, err
	}
}

// restartAPIServer restarts the API server on the same port. It tries several times, since another
// process may use the port for a short time.
func (c *Cluster) restartAPIServer(ctx context.Context) error {
	if err := c.apiserver.stop(); err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		p, err := c.run("kube-apiserver", c.apiserverArgs(c.port)...)
		if err != nil {
			return err
		}
		c.apiserver = p
		err = c.await(ctx, p, c.url+"/readyz")
		if err == nil || !p.portTaken() || tries == 5 {
			return err
		}
	}
}

// await waits until the URL answers with 200 OK. It returns an error if ctx, the component or etcd
// ends before.
func (c *Cluster) await(ctx context.Context, p *process, url string) error {
	for {
		problem := c.probe(ctx, url)
		if problem == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
			continue
		case <-c.etcd.ended:
		case <-p.ended:
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready: %w; last answer: %w; the end of its log:\n%s",
				p.name, context.Cause(ctx), problem, p.tail())
		}
		if c.etcd.hasEnded() { // etcd first, because the others end when it does
			return c.etcd.failure()
		}
		return p.failure()
	}
}

func (c *Cluster) probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, response.Status, lastLines(body, 10, 200))
	}
	return err
}

// adminClient returns a client with the rights of the administrator. It closes each connection
// after its request, since the server may be killed at any time.
func (c *Cluster) adminClient() (*http.Client, error) {
	pair, err := tls.X509KeyPair(c.admin.cert, c.admin.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.ca.cert)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
		},
		DisableKeepAlives: true,
	}}, nil
}

func loopback(port int) string { return "https://127.0.0.1:" + strconv.Itoa(port) }

// freePort returns a port on loopback that is free now. It is below the range of outgoing
// connections, which could otherwise take the port while the API server restarts.
func freePort() (int, error) {
	const low, high = 20000, 30000
	var errs []error
	for range 20 {
		port := low + rand.IntN(high-low)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		errs = append(errs, err)
	}
	return 0, fmt.Errorf("no free port on loopback: %w", errors.Join(errs...))
}
