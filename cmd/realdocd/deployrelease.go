package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// expiredTimeout is how long a deploy waits for a release that is to be removed.
const expiredTimeout = 5 * time.Second

func (g *goLive) deployToReleases(ctx context.Context, source string) error {
	if g.opts.dryRun {
		return g.wouldDeploy(ctx, source, filepath.Join(g.site.Releases, "a new directory"))
	}
	final, err := g.fillRelease(ctx, source)
	if err != nil {
		return err
	}
	before := g.link.live
	if err := g.run(ctx, final); err != nil {
		return err
	}
	return g.retain(ctx, final, before)
}

// fillRelease makes a release like the source, complete and durable.
func (g *goLive) fillRelease(ctx context.Context, source string) (final string, err error) {
	if err := deploy.MakeDirs(g.site.Releases); err != nil {
		return "", fmt.Errorf("make the directory of releases: %w", err)
	}
	w, err := g.warden("", nil)
	if err != nil {
		return "", err
	}
	partial, final, err := deploy.NewRelease(g.site.Releases, time.Now(), g.records(), g.newRecord(deploy.KindRelease))
	if err != nil {
		return "", err
	}
	g.partial = partial
	permit, err := w.MayClear(partial)
	if err != nil {
		return "", err
	}
	if err := g.fill(ctx, source, permit); err != nil {
		return "", err
	}
	return final, deploy.Complete(partial, final)
}

// retain removes the releases beyond those that are kept, and names what it leaves.
// One that is still in use stays for the next deploy.
func (g *goLive) retain(ctx context.Context, live, before string) error {
	lived, err := g.lived()
	if err != nil {
		return err
	}
	stay, err := g.stay(live, before)
	if err != nil {
		return err
	}
	plan, err := deploy.Retention{
		Releases: g.site.Releases, Site: g.site.Name, Records: g.records(), Lived: lived, Keep: g.site.Keep, Stay: stay,
	}.Plan()
	if err != nil {
		return err
	}
	for _, group := range []struct {
		dirs []string
		why  string
	}{
		{plan.Removing, "its removal was interrupted"}, {plan.NeverLive, "it has never been live"}, {plan.Expired, "beyond keep"},
	} {
		for _, dir := range group.dirs {
			if g.daemon == nil {
				g.warn("release %s is not removed: nobody knows whether something runs in it", dir)
				continue
			}
			switch err := g.remove(ctx, dir, group.why); {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				g.warn("release %s stays: %v", dir, reason(err))
			}
		}
	}
	if len(plan.Left) > 0 {
		g.do("left", func() (string, error) { return strings.Join(plan.Left, ", ") + ": not made by realdocd deploy", nil })
	}
	return g.records().ForgetGone(g.site.Name)
}

// reason is an error without the directory that it is about.
func reason(err error) error {
	if refusal := (*deploy.Refusal)(nil); errors.As(err, &refusal) {
		return errors.New(refusal.Reason())
	}
	return err
}

// stay are the releases that are not counted: the live one, the one before, and where a
// rollback goes.
func (g *goLive) stay(live, before string) (paths []string, err error) {
	add := func(release string) {
		if real, err := filepath.EvalSymlinks(release); err == nil {
			paths = append(paths, real)
		}
	}
	add(live)
	add(before)
	history := g.history()
	if history == nil {
		return paths, nil
	}
	events, err := history.Of(g.link.path)
	if err != nil {
		return nil, err
	}
	if back, ok := deploy.Previous(events, g.link.path, g.seenAs(live), deploy.Gone); ok {
		add(back.Release)
	}
	return paths, nil
}

func (g *goLive) remove(ctx context.Context, dir, why string) error {
	return g.do("remove", func() (string, error) {
		w, err := g.warden("", func(dir string) error { return busyText(g.drained(ctx, dir, expiredTimeout, control.PinsWait)) })
		if err != nil {
			return "", err
		}
		permit, err := w.MayClear(dir)
		if err != nil {
			return "", err
		}
		// Of what was never live, or has lost its name, only a deploy wrote anything.
		if !strings.HasPrefix(filepath.Base(dir), ".") {
			if err := g.wantNoForeign(permit, ""); err != nil {
				return "", err
			}
		}
		g.forget(ctx, dir)
		return fmt.Sprintf("%s (%s)", dir, why), errors.Join(permit.Remove(g.records()))
	})
}

// forget has opcache count a release's scripts as wasted, while their names are known.
func (g *goLive) forget(ctx context.Context, dir string) {
	if g.daemon == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := g.daemon.Forget(ctx, g.at, g.seenAs(dir)); err != nil {
		g.warn("the opcache has scripts of release %s still: %v", dir, err)
	}
}
