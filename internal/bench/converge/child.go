package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// childArgument is the argument with which this program measures one phase of one contestant. Each
// measurement has a process, so that no memory or cache is shared.
const childArgument = "child"

// task is the input of a child.
type task struct {
	Contestant string
	Phase      phase
	Tenants    []string
	Objects    []object // of one tenant; Polyphony does not use them
	Kubeconfig string
	Kubectl    string // its path
	ServerPID  int
}

// outcome is the output of a child.
type outcome struct {
	Seconds        float64
	Requests       int64
	Sent, Received int64   // bytes on the wire, with TLS; 0: unknown
	ServerCPU      float64 // CPU seconds of the API server during the phase
	Memory         int64   // peak of the client, in bytes
	Empty          int64   // peak of this program before it starts, in bytes
}

// spawn runs the task in a child process, on this control plane.
func (p *plane) spawn(ctx context.Context, t task) (o outcome, err error) {
	t.Kubeconfig, t.Kubectl, t.ServerPID = p.kubeconfig, p.kubectl, p.cluster.APIServerPID()
	program, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.CommandContext(ctx, program, childArgument)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return o, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return o, err
	}
	if err := cmd.Start(); err != nil {
		return o, err
	}
	sent := json.NewEncoder(in).Encode(t)
	_ = in.Close() // the child reads one value
	received := json.NewDecoder(out).Decode(&o)
	if err := cmd.Wait(); err != nil {
		return o, fmt.Errorf("%s: %w", t.Phase, err)
	}
	if sent != nil {
		return o, sent
	}
	return o, received
}

func child(ctx context.Context, in io.Reader, out io.Writer) error {
	empty, err := peakMemory("self")
	if err != nil {
		return err
	}
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return err
	}
	o, err := t.perform(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Contestant, err)
	}
	o.Empty = empty
	return json.NewEncoder(out).Encode(o)
}

// perform measures the task, including the creation of its clients.
func (t task) perform(ctx context.Context) (o outcome, err error) {
	e, err := findEntrant(t.Contestant)
	if err != nil {
		return o, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", t.Kubeconfig)
	if err != nil {
		return o, err
	}
	m := &meter{}
	m.attach(config)
	cpu, err := cpuSeconds(t.ServerPID)
	if err != nil {
		return o, err
	}
	began := time.Now()
	phases, err := e.enter(setting{
		config: config, kubeconfig: t.Kubeconfig, kubectl: t.Kubectl, objects: t.Objects, meter: m,
	})
	if err != nil {
		return o, err
	}
	if err := phases[t.Phase](ctx, t.Tenants); err != nil {
		return o, err
	}
	o.Seconds = time.Since(began).Seconds()
	after, err := cpuSeconds(t.ServerPID)
	if err != nil {
		return o, err
	}
	o.ServerCPU = after - cpu
	o.Requests, o.Sent, o.Received = m.requests.Load(), m.sent.Load(), m.received.Load()
	o.Memory, err = m.peakMemory()
	return o, err
}
