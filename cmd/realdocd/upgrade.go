package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway"
)

// succeedsVariable has the descriptor of the socket pair that joins us to the process that a new one
// takes over from.
const succeedsVariable = "REALDOCD_SUCCEEDS"

// upgradeTimeout bounds how long a new process may take to take over.
const upgradeTimeout = 30 * time.Second

// mainTimeout bounds the wait of a process that serves to become the main one.
const mainTimeout = 5 * time.Second

// An upgrade is a new process that takes over from this one.
type upgrade struct {
	successor *gateway.Successor
	cancel    context.CancelFunc
	ended     chan error // nil when the new process serves
}

// upgrade begins an upgrade, unless one is under way.
func (d *daemonProcess) upgrade(u *upgrade) *upgrade {
	if u.ended != nil {
		d.log.Warn().Msg("SIGUSR2 changes nothing: an upgrade is under way")
		return u
	}
	d.log.Info().Str("program", d.program).Msg("upgrading")
	next, err := d.startUpgrade()
	if err != nil {
		d.log.Error().Err(err).Msg("upgrade failed: this process serves on")
		return u
	}
	return next
}

// startUpgrade starts the program that is installed now, with the same
// arguments. Until it serves, this process does.
func (d *daemonProcess) startUpgrade() (*upgrade, error) {
	if os.Getpid() == 1 {
		return nil, errors.New("realdocd is process 1 here, with whose end the container ends: replace the container")
	}
	successor, err := d.srv.NewSuccessor()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), upgradeTimeout)
	u := &upgrade{successor, cancel, make(chan error, 1)}
	process, err := startSuccessor(d.program, successor.File())
	if err != nil {
		cancel()
		successor.Abandon()
		return nil, fmt.Errorf("start %s: %w", d.program, err)
	}
	go func() {
		err := successor.HandOver(ctx)
		if err != nil {
			process.Kill() // it may have ended
		}
		process.Release()
		u.ended <- err
	}()
	return u, nil
}

// startSuccessor starts the program as a sibling of this process, so that the
// service manager, and not we, is told of its end.
func startSuccessor(program string, link *os.File) (*os.Process, error) {
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{link}
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesUs), succeedsVariable+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_PARENT}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd.Process, nil
}

// namesUs is for a variable that is of this process alone. Those of LISTEN_FDS, and
// ours, have been taken out of the environment when they were read.
func namesUs(variable string) bool { return strings.HasPrefix(variable, "WATCHDOG_PID=") }

// predecessor is the process that this one takes over from; nil for none.
func predecessor() (*gateway.Predecessor, error) {
	value, ok := os.LookupEnv(succeedsVariable)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(succeedsVariable)
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s is for realdocd's own use: unset it", succeedsVariable)
	}
	unix.CloseOnExec(fd)
	return gateway.NewPredecessor(os.NewFile(uintptr(fd), "predecessor"))
}

// awaitMain waits until this process is the service's main one, so that it may
// speak for it.
func awaitMain(before *gateway.Predecessor) {
	select {
	case <-before.Main():
	case <-before.Ended():
	case <-time.After(mainTimeout): // it hangs; this process goes on
	}
}

// programPath is where this program is found again, whichever version is installed
// there by then and whatever the working directory is.
func programPath() string {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}

// retire finishes what runs here while the successor serves.
func (d *daemonProcess) retire(successor *gateway.Successor) error {
	d.notify("MAINPID="+strconv.Itoa(successor.PID()), "handed over")
	d.retired.Store(true)
	successor.MakeMain()
	d.log.Info().Int("successor", successor.PID()).Msg("handed over: finishing what runs here")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go d.limitRetirement(ctx, cancel, successor)
	return d.finish(d.srv.Retire(ctx))
}

// limitRetirement has it end within shutdown_timeout once somebody wants it to
// end. It ends with ctx.
func (d *daemonProcess) limitRetirement(ctx context.Context, cancel context.CancelFunc, successor *gateway.Successor) {
	stop := successor.Stop()
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-stop:
			stop = nil
		case <-late:
			cancel()
			continue
		case sig := <-d.signals:
			if sig != syscall.SIGTERM && sig != syscall.SIGINT {
				continue
			}
			if late != nil {
				cancel()
				continue
			}
		}
		late = time.After(d.config.Gateway.ShutdownTimeout)
	}
}
