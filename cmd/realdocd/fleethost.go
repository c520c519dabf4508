package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway"
	"realdocd/gateway/control"
)

// A fleetHost is this host as the agent of a fleet works on it (fleet.Host). It flips as
// realdocd flip does, and says nothing on a terminal.
type fleetHost struct {
	file string // of the configuration
	log  zerolog.Logger
	// A reload puts others there.
	config   atomic.Pointer[conf.Config]
	contents atomic.Pointer[deploy.Contents]
	agent    atomic.Pointer[fleet.Agent] // that works on it

	wanted atomic.Uint64 // of the daemon, as Changed has seen it
	trials fleetTrials
	before sync.Map // of site's names: the directory of the release before the last flip
}

func newFleetHost(file string, c conf.Config, log zerolog.Logger) *fleetHost {
	h := &fleetHost{file: file, log: log}
	h.configure(c)
	return h
}

// configure has the host go by a configuration.
func (h *fleetHost) configure(c conf.Config) {
	if before := h.config.Swap(&c); before == nil || before.Gateway.StateDir != c.Gateway.StateDir {
		h.contents.Store(deploy.NewContents(c.Gateway.StateDir))
	}
}

// site is a site by its name. The directory of a tenant need not be there yet.
func (h *fleetHost) site(name, by string) (*goLive, error) {
	c := h.config.Load()
	t, err := nameSite(*c, h.file, name, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fleet.ErrNoSite, err)
	}
	if c.Gateway.Control == "" {
		t.alone = "the configuration names no control socket"
	} else {
		t.daemon = control.NewClient(c.Gateway.Control, c.Gateway.User)
	}
	quiet := &steps{out: io.Discard, errs: io.Discard, asJSON: true, outcome: outcome{Site: name, Steps: []step{}}}
	return &goLive{namedSite: t, steps: quiet, by: by, ofFleet: true, reading: &deploy.Reading{}}, nil
}

// Sites are those that have a link, or a place where it will be.
func (h *fleetHost) Sites(ctx context.Context) (names []string, err error) {
	sites := h.config.Load().Gateway.Sites
	for i, s := range sites {
		docroots, err := deploy.Docroots(s.Docroot)
		if err != nil {
			return nil, err
		}
		for _, docroot := range docroots {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if gateway.SiteOf(sites, docroot) != i {
				continue // another site has it written out
			}
			got, exists, err := deploy.FindLink(docroot, s.At(docroot).Links())
			if err == nil && (exists || got.Release == "") { // else there is nothing to flip
				names = append(names, s.At(docroot).Name)
			}
		}
	}
	return names, nil
}

// Live is the name of the release that a site's link leads to.
func (h *fleetHost) Live(_ context.Context, site string) (string, error) {
	g, err := h.site(site, "fleet")
	if err != nil {
		return "", err
	}
	if g.link, err = g.findLink(); err != nil {
		return "", err
	}
	return g.liveName(), nil
}

// liveName is the name of the release that the link leads to; "" if it leads nowhere.
func (g *goLive) liveName() string {
	if !g.link.exists || g.link.dangling || g.link.live == "" {
		return ""
	}
	return g.link.name
}

// Look gives the releases that are complete, with the hash of their content.
func (h *fleetHost) Look(ctx context.Context, site, anew string) (seen fleet.Seen, err error) {
	g, err := h.site(site, "fleet")
	if err != nil {
		return seen, err
	}
	if g.link, err = g.findLink(); err != nil {
		return seen, err
	}
	seen.Live = g.liveName()
	for _, r := range g.complete("") {
		found, look := fleet.Release{Name: r.name}, h.hash
		if r.name == seen.Live || r.name == anew {
			look = h.frozen
		}
		if found.Hash, err = look(ctx, g, r.dir); err != nil {
			found.Why = shorter(err.Error(), longWarning)
		}
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
		seen.Releases = append(seen.Releases, found)
	}
	slices.SortFunc(seen.Releases, func(a, b fleet.Release) int { return strings.Compare(a.Name, b.Name) })
	return seen, nil
}

const (
	mostWarnings = 20
	longWarning  = 500 // bytes of one
)

// bounded are warnings as the store may have them.
func bounded(warnings []string) []string {
	if more := len(warnings) - mostWarnings; more > 0 {
		warnings = append(slices.Clone(warnings[:mostWarnings]), fmt.Sprintf("and %d more: see the log of realdocd fleet agent there", more))
	}
	for i, text := range warnings {
		warnings[i] = shorter(text, longWarning)
	}
	return warnings
}

func shorter(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " …"
}

// report writes into the log what was done, and how it went.
func (h *fleetHost) report(g *goLive, began time.Time, what string, err error) {
	log := h.log.With().Str("site", g.site.Name).Str("release", g.outcome.Release).Logger()
	for _, s := range g.outcome.Steps {
		log.Debug().Str("step", s.Name).Float64("seconds", s.Took).Msg(s.Detail)
	}
	for _, text := range g.outcome.Warnings {
		log.Warn().Msg(text)
	}
	took := time.Since(began).Seconds()
	if err != nil {
		log.Error().Err(err).Float64("seconds", took).Msg("not " + what)
		return
	}
	log.Info().Float64("seconds", took).Msg(what)
}
