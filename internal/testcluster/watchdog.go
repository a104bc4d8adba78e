package testcluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// watchdogScript reads the ids of processes from its standard input until that ends. Only the
// process that started the watchdog holds the other end of the pipe, so the input ends with that
// process, even after SIGKILL. The script then kills the processes. The system may have reused an
// id, so it kills only processes with the directory in their arguments.
//
// $1 is the directory, and $2 is "remove" or "keep". Removing is retried, because a component that
// was killed may still finish a write.
const watchdogScript = `
trap '' HUP INT TERM
is_component() {
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
	if is_component "$pid" "$1"; then kill -KILL "$pid"; fi
done
tries=300
while [ "$2" = remove ] && [ "$tries" -gt 0 ] && ! rm -rf -- "$1"; do
	tries=$((tries - 1))
	sleep 0.1
done
`

// watchdog ends the components and removes their data if this process dies without stopping them.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startWatchdog(dir string, remove bool) (*watchdog, error) {
	action := "keep"
	if remove {
		action = "remove"
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "testcluster-watchdog", dir, action)
	// A new session protects it from the signals of the terminal. It inherits no open files, so a
	// reader of this process's output does not wait for the watchdog.
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

// watch makes the watchdog end the process if this one dies. The arguments of the process must
// contain the directory.
func (w *watchdog) watch(pid int) error {
	if _, err := fmt.Fprintf(w.pipe, "watch %d\n", pid); err != nil {
		return fmt.Errorf("the watchdog has ended: %w", err)
	}
	return nil
}

// dismiss ends the watchdog, which then kills and removes nothing.
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
