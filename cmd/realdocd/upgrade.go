package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
	child     *successorChild // nil if it is a sibling
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
	successor, err := d.srv.NewSuccessor()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), upgradeTimeout)
	u := &upgrade{successor: successor, cancel: cancel, ended: make(chan error, 1)}
	process, err := u.start(d.program, d.moveable)
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
		if u.child == nil {
			process.Release()
		}
		u.ended <- err
	}()
	return u, nil
}

// start starts the program as our sibling if another may be the main process, and otherwise
// as our child.
func (u *upgrade) start(program string, moveable bool) (process *os.Process, err error) {
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{u.successor.File()}
	cmd.Env = append(slices.DeleteFunc(os.Environ(), namesUs), succeedsVariable+"=3")
	if moveable {
		return startBeside(cmd)
	}
	if u.child, err = startBelow(cmd); err != nil {
		return nil, err
	}
	return u.child.process, nil
}

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

// retire finishes what runs here while the successor serves. If the successor is our child,
// we end with it.
func (d *daemonProcess) retire(u *upgrade) error {
	successor := u.successor
	if u.child == nil {
		d.notify("MAINPID="+strconv.Itoa(successor.PID()), "handed over")
	} else {
		d.becomeParent()
	}
	d.retired.Store(true)
	successor.MakeMain()
	d.log.Info().Int("successor", successor.PID()).Msg("handed over: finishing what runs here")
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		d.limitRetirement(ctx, cancel, u)
	}()
	err := d.finish(d.srv.Retire(ctx))
	cancel()
	<-over // it takes signals
	if u.child == nil || err != nil && !errors.Is(err, errNo) {
		return err
	}
	return cmp.Or(d.stay(successor, u.child), err)
}

// limitRetirement has it end within shutdown_timeout once somebody wants it to
// end. It ends with ctx.
func (d *daemonProcess) limitRetirement(ctx context.Context, cancel context.CancelFunc, u *upgrade) {
	stop := u.successor.Stop()
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
			u.child.pass(sig)
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
