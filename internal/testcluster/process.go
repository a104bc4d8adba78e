package testcluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gateScript waits for a line on its standard input, and then executes the component with the same
// process id. If our process dies before it writes the line, the component never starts.
const gateScript = `read -r go && exec "$@"`

// process is one component. Its log has the output of all its runs.
type process struct {
	name, log string
	cmd       *exec.Cmd
	offset    int64         // of the output of this run in the log
	ended     chan struct{} // closed when it has ended
	err       error         // of Wait; read it only after ended is closed
	stopping  bool          // stop has been called
}

// run starts a component in the cluster's directory. The watchdog watches it before it executes.
func (c *Cluster) run(name string, args ...string) (*process, error) {
	p := &process{name: name, log: c.path(name + ".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if p.offset, err = log.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	binary := filepath.Join(c.binaries, name)
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", gateScript, "testcluster", binary}, args...)...)
	p.cmd.Dir = c.dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = newGroup() // Ctrl-C ends this process, which then stops the components in order
	gate, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if err := c.watchdog.watch(p.cmd.Process.Pid); err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if _, err := io.WriteString(gate, "go\n"); err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop kills the component and waits for it. Its data is removed, so it need not shut down
// gracefully. It is an error if the component had ended by itself before.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	if p.hasEnded() && !p.stopping {
		return p.failure()
	}
	p.stopping = true
	_ = p.cmd.Process.Kill() // fails only if the process has just ended
	<-p.ended
	return nil
}

// failure returns an error with the exit status and the end of the log.
func (p *process) failure() error {
	return fmt.Errorf("%s ended by itself (%w); the end of its log:\n%s", p.name, p.err, p.tail())
}

// tail returns the last lines of the log, each shortened to a readable width.
func (p *process) tail() string {
	const lines, width = 20, 600
	return lastLines(p.output(), lines, width)
}

func lastLines(data []byte, lines, width int) string {
	all := strings.Split(string(bytes.TrimSpace(data)), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if len(line) > width {
			all[i] = line[:width] + " ..."
		}
	}
	return strings.Join(all, "\n")
}

// portTaken reports whether the component ended because another process had taken its port.
func (p *process) portTaken() bool {
	return p.hasEnded() && bytes.Contains(p.output(), []byte("address already in use"))
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// output returns the log of this run.
func (p *process) output() []byte {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return data[min(p.offset, int64(len(data))):]
}
