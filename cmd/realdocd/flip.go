package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"

	"github.com/spf13/cobra"
)

func newFlip() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:   "flip SITE RELEASE",
		Short: "Make a release live",
		Long: `flip points the site's link to the release, in one rename: requests that run finish
on the release that they began on, new ones get the new one. RELEASE is a directory,
or the name of one beside the live release.

Before it, the release's files are looked through for what names other directories;
the running gateway is asked whether PHP-FPM can read the release and has room for it
in the opcache; and the site's warm-up runs on it. What fails there leaves the live
release as it is. If no gateway runs, flip only flips, and says so.

With --hold, what follows -- runs as the last step before the flip, as a migration of
the database: new requests of the site wait meanwhile, for at most the pool's
queue_timeout each, and those that ran have ended. If the command fails, the live
release goes on and the exit code is 1. See realdocd-canary(7).

With --bake, it then watches the release for that time, against what the one before did,
and rolls back if it is worse; the exit code is 1 then.

Interrupted before the rename, it has changed nothing; after it, the flip stands.`,
		Example: `  realdocd flip shop /var/www/shop/releases/43
  realdocd flip shop 43
  realdocd flip shop releases/43 --strict --drain --timeout 2m
  realdocd flip shop 43 --bake 2m
  realdocd flip shop 43 --hold -- ./migrate.sh`,
		Args: o.withCommand(siteArguments("RELEASE")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(o.drain || o.hold, o.timeout, cmd.Flags().Changed("timeout")); err != nil {
				return usageError{err}
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error {
				release, err := g.findDirectory(args[1])
				if err != nil {
					return err
				}
				return g.run(ctx, release)
			})
		},
		ValidArgsFunction: o.completeSiteThenTarget,
	}
	o.flags(cmd)
	o.aloneFlag(cmd)
	o.drainFlags(cmd)
	o.holdFlag(cmd)
	o.bakeFlag(cmd)
	return cmd
}

// change flips, and has the daemon know it; with --hold while requests are held.
func (g *goLive) change(ctx context.Context, release, seen string) error {
	letGo, err := g.hold(ctx, release)
	if err != nil {
		return err
	}
	defer letGo()
	if err := g.flip(release); err != nil || g.opts.dryRun {
		return err
	}
	g.noteLived(release)
	return g.tell(seen)
}

// flip is the one step that visitors see.
func (g *goLive) flip(release string) error {
	change := deploy.Flip
	if !g.link.exists {
		change = deploy.CreateLink
	}
	return g.do("flip", func() (string, error) {
		if g.opts.dryRun {
			return "would point " + g.link.path + " to " + release, nil
		}
		if err := change(g.link.path, release); err != nil {
			return "", err
		}
		g.flipped, g.outcome.Live = true, true
		return g.link.path + " -> " + release, nil
	})
}

// tell has the flip known and written down, also when we are told to stop. What
// fails here does not undo the flip; but a daemon that sees something else than what was
// asked for serves something else.
func (g *goLive) tell(release string) error {
	if g.daemon != nil {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		detail, err := g.daemon.Look(ctx, g.at, g.by)
		if err == nil {
			return g.compare(detail, release)
		}
		if !control.IsNotRunning(err) {
			g.warn("the flip stands, but realdocd was not told of it: %v", err)
			return nil
		}
	}
	history := g.history()
	if history == nil {
		return nil
	}
	err := history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: release, By: g.by})
	if err != nil {
		g.warn("the flip stands, but is not in the history: %v", err)
	}
	return nil
}

// compare sees whether the daemon serves what was asked for. It does not if it has another
// root or other mounts than we have.
func (g *goLive) compare(detail control.SiteDetail, release string) error {
	known := docrootOf(detail, g.docroot)
	for _, r := range known.Releases {
		if r.Live && r.Path != release && !sameDirectory(r.Path, release) {
			g.outcome.Live = false
			if known.Stale != "" {
				return fmt.Errorf("the running realdocd cannot see this flip yet, and visitors get %s until it can: %s", r.Path, known.Stale)
			}
			return fmt.Errorf("the running realdocd does not see this flip: for it %s leads to %s, and that is what visitors get; it has other mounts or another root than this command (a container, PrivateMounts): run the command where it runs", g.link.path, r.Path)
		}
	}
	return nil
}

func sameDirectory(a, b string) bool {
	fiA, errA := os.Stat(a)
	fiB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fiA, fiB)
}
