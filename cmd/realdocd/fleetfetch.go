package main

import (
	"context"
	"encoding/json"
	"time"

	"realdocd/deploy/fleet"
)

// Fetch has the configured command bring a release, and gives an error if what it has brought
// has another hash.
func (h *fleetHost) Fetch(ctx context.Context, site, release, hash string) error {
	command := h.config.Load().Fleet.Fetch
	if command == "" {
		return fleet.ErrNoFetch
	}
	began := time.Now()
	g, err := h.bringing(site)
	if err == nil {
		g.outcome.Release = release
		_, err = g.fetchRelease(ctx, bring{contents: h.contents.Load(), release: release, hash: hash, by: "fleet", command: command})
		h.report(g, began, "fetched", err)
	}
	return err
}

// askTake is the host's side of a push. In the first round it makes the directory that the release is to
// come into, and in the next one it gives it its name.
func (h *fleetHost) askTake(ctx context.Context, ask fleet.Ask) (data string, err error) {
	g, err := h.bringing(ask.Site)
	if err != nil {
		return "", err
	}
	b := bring{contents: h.contents.Load(), release: ask.Release, hash: ask.Hash, by: ask.By}
	var answer struct {
		Target string `json:"target,omitempty"`
		Hash   string `json:"hash,omitempty"`
	}
	if ask.Round <= 1 {
		answer.Target, err = g.placeRelease(ctx, b)
	} else {
		answer.Hash, err = g.takeRelease(ctx, b)
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(answer)
	return string(text), err
}

// bringing is a site that a release is to come to. Its link need not be there yet.
func (h *fleetHost) bringing(site string) (g *goLive, err error) {
	if g, err = h.site(site, "fleet"); err == nil {
		g.link, err = g.findLink()
	}
	return g, err
}
