package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// Ask does what a command wants of this host beside flips.
func (h *fleetHost) Ask(ctx context.Context, ask fleet.Ask, tell func(data string)) (data string, err error) {
	began := time.Now()
	switch ask.Kind {
	case fleet.AskDrain:
		err = h.drain(ctx, ask)
	case fleet.AskTrial: // which the daemon's log has
		return h.askTrial(ctx, ask, tell)
	case fleet.AskTake:
		data, err = h.askTake(ctx, ask)
	default:
		err = fmt.Errorf("this host's realdocd does not know what %q is: upgrade it", ask.Kind)
	}
	done := h.log.Info()
	if err != nil {
		done = h.log.Warn().Err(err)
	}
	done.Str("site", ask.Site).Str("release", ask.Release).Str("by", ask.By).Float64("seconds", time.Since(began).Seconds()).Msg("asked to " + ask.Kind)
	return data, err
}

// drainTimeout is how long a drain takes that has no limit of its own, beyond the pins that it waits
// for.
const drainTimeout = 30 * time.Second

// drain waits until nobody is inside a release on this host. One that this host has never had
// has nobody inside.
func (h *fleetHost) drain(ctx context.Context, ask fleet.Ask) error {
	var wants struct {
		Pins control.Pins `json:"pins"`
	}
	if ask.Data != "" {
		if err := json.Unmarshal([]byte(ask.Data), &wants); err != nil {
			return fmt.Errorf("read what the drain wants: %w", err)
		}
	}
	pins := cmp.Or(wants.Pins, control.PinsEnd)
	if err := wantPins(pins); err != nil {
		return err
	}
	g, err := h.site(ask.Site, "fleet")
	if err != nil {
		return err
	}
	if err := h.reach(ctx, g); err != nil {
		return err
	}
	if g.link, err = g.findLink(); err != nil {
		return err
	}
	if g.liveName() == ask.Release {
		return fmt.Errorf("release %s of site %s is live here: flip to another one first", ask.Release, ask.Site)
	}
	dirs, err := h.drainable(ctx, g, ask.Release)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		limit := cmp.Or(ask.Limit, drainTimeout)
		if pins == control.PinsWait && ask.Limit == 0 {
			if limit, err = untilPinsEnd(ctx, g.daemon, g.at, g.seenAs(dir), limit); err != nil {
				return err
			}
		}
		if err := busyText(g.drained(ctx, dir, limit, pins)); err != nil {
			return err
		}
	}
	return nil
}

// drainable are the directories that a release's name may mean: that of one that is here, and those
// that the daemon remembers.
func (h *fleetHost) drainable(ctx context.Context, g *goLive, name string) (dirs []string, err error) {
	if err := deploy.CheckReleaseName(name); err != nil {
		return nil, err
	}
	for _, r := range g.complete(name) {
		dirs = append(dirs, g.seenAs(g.link.into(r.dir)))
	}
	limit, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	detail, err := g.daemon.Site(limit, g.at)
	if err != nil {
		return nil, err
	}
	for _, r := range releasesOf(detail, g.docroot) {
		if r.Name == name && !slices.Contains(dirs, filepath.Clean(r.Path)) {
			dirs = append(dirs, r.Path)
		}
	}
	return dirs, nil
}
