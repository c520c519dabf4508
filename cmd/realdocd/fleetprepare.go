package main

import (
	"context"
	"fmt"
	"path"
	"time"

	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/nearest"
)

// prepareWait is how long the preparation of a release waits for a command that has locked
// the link.
const prepareWait = 30 * time.Second

// Prepare has a release ready as realdocd flip does, up to the rename; one that is live is only
// warmed.
func (h *fleetHost) Prepare(ctx context.Context, site, release string, p fleet.Preparation) ([]string, error) {
	g, err := h.site(site, "fleet")
	if err != nil {
		return nil, err
	}
	if p.Rollback {
		g.by = "rollback"
	}
	g.opts.noWarm, g.opts.strict = p.NoWarm, p.Strict
	began := time.Now()
	err = h.reach(ctx, g)
	if err == nil {
		err = g.lockedWithin(ctx, prepareWait, func() error { return h.prepare(ctx, g, release) })
	}
	h.report(g, began, "prepared", err)
	return bounded(g.outcome.Warnings), err
}

// reach wants the daemon to run and to know the site: what it would check must not be left out.
func (h *fleetHost) reach(ctx context.Context, g *goLive) error {
	c := h.config.Load().Gateway
	g.daemon = nil
	if err := g.reach(ctx, c.Control, c.User); err != nil {
		return err
	}
	if g.daemon == nil {
		return fmt.Errorf("%s: systemctl start realdocd", g.alone)
	}
	return nil
}

func (h *fleetHost) prepare(ctx context.Context, g *goLive, name string) error {
	if err := g.learn(); err != nil {
		return err
	}
	release, seen, err := g.fleetRelease(name)
	if err != nil {
		return err
	}
	// Before commands and requests write into it.
	if _, err := h.frozen(ctx, g, g.link.root(release)); err != nil {
		return err
	}
	if g.link.exists && seen == g.link.live {
		return g.warmLive(ctx, release, seen)
	}
	note := g.brings(release)
	err = g.prepare(ctx, release, seen)
	if noted := note(); err == nil {
		err = noted
	}
	if err == nil {
		g.noteBefore(ctx)
		h.retain(ctx, g, release)
	}
	return err
}

// retain removes old releases, as deploy does, while the link is locked and nobody waits for a
// flip. A way back is to be quick.
func (h *fleetHost) retain(ctx context.Context, g *goLive, prepared string) {
	if g.by == "rollback" || g.site.Releases == "" || g.stateDir == "" {
		return
	}
	if err := g.retain(ctx, g.link.live, prepared); err != nil {
		g.warn("old releases stay: %v", err)
	}
}

// fleetRelease is the directory of a release that the fleet names, as the link is to lead to it
// and as requests would see it.
func (g *goLive) fleetRelease(name string) (release, seen string, err error) {
	if err := deploy.CheckReleaseName(name); err != nil {
		return "", "", err
	}
	if found := g.complete(name); len(found) == 1 {
		return g.choose(found[0].dir)
	}
	var names []string
	for _, r := range g.complete("") {
		names = append(names, r.name)
	}
	has := "it has none"
	if len(names) > 0 {
		has = "it has " + nearest.List(names)
	}
	return "", "", fmt.Errorf("there is no complete release %s of site %s here, %s: bring it to a directory of releases (realdocd deploy --fleet, or a copy below %s)", name, g.site.Name, has, g.releasesPlace())
}

// releasesPlace is where releases are looked for.
func (g *goLive) releasesPlace() string {
	if roofs := g.roofs(); len(roofs) > 0 {
		return roofs[0]
	}
	return path.Join(path.Dir(g.link.path), "releases")
}

// warmLive has a release warm that is live already, since it was flipped to at once.
func (g *goLive) warmLive(ctx context.Context, release, seen string) error {
	h, err := g.askHeadroom(ctx, seen)
	if err != nil {
		return fmt.Errorf("ask PHP-FPM about %s: %w", release, err)
	}
	if !h.Readable {
		_, err := g.judge(h, release)
		return err
	}
	return g.warm(ctx, seen, h)
}
