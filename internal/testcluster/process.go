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

// gateScript becomes the component once it is told to, under the process id that
// it already has. If our process dies meanwhile, the component never starts.
const gateScript = `read -r go && exec "$@"`

// process is one component. Its log holds everything it wrote.
type process struct {
	name, log string
	cmd       *exec.Cmd
	offset    int64         // where its part of the log begins
	ended     chan struct{} // closed when it has ended
	err       error         // how it ended; to be read after ended
	stopping  bool          // it ends because we want it to
}

// run starts a component in the cluster's directory, under the watchdog from its
// very first moment.
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
	p.cmd.SysProcAttr = newGroup() // Ctrl-C is for us, who then end the components in order
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

// stop kills the component and waits for it. The data is thrown away, so there is
// nothing that it would have to finish. The error tells that it had ended by itself.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	if p.hasEnded() && !p.stopping {
		return p.failure()
	}
	p.stopping = true
	_ = p.cmd.Process.Kill() // fails only for one that has just ended
	<-p.ended
	return nil
}

// failure tells why a component ended by itself, in its own words.
func (p *process) failure() error {
	return fmt.Errorf("%s ended by itself (%w); the end of its log:\n%s", p.name, p.err, p.tail())
}

// tail is the end of the log: the last lines, and not too much of each.
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

// portTaken tells whether the component ended because somebody else was quicker to
// take its port.
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

// output is what this process has written, without the part of its predecessors.
func (p *process) output() []byte {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return data[min(p.offset, int64(len(data))):]
}
