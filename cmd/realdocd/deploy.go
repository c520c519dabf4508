package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// expiredTimeout is how long a deploy waits for a release that is to be removed.
const expiredTimeout = 5 * time.Second

func newDeploy() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:   "deploy SITE SOURCE_DIR",
		Short: "Copy a release into place and make it live",
		Long: `deploy copies the source into the site's idle slot, or into a new directory below
its releases, and makes it live as flip does. Visitors get the live release until the
copy is complete, on disk and warm; what fails before leaves that as it is, and the
next deploy carries on from there. A slot is drained before it is filled. Of
releases those beyond keep are removed, once nothing runs in them.

Where the site's link does not exist yet, deploy makes it.`,
		Example: `  realdocd deploy shop ./build
  realdocd deploy shop /srv/checkout --strict --timeout 2m`,
		Args: siteArguments("SOURCE_DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := drainLimit(true, o.timeout, true); err != nil {
				return usageError{err}
			}
			source, err := filepath.Abs(args[1])
			if err == nil {
				err = wantDirectory(source)
			}
			if err != nil {
				return fmt.Errorf("source %s: %w", args[1], err)
			}
			return o.with(cmd, args[0], func(ctx context.Context, g *goLive) error { return g.deploy(ctx, source) })
		},
		ValidArgsFunction: o.completeSiteThenDirectory,
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the idle slot to drain, as `TIME` such as 30s or 2m")
	return cmd
}

func (g *goLive) deploy(ctx context.Context, source string) error {
	switch {
	case g.link.tail != "":
		return fmt.Errorf("the link %[1]s leads into a release, to its %[2]s: make it lead to the release itself, and docroot = %[3]q", g.link.path, g.link.tail[1:], g.link.path+g.link.tail)
	case len(g.site.Slots) > 0:
		return g.deployToSlot(ctx, source)
	case g.site.Releases != "":
		return g.deployToReleases(ctx, source)
	}
	return fmt.Errorf("site %[1]s has no place for releases: set slots or releases in [site.%[1]s], or fill a directory yourself and use realdocd flip", g.site.Name)
}

func (g *goLive) deployToSlot(ctx context.Context, source string) error {
	slot, err := deploy.IdleSlot(g.site.Slots, g.liveSlot())
	if err != nil {
		return fmt.Errorf("find the idle slot: %w", err)
	}
	// A request that still runs there would see files of two releases.
	if g.daemon != nil && g.link.exists && wantDirectory(slot) == nil {
		if err := g.drain(ctx, g.seenAs(slot), g.opts.timeout); err != nil {
			return fmt.Errorf("slot %s was not touched: %w", slot, err)
		}
	}
	if err := g.fill(ctx, source, slot); err != nil {
		return err
	}
	return g.run(ctx, slot)
}

// liveSlot is the live release as slots has it, which may be by way of symlinks.
func (g *goLive) liveSlot() string {
	for _, slot := range g.site.Slots {
		if g.seenAs(slot) == g.link.live {
			return path.Clean(slot)
		}
	}
	return g.link.live
}

func (g *goLive) deployToReleases(ctx context.Context, source string) error {
	if err := os.MkdirAll(g.site.Releases, 0o755); err != nil {
		return fmt.Errorf("make the directory of releases: %w", err)
	}
	partial, final, err := deploy.NewRelease(g.site.Releases, time.Now())
	if err != nil {
		return err
	}
	if err := g.fill(ctx, source, partial); err != nil {
		return err
	}
	if err := deploy.Complete(partial, final); err != nil {
		return err
	}
	before := g.link.live
	if err := g.run(ctx, final); err != nil {
		return err
	}
	return g.removeExpired(ctx, final, before)
}

// fill makes target like the source, and durable.
func (g *goLive) fill(ctx context.Context, source, target string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", target, err)
	}
	return g.do("fill", func() (string, error) {
		progress, done := g.progress()
		filled, err := deploy.Fill(ctx, source, target, progress)
		done()
		if err != nil {
			return "", err
		}
		if err := deploy.Sync(target); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: %s, %d changed, %d deleted", target, count(filled.Files, "file"), filled.Changed, filled.Deleted), nil
	})
}

// progress rewrites one line of a terminal, at most ten times a second.
func (g *goLive) progress() (show func(deploy.FillProgress), done func()) {
	if g.asJSON || !isTerminal(g.errs) {
		return func(deploy.FillProgress) {}, func() {}
	}
	var last time.Time
	show = func(p deploy.FillProgress) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			fmt.Fprintf(g.errs, "\rfill      %d files changed\x1b[K", p.Changed)
		}
	}
	return show, func() { fmt.Fprint(g.errs, "\r\x1b[K") }
}

// removeExpired removes the releases beyond those that are kept. One that is
// still in use stays for the next deploy.
func (g *goLive) removeExpired(ctx context.Context, live, before string) error {
	expired, err := deploy.Expired(g.site.Releases, g.site.Keep, live, before)
	if err != nil {
		return err
	}
	for _, dir := range expired {
		// By way of a symlink above it, the live one has another path here.
		if seen := g.seenAs(dir); seen == before || seen == g.seenAs(live) {
			continue
		}
		if g.daemon == nil {
			g.warn("release %s is not removed: nobody knows whether something runs in it", dir)
			continue
		}
		switch err := g.remove(ctx, dir); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			g.warn("release %s stays: %v", dir, err)
		}
	}
	return nil
}

func (g *goLive) remove(ctx context.Context, dir string) error {
	return g.do("remove", func() (string, error) {
		limit, cancel := context.WithTimeout(ctx, expiredTimeout+answerTimeout)
		defer cancel()
		_, err := g.daemon.DrainRelease(limit, g.at, g.seenAs(dir), expiredTimeout)
		if busy := (*control.BusyError)(nil); errors.As(err, &busy) {
			return "", fmt.Errorf("%w, the oldest of %d is %s", err, len(busy.Inside), busy.Inside[0].What)
		}
		if err != nil {
			return "", err
		}
		return dir, deploy.RemoveRelease(dir)
	})
}
