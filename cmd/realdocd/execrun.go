package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"regexp"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"realdocd/incpath"
)

const (
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128 // and the signal's number
)

// exitCode is the exit code of a command, which has said itself what there is to say.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("the command exited with %d", int(c)) }

// passedOn are the signals that the command gets from us.
var passedOn = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// run runs the command to its end. Nothing here waits for the daemon.
func (s *stay) run(cmd *cobra.Command, command []string, who string, restart bool) error {
	args, err := s.arguments(command)
	if err != nil {
		return err
	}
	around, err := s.surround(who)
	if err != nil {
		return err
	}
	defer around.remove()
	c := exec.Command(args[0], args[1:]...)
	c.Dir = s.Release
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
	c.Env = append(c.Environ(), around.env...)
	// If this process is killed, the command must not go on in a release that a drain
	// takes for idle. The signal comes with the end of the thread that starts it.
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Credential: around.credential}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	signals := make(chan os.Signal, 16) // early, so that none finds the default action
	signal.Notify(signals, passedOn...)
	defer signal.Stop(signals)
	if err := c.Start(); err != nil {
		return notStarted(cmd, args[0], err)
	}
	ctx, ended := context.WithCancel(context.Background())
	defer ended()
	go passSignals(ctx, signals, c.Process)
	if restart {
		go func() {
			if s.awaitFlip(ctx) {
				c.Process.Signal(syscall.SIGTERM) // it may have ended by itself
			}
		}()
	}
	return outcomeOf(c.Wait())
}

// phpName is PHP's command line, as php or with a version, as distributions have it.
var phpName = regexp.MustCompile(`^php[0-9]*(\.[0-9]+)*$`)

// arguments are the command, for PHP with the include_path of the release.
func (s *stay) arguments(command []string) ([]string, error) {
	if s.IncludePath == "" || !phpName.MatchString(path.Base(command[0])) {
		return command, nil
	}
	quoted, err := incpath.Quote(s.IncludePath)
	if err != nil {
		return nil, fmt.Errorf("give php the include_path: %w", err)
	}
	return append([]string{command[0], "-d", "include_path=" + quoted}, command[1:]...), nil
}

// passSignals ends with ctx.
func passSignals(ctx context.Context, signals <-chan os.Signal, p *os.Process) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if fromTerminal(sig) {
				continue // the command has got it too, and one is enough
			}
			p.Signal(sig) // it may have ended
		}
	}
}

// fromTerminal says whether the terminal has sent a signal to all of our
// process group, as it does for Ctrl-C.
func fromTerminal(sig os.Signal) bool {
	if sig != syscall.SIGINT && sig != syscall.SIGQUIT {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	foreground, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

func notStarted(cmd *cobra.Command, name string, err error) error {
	printError(cmd.ErrOrStderr(), fmt.Errorf("run %s: %w", name, err))
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return exitCode(exitNotFound)
	}
	return exitCode(exitNotExecutable)
}

// outcomeOf makes the exit code of how a command ended.
func outcomeOf(err error) error {
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	return codeOf(exit.ProcessState)
}

// codeOf is the exit code that a shell has for the end of a process.
func codeOf(state *os.ProcessState) exitCode {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return exitCode(exitSignal + int(status.Signal()))
	}
	return exitCode(state.ExitCode())
}
