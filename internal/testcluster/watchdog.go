package testcluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// watchdogScript reads what to watch from its standard input until that ends.
// Only the process that started the watchdog holds the other end of the pipe, so
// it ends with that process however it goes, SIGKILL included. Then the recorded
// processes are killed, if they still are what they were: each has the directory in
// its arguments, and process ids are given again.
//
// $1 is the directory, $2 says whether to remove it. Removing is retried while a
// killed component is still busy with its last write.
const watchdogScript = `
trap '' HUP INT TERM
ours() {
	if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -ww -o args= -p "$1"; fi 2>/dev/null | grep -qF -- "$2"
}
pids=
while read -r verb pid; do
	case $verb in
	watch) pids="$pids $pid" ;;
	leave) exit 0 ;;
	esac
done
for pid in $pids; do
	if ours "$pid" "$1"; then kill -KILL "$pid"; fi
done
tries=300
while [ "$2" = remove ] && [ "$tries" -gt 0 ] && ! rm -rf -- "$1"; do
	tries=$((tries - 1))
	sleep 0.1
done
`

// watchdog cleans up after a process that could not do it itself.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startWatchdog(dir string, remove bool) (*watchdog, error) {
	what := "keep"
	if remove {
		what = "remove"
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "testcluster-watchdog", dir, what)
	// A session of its own keeps it out of the terminal's signals. It has none of
	// our files open, lest somebody who reads our output waits for it to end.
	cmd.SysProcAttr = newSession()
	cmd.Dir = "/"
	pipe, err := cmd.StdinPipe() // close-on-exec: no component inherits it
	if err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// watch makes the process end with ours. Its arguments must name the directory.
func (w *watchdog) watch(pid int) error {
	if _, err := fmt.Fprintf(w.pipe, "watch %d\n", pid); err != nil {
		return fmt.Errorf("watchdog is gone: %w", err)
	}
	return nil
}

// dismiss ends the watchdog without any further ado.
func (w *watchdog) dismiss() error {
	if w == nil {
		return nil
	}
	_, err := io.WriteString(w.pipe, "leave\n")
	err = errors.Join(err, w.pipe.Close())
	kill := time.AfterFunc(time.Minute, func() { _ = w.cmd.Process.Signal(os.Kill) })
	defer kill.Stop()
	return errors.Join(err, w.cmd.Wait())
}
