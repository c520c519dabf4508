package scale

import (
	"context"
	"fmt"
	"sync"
	"time"

	"realdocd/deploy/fleet"
)

// A Host has releases in name only.
type Host struct {
	sites []string

	mu   sync.Mutex // guards the following
	live map[string]string
}

// NewHost is a host of so many sites, site-000 and so on.
func NewHost(sites int) *Host {
	h := &Host{live: map[string]string{}}
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

// Look implements [fleet.Host], as all methods do.
func (h *Host) Look(ctx context.Context, site, _ string) (fleet.Seen, error) {
	live, _ := h.Live(ctx, site)
	return fleet.Seen{Live: live, Releases: releases()}, nil
}

// Live says what a site's link would lead to.
func (h *Host) Live(_ context.Context, site string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live[site], nil
}

// Sites are all of them.
func (h *Host) Sites(context.Context) ([]string, error) { return h.sites, nil }

// Changed waits: the sites stay as they are.
func (h *Host) Changed(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Prepare finds nothing wrong.
func (h *Host) Prepare(context.Context, string, string, fleet.Preparation) ([]string, error) {
	return nil, nil
}

// Flip flips at the instant.
func (h *Host) Flip(ctx context.Context, site, release string, at time.Time, _ string) (time.Time, error) {
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

// The rest says that nothing is wrong, and does nothing.

func (h *Host) After(context.Context, string, string) []string { return nil }

func (h *Host) Fetch(context.Context, string, string, string) error          { return fleet.ErrNoFetch }
func (h *Host) Tell(context.Context, []fleet.Standing) error                 { return nil }
func (h *Host) Daemon(context.Context) (wrong, pinKey string)                { return "", "a1b2c3d4" }
func (h *Host) Ask(context.Context, fleet.Ask, func(string)) (string, error) { return "", nil }
