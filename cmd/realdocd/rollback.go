package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"realdocd/deploy"
)

func newRollback() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:   "rollback SITE",
		Short: "Make the release live that was live before",
		Long: `rollback makes the release live again that was live before the present one, as flip
does, warm-up included. Which one that was, the history tells: of the running
gateway, or in state_dir.`,
		Example: `  realdocd rollback shop
  realdocd rollback shop --no-warm --drain`,
		Args: siteArguments(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(o.drain, o.timeout, cmd.Flags().Changed("timeout")); err != nil {
				return usageError{err}
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error { return g.rollback(ctx) })
		},
		ValidArgsFunction: o.completeSite,
	}
	o.flags(cmd)
	o.drainFlags(cmd)
	return cmd
}

func (g *goLive) rollback(ctx context.Context) error {
	events, err := g.events(ctx)
	if err != nil {
		return err
	}
	before, ok := deploy.Previous(events, g.link.path, g.link.live)
	if !ok {
		return fmt.Errorf("the history has no release of %s before %s: name one, with realdocd flip %s RELEASE_DIR", g.link.path, g.link.live, g.site.Name)
	}
	err = g.do("rollback", func() (string, error) {
		if err := g.link.checkRelease(before.Release); err != nil {
			return "", fmt.Errorf("%w; name another one, with realdocd flip %s RELEASE_DIR", err, g.site.Name)
		}
		return fmt.Sprintf("to %s, live since %s", before.Release, before.Time.Local().Format(listTime)), nil
	})
	if err != nil {
		return err
	}
	return g.run(ctx, before.Release)
}

// events are the history of the site.
func (g *goLive) events(ctx context.Context) ([]deploy.Event, error) {
	if g.daemon == nil {
		history := g.history()
		if history == nil {
			return nil, errors.New(`no history is kept, since state_dir is "": name a release, with realdocd flip`)
		}
		return history.Events()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	detail, err := g.daemon.Site(ctx, g.at)
	var events []deploy.Event
	for _, e := range detail.History {
		events = append(events, deploy.Event(e))
	}
	return events, err
}
