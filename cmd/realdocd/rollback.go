package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

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
	o.aloneFlag(cmd)
	o.drainFlags(cmd)
	return cmd
}

func (g *goLive) rollback(ctx context.Context) error {
	events, err := g.events(ctx)
	if err != nil {
		return err
	}
	back, ok := deploy.Previous(events, g.link.path, g.link.live, g.usable)
	if !ok {
		return g.noWayBack(back)
	}
	err = g.do("rollback", func() (string, error) {
		text := fmt.Sprintf("to %s, live since %s", back.Release, back.Time.Local().Format(listTime))
		if back.Again {
			text += fmt.Sprintf("; it is further back than %s, which a rollback went to", path.Base(g.link.live))
		}
		if len(back.Passed) > 0 {
			text += "; passed over: " + strings.Join(back.Passed, ", ")
		}
		return text, nil
	})
	if err != nil {
		return err
	}
	return g.run(ctx, back.Release)
}

func (g *goLive) noWayBack(back deploy.WayBack) error {
	text := fmt.Sprintf("the history has no release of %s before %s", g.link.path, g.link.live)
	if back.Again {
		text = fmt.Sprintf("the history has no release of %s further back than %s, which a rollback went to", g.link.path, g.link.live)
	}
	if len(back.Passed) > 0 {
		text += " that could be gone back to (" + strings.Join(back.Passed, ", ") + ")"
	}
	return fmt.Errorf("%s: name one, with realdocd flip %s RELEASE_DIR", text, g.site.Name)
}

// usable says why a release cannot be gone back to; "" if it can.
func (g *goLive) usable(e deploy.Event) string {
	if why := deploy.Gone(e); why != "" {
		return why
	}
	if err := g.confirm(e.Release); err != nil {
		return err.Error()
	}
	if err := g.link.checkRelease(e.Release); err != nil {
		return err.Error()
	}
	if rec, err := g.records().Of(e.Release); err == nil && rec != nil && rec.Begun.After(e.Time) && rec.Begun.After(rec.Lived) {
		return "it was filled anew since, and has not been live with that"
	}
	return ""
}

// events are the history of the site.
func (g *goLive) events(ctx context.Context) ([]deploy.Event, error) {
	if g.daemon == nil {
		history := g.history()
		if history == nil {
			return nil, errors.New(`no history is kept, since state_dir is "": name a release, with realdocd flip`)
		}
		return history.Of(g.link.path)
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
