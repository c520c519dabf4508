package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// A goLive makes a release live.
type goLive struct {
	*namedSite
	*steps
	opts       liveOptions
	deployOpts deployOptions
	by         string // "flip", "rollback", "deploy", "fleet" or "catch-up"
	ofFleet    bool   // whoever has asked has the flags of fleet flip
	link       siteLink
	flipped    bool
	explained  bool // what fails has said already what is live

	emptied         time.Time // when the slot that is filled had nobody inside, as far as is known
	source, partial string    // that a deploy copies from, and fills first; "" for others
	filled          bool      // the release was filled by us, and nobody remembers it
	reading         *deploy.Reading
	detail          control.SiteDetail // the site as the daemon knows it
	past            []deploy.Event     // of the link, the newest last
	servers         int                // FPM listeners of the pool
}

// locked does the work under the lock of the site's link, with what is known of its releases.
func (g *goLive) locked(work func() error) error {
	return g.lockedWithin(context.Background(), 0, func() error {
		if err := g.learn(); err != nil {
			return err
		}
		return work()
	})
}

// lockedWithin does the work under the lock of the site's link, for which it waits for the limit.
func (g *goLive) lockedWithin(ctx context.Context, limit time.Duration, work func() error) (err error) {
	if g.link, err = g.findLink(); err != nil {
		return err
	}
	g.outcome.Link, g.outcome.Before = g.link.path, g.link.live
	if owner, ok := deploy.OwnerOf(path.Dir(g.link.path)); ok {
		g.do("as", func() (string, error) {
			return fmt.Sprintf("%s, the owner of %s: what is made there is made with that user's rights", owner, path.Dir(g.link.path)), nil
		})
	}
	lock, err := deploy.AwaitLock(ctx, g.link.path, limit)
	if err != nil {
		return err
	}
	defer lock.Unlock() // the end of the process unlocks too
	if g.daemon != nil {
		defer g.daemon.Deploying(g.at)()
	}
	// Whoever had the lock may have flipped.
	if g.link, err = g.findLink(); err != nil {
		return err
	}
	g.outcome.Before = g.link.live
	return work()
}

// learn asks what is known of the site's releases.
func (g *goLive) learn() error {
	if g.daemon == nil {
		switch {
		case g.opts.drain && g.link.exists:
			return fmt.Errorf("--drain cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.bake > 0:
			return fmt.Errorf("--bake cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.hold && g.link.exists:
			return fmt.Errorf("--hold cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.strict:
			return fmt.Errorf("--strict wants to know whether the release fits into the opcache, so nothing was changed: %s", g.alone)
		}
		g.warn("the opcache is not looked at, nothing is warmed and nothing is drained: %s", g.alone)
		if history := g.history(); history != nil {
			var err error
			if g.past, err = history.Of(g.link.path); err != nil {
				g.warn("%v", err)
			}
		}
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		var err error
		if g.detail, err = g.daemon.Site(ctx, g.at); err != nil && g.link.exists && !g.link.dangling {
			return err
		}
		for _, e := range g.detail.History {
			g.past = append(g.past, deploy.Event(e))
		}
	}
	g.past = slices.DeleteFunc(g.past, func(e deploy.Event) bool { return e.Link != g.link.path })
	return nil
}

// explain says of an interrupted command what it has left.
func (g *goLive) explain(ctx context.Context, err error) error {
	switch {
	case g.explained:
		return err
	case ctx.Err() == nil && g.link.path == "": // it was refused before anybody looked at the link
		return err
	case err == nil && (ctx.Err() == nil || !g.flipped):
		return nil
	case ctx.Err() == nil && g.flipped:
		return fmt.Errorf("%w\nthe flip stands: %s leads to %s", err, g.link.path, g.outcome.Release)
	case ctx.Err() == nil && g.link.live == "":
		return fmt.Errorf("%w\nno release is live", err)
	case ctx.Err() == nil && g.link.dangling:
		return fmt.Errorf("%w\n%s leads nowhere still: %s is gone", err, g.link.path, g.link.live)
	case ctx.Err() == nil:
		return fmt.Errorf("%w\n%s is still live", err, g.link.live)
	case g.flipped:
		return fmt.Errorf("interrupted: the flip stands, and %s is live", g.outcome.Release)
	case g.link.live == "":
		return errors.New("interrupted: no release has gone live")
	}
	return fmt.Errorf("interrupted: nothing has changed for visitors, and %s is still live", g.link.live)
}

// run takes a release from a directory on disk to visitors.
func (g *goLive) run(ctx context.Context, release string) error {
	release, seen, err := g.choose(release)
	if err != nil {
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
	if err := g.makeLive(ctx, release, seen); err != nil || g.opts.dryRun {
		return err
	}
	if g.opts.drain && g.link.live != "" && g.daemon != nil {
		return g.drain(ctx, g.link.live, g.opts.timeout)
	}
	return nil
}

// choose gives the directory of a release as the link is to lead to it, and as requests would
// see it. It wants the release and its docroot to be there.
func (g *goLive) choose(dir string) (release, seen string, err error) {
	release = g.link.into(dir)
	seen = g.seenAs(release)
	g.outcome.Release = seen
	return release, seen, g.link.checkRelease(release)
}

// makeLive flips to a release that is prepared, and runs what follows a flip.
func (g *goLive) makeLive(ctx context.Context, release, seen string) error {
	if !g.opts.dryRun {
		g.noteBefore(ctx)
	}
	if err := g.change(ctx, release, seen); err != nil || g.opts.dryRun {
		return err
	}
	g.afterFlip(ctx, release)
	return nil
}

// prepare does what has to go well before the flip.
func (g *goLive) prepare(ctx context.Context, release, seen string) error {
	if !g.opts.dryRun {
		if err := g.beforeFlip(ctx, release); err != nil {
			return err
		}
	}
	root := g.link.root(release)
	if err := g.read(ctx, root, root); err != nil || g.daemon == nil {
		return err
	}
	return g.ready(ctx, release, seen)
}

// noteBefore has the history know the release that is live up to now: of a docroot of a
// pattern no request may have shown it yet.
func (g *goLive) noteBefore(ctx context.Context) {
	if g.link.live == "" {
		return
	}
	if g.daemon != nil {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		if _, err := g.daemon.Site(ctx, g.at); !control.IsNotRunning(err) {
			return // it has looked; what fails, the flip tells
		}
	}
	if history := g.history(); history != nil {
		history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: g.link.live, By: "link"})
	}
}
