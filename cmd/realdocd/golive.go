package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// headroomTimeout bounds a look into PHP-FPM, which may be busy.
const headroomTimeout = 30 * time.Second

// liveOptions say how a release goes live.
type liveOptions struct {
	siteOptions
	strict, noWarm, drain, asJSON bool
	timeout                       time.Duration
}

func (o *liveOptions) flags(cmd *cobra.Command) {
	o.siteOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.strict, "strict", false, "stop when the release does not fit into the opcache")
	cmd.Flags().BoolVar(&o.noWarm, "no-warm", false, "leave out the warm-up")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the steps as JSON")
}

func (o *liveOptions) drainFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.drain, "drain", false, "then wait until nothing runs in the release that was live")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for --drain, as `TIME` such as 30s or 2m")
}

// A goLive makes a release live.
type goLive struct {
	*target
	*steps
	opts       liveOptions
	deployOpts deployOptions
	by         string // "flip", "rollback" or "deploy"
	link       siteLink
	flipped    bool
}

// with does the work under the link's lock, and tells how it went.
func (o *liveOptions) with(cmd *cobra.Command, site string, work func(ctx context.Context, g *goLive) error) error {
	ctx, stop := interruptible()
	defer stop()
	t, err := o.target(ctx, site)
	if err != nil {
		return err
	}
	g := &goLive{target: t, steps: newSteps(cmd, site, o.asJSON), opts: *o, by: cmd.Name()}
	return g.end(g.explain(ctx, g.locked(func() error { return work(ctx, g) })))
}

func (g *goLive) locked(work func() error) (err error) {
	if g.link, err = g.target.link(); err != nil {
		return err
	}
	g.outcome.Link, g.outcome.Before = g.link.path, g.link.live
	lock, err := deploy.LockDeploy(g.link.path)
	if err != nil {
		return err
	}
	defer lock.Unlock() // the end of the process unlocks too
	// Whoever had the lock may have flipped.
	if g.link, err = g.target.link(); err != nil {
		return err
	}
	g.outcome.Before = g.link.live
	if g.daemon == nil {
		g.warn("the opcache is not looked at, nothing is warmed and nothing is drained: %s", g.alone)
	}
	return work()
}

// explain says of an interrupted command what it has left.
func (g *goLive) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil || err == nil && !g.flipped:
		return err
	case g.flipped:
		return fmt.Errorf("interrupted: the flip stands, and %s is live", g.outcome.Release)
	case g.link.live == "":
		return errors.New("interrupted: no release has gone live")
	}
	return fmt.Errorf("interrupted: nothing has changed for visitors, and %s is still live", g.link.live)
}

// run takes a release from a directory on disk to visitors.
func (g *goLive) run(ctx context.Context, release string) error {
	release = g.link.into(release)
	seen := g.seenAs(release)
	g.outcome.Release = seen
	if err := g.link.checkRelease(release); err != nil {
		return err
	}
	if g.link.exists && seen == g.link.live {
		g.outcome.Live = true
		return g.do(g.by, func() (string, error) { return seen + " is live already", nil })
	}
	note := g.brings(release)
	if err := errors.Join(g.prepare(ctx, release, seen), note()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g.noteBefore(ctx)
	if err := g.flip(release); err != nil {
		return err
	}
	g.noteLived(release)
	g.tell(seen)
	g.afterFlip(ctx, release)
	if g.opts.drain && g.link.live != "" && g.daemon != nil {
		return g.drain(ctx, g.link.live, g.opts.timeout)
	}
	return nil
}

// prepare does what has to go well before the flip.
func (g *goLive) prepare(ctx context.Context, release, seen string) error {
	if err := g.beforeFlip(ctx, release); err != nil {
		return err
	}
	// Before the first deploy the daemon cannot tell where the docroot is below
	// a release, and there is no visitor to protect.
	if g.daemon == nil || !g.link.exists {
		return nil
	}
	if err := g.headroom(ctx, seen); err != nil {
		return err
	}
	return g.warm(ctx, seen)
}

// noteBefore has the history know the release that is live up to now: of a docroot of a
// pattern no request may have shown it yet.
func (g *goLive) noteBefore(ctx context.Context) {
	if g.link.live == "" {
		return
	}
	if g.daemon != nil {
		if g.site.IsGlob() {
			g.daemon.Site(ctx, g.at) // which looks; what fails, the flip tells
		}
		return
	}
	if history := g.history(); history != nil {
		history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: g.link.live, By: "link"})
	}
}

