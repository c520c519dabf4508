package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func (o *liveOptions) holdFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.hold, "hold", false, "run the command behind -- while new requests of the site wait, and flip then")
}

// withCommand takes the command behind -- off the arguments, and has the rest checked.
func (o *liveOptions) withCommand(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		at := cmd.ArgsLenAtDash()
		switch {
		case at < 0 && o.hold:
			return errors.New("--hold runs a command before the flip: write it behind --, as in --hold -- ./migrate.sh")
		case at < 0:
			return args(cmd, given)
		case !o.hold:
			return errors.New("a command behind -- is for --hold: add it, or leave the command out")
		case at == len(given):
			return errors.New("--hold runs a command before the flip: there is none behind --")
		}
		o.holdCommand = given[at:]
		return args(cmd, given[:at])
	}
}

// hold has new requests of the site wait, and runs the command once nothing of the site
// runs. The caller calls letGo. What fails lets go by itself: so does the end of this
// process, for the daemon holds only as long as our connection.
func (g *goLive) hold(ctx context.Context, release string) (letGo func(), err error) {
	none := func() {}
	command := strings.Join(g.opts.holdCommand, " ")
	switch {
	case !g.opts.hold:
		return none, nil
	case g.opts.dryRun:
		return none, g.do("hold", func() (string, error) { return "would run " + command + " while requests wait", nil })
	}
	letGo, lost := none, (<-chan struct{})(nil)
	if g.daemon != nil {
		if letGo, lost, err = g.beginHold(ctx); err != nil {
			return nil, err
		}
	}
	err = g.do("command", func() (string, error) { return command, g.runHeld(ctx, release) })
	if err == nil && closed(lost) {
		err = errors.New("realdocd has ended the hold before the command had ended, so visitors run on the live release beside it: see the log, and flip when it is right to")
	}
	if err != nil {
		letGo()
		return nil, err
	}
	return letGo, nil
}

func (g *goLive) beginHold(ctx context.Context) (letGo func(), lost <-chan struct{}, err error) {
	err = g.do("hold", func() (string, error) {
		hold, ended, err := g.daemon.Hold(ctx, g.at, g.opts.timeout)
		if err != nil {
			return "", fmt.Errorf("hold the site's requests: %w", err)
		}
		letGo, lost = func() { hold.Close() }, ended
		return "new requests wait, and nothing runs" + g.commandsInside(ctx), nil
	})
	return letGo, lost, err
}

// commandsInside names what the hold does not wait for.
func (g *goLive) commandsInside(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	d, err := g.daemon.Site(ctx, g.at)
	if err != nil {
		return ""
	}
	var who []string
	for _, r := range knownReleases(d) {
		for _, o := range r.Inside {
			if o.Kind == "command" {
				who = append(who, fmt.Sprintf("%s (pid %d)", o.What, o.PID))
			}
		}
	}
	if len(who) == 0 {
		return ""
	}
	return "; commands of realdocd exec run on: " + strings.Join(who, ", ")
}

// runHeld runs the command as the operator himself would, here and with his rights. Its
// output is the operator's; with --json it goes to standard error.
func (g *goLive) runHeld(ctx context.Context, release string) error {
	cmd := exec.CommandContext(ctx, g.opts.holdCommand[0], g.opts.holdCommand[1:]...)
	cmd.Env = g.environ(release)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, g.out, g.errs
	if g.asJSON {
		cmd.Stdout = g.errs
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute // to undo what it has begun
	if err := runWithUs(cmd); err != nil {
		return fmt.Errorf("%q: %w; nothing was flipped", strings.Join(g.opts.holdCommand, " "), err)
	}
	return nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
