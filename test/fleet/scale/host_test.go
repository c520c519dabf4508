package scale

import (
	"context"
	"fmt"
	"sync"
	"time"

	"realdocd/deploy/fleet"
)

// A host has releases in name only.
type host struct {
	sites []string

	mu   sync.Mutex // guards the following
	live map[string]string
}

func newHost(sites int) *host {
	h := &host{live: map[string]string{}}
	for i := range sites {
		name := fmt.Sprintf("site-%03d", i)
		h.sites = append(h.sites, name)
		h.live[name] = "20261127101500"
	}
	return h
}

// releases are as many as a site keeps, with names and hashes of the usual length.
func releases() (all []fleet.Release) {
	for i := range 5 {
		name := fmt.Sprintf("2026112710150%d", i)
		all = append(all, fleet.Release{Name: name, Hash: fmt.Sprintf("v1:%064x", i)})
	}
	return all
}

func (h *host) Look(ctx context.Context, site string) (fleet.Seen, error) {
	live, _ := h.Live(ctx, site)
	return fleet.Seen{Live: live, Releases: releases()}, nil
}

func (h *host) Live(_ context.Context, site string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live[site], nil
}

func (h *host) Sites(context.Context) ([]string, error) { return h.sites, nil }

func (h *host) Prepare(context.Context, string, string, fleet.Preparation) ([]string, error) {
	return nil, nil
}

func (h *host) Flip(ctx context.Context, site, release string, at time.Time, _ string) (time.Time, error) {
	if !at.IsZero() {
		select {
		case <-time.After(time.Until(at)):
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live[site] = release
	return time.Now(), nil
}

func (h *host) After(context.Context, string, string) []string               { return nil }
func (h *host) Fetch(context.Context, string, string, string) error          { return fleet.ErrNoFetch }
func (h *host) Tell(context.Context, []fleet.Standing) error                 { return nil }
func (h *host) Daemon(context.Context) (wrong, pinKey string)                { return "", "a1b2c3d4" }
func (h *host) Ask(context.Context, fleet.Ask, func(string)) (string, error) { return "", nil }
