package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"realdocd/deploy"
)

const (
	// flipWait is how long a flip waits for a command that has locked the link. Whoever prepares
	// has found it free a moment before.
	flipWait = 10 * time.Second
	// farthest is how far ahead an instant may be.
	farthest = time.Minute
	// catchUp is a flip that nobody has prepared here.
	catchUp = "catch-up"
)

// Flip renames the site's link at an instant. Before that it has done all that can be done
// before, and so it needs nothing then but the rename.
func (h *fleetHost) Flip(ctx context.Context, site, release string, at time.Time, by string) (renamed time.Time, err error) {
	if by == "flip" {
		by = "fleet"
	}
	g, err := h.site(site, by)
	if err != nil {
		return renamed, err
	}
	if ahead := time.Until(at); ahead > farthest {
		return renamed, fmt.Errorf("flip site %s: the instant is %s ahead, and more than %s is no flip: compare the clocks of the hosts", site, ahead.Round(time.Second), farthest)
	}
	began := time.Now()
	err = g.lockedWithin(ctx, flipWait, func() error {
		renamed, err = g.flipAt(ctx, release, at)
		return err
	})
	if g.flipped {
		h.before.Store(site, g.outcome.Before)
	}
	h.report(g, began, "flipped", err)
	return renamed, err
}

// flipAt flips, and has the daemon know it. An error together with a time is of what comes after
// the rename.
func (g *goLive) flipAt(ctx context.Context, name string, at time.Time) (renamed time.Time, err error) {
	release, seen, err := g.fleetRelease(name)
	if err != nil {
		return renamed, err
	}
	if g.link.exists && seen == g.link.live {
		return time.Now(), nil
	}
	if g.by == catchUp {
		if err := g.catchUp(ctx, release, seen); err != nil {
			return renamed, err
		}
	}
	renamed, err = deploy.FlipAt(ctx, g.link.path, release, at)
	if renamed.IsZero() {
		return renamed, err
	}
	g.flipped, g.outcome.Live = true, true
	if !at.IsZero() {
		aside(ctx)
	}
	g.noteLived(release)
	return renamed, errors.Join(err, g.tell(seen))
}

// settling is how long what follows a rename waits: the first visitors of the release come first, and not all hosts
// write to etcd at once. The daemon sees the flip by itself with the next request.
const settling = 100 * time.Millisecond

// aside waits for a time between settling and twice that, or until ctx ends.
func aside(ctx context.Context) {
	wait := time.NewTimer(settling + rand.N(settling))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// catchUp has the site's commands run in a release that has never been live here, and so was not
// prepared.
func (g *goLive) catchUp(ctx context.Context, release, seen string) error {
	g.noteBefore(ctx)
	if history := g.history(); history != nil {
		events, err := history.Of(g.link.path)
		if err == nil && slices.ContainsFunc(events, func(e deploy.Event) bool { return e.Release == seen }) {
			return nil
		}
	}
	note := g.brings(release)
	return errors.Join(g.beforeFlip(ctx, release), note())
}

// After runs the site's after_flip in a release that has gone live. The link is not locked
// meanwhile: nothing that they do may keep the fleet from the next flip.
func (h *fleetHost) After(ctx context.Context, site, release string) []string {
	g, err := h.site(site, "fleet")
	if err != nil {
		return []string{err.Error()}
	}
	if len(g.site.AfterFlip) == 0 {
		return nil
	}
	began := time.Now()
	err = func() (err error) {
		if g.link, err = g.findLink(); err != nil {
			return err
		}
		dir, _, err := g.fleetRelease(release)
		if err != nil {
			return err
		}
		if before, known := h.before.Load(site); known {
			g.link.live = before.(string) // for REALDOC_BEFORE
		}
		g.afterFlip(ctx, dir)
		return nil
	}()
	if err != nil {
		g.warn("after_flip was not run: %v", err)
	}
	h.report(g, began, "after_flip has run", nil)
	return bounded(g.outcome.Warnings)
}