func (g *goLive) headroom(ctx context.Context, release string) error {
	return g.do("headroom", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, headroomTimeout)
		defer cancel()
		h, err := g.daemon.Headroom(ctx, g.at, release)
		switch {
		case err != nil:
			return "", fmt.Errorf("ask whether PHP-FPM has room for %s: %w", release, err)
		case !h.Readable:
			return "", fmt.Errorf("PHP-FPM cannot read %s: look at the owner and the mode of it and of the directories above", release+g.link.below)
		case !h.Opcache:
			return "the opcache is not known: " + h.Why, nil
		case h.Fits:
			return "fits into the opcache: " + room(h), nil
		case g.opts.strict:
			return "", fmt.Errorf("%s does not fit into the opcache beside the live release: %s; raise opcache.memory_consumption or opcache.max_accelerated_files", release, room(h))
		}
		g.warn("%s does not fit into the opcache beside the live release, and PHP-FPM may empty it under load: %s", release, room(h))
		return "does not fit into the opcache", nil
	})
}

func room(h control.Headroom) string {
	const mib = 1 << 20
	return fmt.Sprintf("needs %.1f of %.1f MiB that are free, and %d of %d keys",
		float64(h.NeedsMemory)/mib, float64(h.FreeMemory)/mib, h.NeedsKeys, h.FreeKeys)
}

func (g *goLive) warm(ctx context.Context, release string) error {
	if g.opts.noWarm || len(g.site.Warm) == 0 {
		return nil
	}
	return g.do("warm", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(len(g.site.Warm))*g.site.WarmTimeout+answerTimeout)
		defer cancel()
		results, err := g.daemon.Warm(ctx, g.at, release)
		if err != nil {
			return "", fmt.Errorf("warm %s: %w", release, err)
		}
		for _, r := range results {
			if r.Error != "" {
				text := fmt.Sprintf("warm %s: %s: %s", release, r.URI, r.Error)
				if head := strings.TrimSpace(r.Head); head != "" {
					text += "\n" + head
				}
				return "", errors.New(text)
			}
		}
		return count(len(results), "request") + " went well", nil
	})
}

// flip is the one step that visitors see.
func (g *goLive) flip(release string) error {
	change := deploy.Flip
	if !g.link.exists {
		change = deploy.CreateLink
	}
	return g.do("flip", func() (string, error) {
		if err := change(g.link.path, release); err != nil {
			return "", err
		}
		g.flipped, g.outcome.Live = true, true
		return g.link.path + " -> " + release, nil
	})
}

// tell has the flip known and written down, also when we are told to stop. What
// fails here does not undo the flip.
func (g *goLive) tell(release string) {
	if g.daemon != nil {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		_, err := g.daemon.Look(ctx, g.at, g.by)
		if err == nil {
			return
		}
		if !control.IsNotRunning(err) {
			g.warn("the flip stands, but realdocd was not told of it: %v", err)
			return
		}
	}
	history := g.history()
	if history == nil {
		return
	}
	err := history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: release, By: g.by})
	if err != nil {
		g.warn("the flip stands, but is not in the history: %v", err)
	}
}

func (g *goLive) drain(ctx context.Context, release string, limit time.Duration) error {
	return g.do("drain", func() (string, error) {
		return "nothing runs in " + path.Base(release), g.drained(ctx, release, limit)
	})
}
