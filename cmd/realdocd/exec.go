package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/incpath"
)

func newExec() *cobra.Command {
	var o siteOptions
	var who string
	var restart bool
	cmd := &cobra.Command{
		Use:   "exec SITE -- COMMAND [ARG...]",
		Short: "Run a command on the live release",
		Long: `exec resolves the site's link once and runs the command in that release, as a
request is: a flip meanwhile does not reach it, and a drain of the release waits for
it. DOCUMENT_ROOT is the resolved docroot, REALDOC_RELEASE the release's name and
REALDOC_RELEASE_DIR its directory, which is the working directory too. PHP gets the
site's include_path, mapped to the release, however the command starts it.

The command gets standard input and output, and signals; its exit code is that of
exec: 128+N if signal N ended it, 127 if it was not found, 126 if it cannot be run.
With --restart-on-flip it gets SIGTERM once its release is not live any more, for a
worker that somebody starts again. If no gateway runs, a drain does not see the
command, and exec says so.`,
		Example: `  realdocd exec shop -- php bin/console cache:warmup
  realdocd exec shop --user www-data -- make warm
  realdocd exec shop --restart-on-flip -- php bin/console messenger:consume`,
		Args: commandArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			stay, err := o.enter(cmd, args[0], args[1:])
			if err != nil {
				return err
			}
			defer stay.leave()
			return stay.run(cmd, args[1:], who, restart)
		},
		ValidArgsFunction: o.completeSiteThenCommand,
	}
	cmd.SetFlagErrorFunc(flagOfCommand)
	o.flags(cmd)
	cmd.Flags().StringVar(&who, "user", "", "run the command as `NAME`, with the groups of that user; for root")
	cmd.Flags().BoolVar(&restart, "restart-on-flip", false, "send the command SIGTERM once its release is not live any more")
	return cmd
}

// commandArguments wants the command after "--", so that its options are its own.
func commandArguments(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case len(args) == 0 || dash == 0:
		return errors.New("exec which site? realdocd status lists them")
	case len(args) == 1:
		return errors.New("exec needs a command, after --, as in: realdocd exec " + args[0] + " -- php bin/console")
	case dash != 1:
		return fmt.Errorf("put -- before the command, as in: realdocd exec %s -- %s", args[0], strings.Join(args[1:], " "))
	}
	return nil
}

// flagOfCommand says of an option that exec does not have that it may be the command's, which
// belongs behind --.
func flagOfCommand(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if args := cmd.Flags().Args(); errors.As(err, &unknown) && len(args) > 1 {
		return fmt.Errorf("%w; if it is the command's, put -- before that, as in: realdocd exec %s -- %s …", err, args[0], strings.Join(args[1:], " "))
	}
	return err
}

// A stay is a command's time in a release.
type stay struct {
	control.CommandEnv
	leave func()
	// awaitFlip waits until the release is not live any more. It ends with ctx,
	// without an answer.
	awaitFlip func(ctx context.Context) bool
}

// enter has the daemon keep the release for the command. If none runs, it looks at
// the link itself.
func (o *siteOptions) enter(cmd *cobra.Command, site string, command []string) (*stay, error) {
	ctx := context.Background()
	t, err := o.find(ctx, site)
	if err != nil {
		return nil, err
	}
	if t.daemon == nil {
		printError(cmd.ErrOrStderr(), fmt.Errorf("no drain waits for this command: %s", t.alone))
		return t.look()
	}
	entry, err := t.daemon.Enter(ctx, t.at, strings.Join(command, " "), os.Getpid(), answerTimeout)
	if err != nil {
		return nil, err
	}
	if err := t.confirmEnv(&entry.CommandEnv); err != nil {
		entry.Close()
		return nil, err
	}
	await := func(ctx context.Context) bool {
		context.AfterFunc(ctx, entry.Close)
		if _, err := entry.AwaitFlip(); err == nil {
			return true
		}
		// The daemon has gone, and the command has not.
		return t.pollFlip(ctx, entry.Release)
	}
	return &stay{entry.CommandEnv, entry.Close, await}, nil
}

func (t *namedSite) look() (*stay, error) {
	got, err := deploy.Inspect(t.docroot, t.site.Links())
	if err != nil {
		return nil, err
	}
	mapping := incpath.Mapping{
		Spellings: got.Spellings, Release: got.Release,
		ResolvedDocroot: got.ResolvedDocroot, Pattern: t.site.SearchReplacePattern,
	}
	env := control.CommandEnv{
		Docroot: got.Docroot, Link: got.Link, Release: got.Release, Name: got.Name,
		ResolvedDocroot: got.ResolvedDocroot, IncludePath: mapping.List(t.site.IncludePath),
	}
	await := func(ctx context.Context) bool { return t.pollFlip(ctx, got.Release) }
	return &stay{env, func() {}, await}, nil
}

// pollFlip looks at the link once a second. A link that cannot be resolved is not a
// flip.
func (t *namedSite) pollFlip(ctx context.Context, release string) bool {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return false
		case <-tick.C:
		}
		got, err := deploy.Inspect(t.docroot, t.site.Links())
		if err == nil && got.Release != release {
			return true
		}
	}
}
