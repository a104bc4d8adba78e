package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// kubectlUpTo is the highest number of tenants that kubectl is measured with. It sends one request
// at a time.
const kubectlUpTo = 100

// kubectl runs the kubectl program once for all tenants.
type kubectl struct{ setting }

func enterKubectl(s setting) (map[phase]work, error) {
	k := kubectl{s}
	return map[phase]work{provisioning: k.apply, unchanged: k.apply, drifted: k.apply, removing: k.remove}, nil
}

func (k kubectl) apply(ctx context.Context, tenants []string) error {
	var all bytes.Buffer
	encoder := json.NewEncoder(&all)
	for _, tenant := range tenants {
		for _, o := range render(k.objects, tenant) {
			if err := encoder.Encode(o); err != nil {
				return err
			}
		}
	}
	return k.run(ctx, &all, "apply", "--server-side", "--force-conflicts", "--field-manager="+fieldManager, "-f", "-")
}

func (k kubectl) remove(ctx context.Context, tenants []string) error {
	return k.run(ctx, nil, append([]string{"delete", "namespace", "--wait=true"}, tenants...)...)
}

// run counts the requests in the log of kubectl, which has a line for each.
func (k kubectl) run(ctx context.Context, in io.Reader, args ...string) error {
	cache, err := os.MkdirTemp("", "kubectl-") // for its cache of discovery
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	flags := []string{"--kubeconfig=" + k.kubeconfig, "--cache-dir=" + cache, "-v=6"}
	cmd := exec.CommandContext(ctx, k.kubectl, append(flags, args...)...)
	var problems bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &problems
	if err := cmd.Start(); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.meter.watchMemory(watching, cmd.Process.Pid)
	}()
	err = cmd.Wait()
	stop()
	<-done
	if err != nil {
		return fmt.Errorf("kubectl: %w\n%s", err, problems.String())
	}
	k.meter.requests.Add(int64(strings.Count(problems.String(), `"Response" `)))
	return nil
}
