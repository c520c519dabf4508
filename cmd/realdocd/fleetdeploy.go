package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// fleetDeployOptions are those of deploy --fleet.
type fleetDeployOptions struct {
	on    bool
	share fleetFlipOptions
}

func (o *fleetDeployOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.on, "fleet", false, "bring the release to all hosts of the group, and make it live there as fleet flip does")
	o.share.shareFlags(cmd)
}

// notForFleet are flags of deploy that a fleet has no use for.
var notForFleet = []string{"alone", "bake", "pins", "adopt", "delete-new", "force", "timeout", "wait", "anyway", "no-headroom"}

// agree refuses flags that do not go together, and gives what is flipped.
func (o *fleetDeployOptions) agree(cmd *cobra.Command, site string, live *liveOptions) (fleet.Flip, error) {
	if !o.on {
		for _, name := range []string{"at-least", "gone"} {
			if cmd.Flags().Changed(name) {
				return fleet.Flip{}, usageError{fmt.Errorf("--%s is for --fleet: add it, or leave --%[1]s out", name)}
			}
		}
		return fleet.Flip{}, nil
	}
	if cmd.Flags().Changed("docroot") {
		return fleet.Flip{}, usageError{errors.New("--docroot is for one host: name the tenant instead, as in shop/one")}
	}
	for _, name := range notForFleet {
		if cmd.Flags().Changed(name) {
			return fleet.Flip{}, usageError{fmt.Errorf("--%s is for one host: leave it or --fleet out", name)}
		}
	}
	o.share.noWarm, o.share.strict, o.share.timeout = live.noWarm, live.strict, fleet.PrepareLimit
	return o.share.flip(site, "")
}

// deployToFleet fills a release on this host, brings it to the others, and makes it live on all of them. The link
// of this host is locked only while the release is filled: its agent flips it.
func (g *goLive) deployToFleet(ctx context.Context, source string, f fleet.Flip, file string) error {
	o := fleetOptions{file: file}
	c, close, err := o.open()
	if err != nil {
		return err
	}
	defer close()
	return c.sinceWhen(g.deployBy(ctx, &goFleet{fleetCommander: c, steps: g.steps, dryRun: g.opts.dryRun}, source, f))
}

func (g *goLive) deployBy(ctx context.Context, to *goFleet, source string, f fleet.Flip) error {
	if len(g.site.Slots) > 0 {
		return fmt.Errorf("site %[1]s has slots, and a fleet brings releases of their own only, since a slot's name does not say what is in it: set releases in [site.%[1]s] on all hosts instead of slots; or fill the slots by realdocd deploy's own means and use realdocd fleet flip", g.site.Name)
	}
	if _, err := to.others(ctx, f.Site, "", ""); err != nil { // before anything is filled
		return err
	}
	var final, before string
	err := g.locked(func() (err error) {
		before = g.link.live
		final, err = g.fillForFleet(ctx, source)
		return err
	})
	if err != nil || g.opts.dryRun {
		return err
	}
	if f.Release, f.Hash, err = path.Base(final), "", ctx.Err(); err != nil {
		return err
	}
	content, err := deploy.NewContents("").Of(ctx, final, g.filling(""))
	if err != nil {
		return err
	}
	f.Hash = content.Hash
	if err := to.bring(ctx, f, final); err != nil {
		return err
	}
	if err := to.flip(ctx, f); err != nil {
		return err
	}
	return g.locked(func() error { return g.retain(ctx, final, before) })
}

// fillForFleet makes the release that the hosts get.
func (g *goLive) fillForFleet(ctx context.Context, source string) (final string, err error) {
	if source, err = g.deployable(source); err != nil {
		return "", err
	}
	if g.opts.dryRun {
		return "", g.do("fill", func() (string, error) {
			return fmt.Sprintf("would make a new directory in %s like %s, bring it to the other hosts, and flip to it", g.site.Releases, source), nil
		})
	}
	return g.fillRelease(ctx, source)
}

// others are the hosts that are there and do not have a release with that content yet, but for this one.
func (g *goFleet) others(ctx context.Context, site, release, hash string) (hosts []string, err error) {
	view, err := g.View(ctx, site)
	if err != nil {
		return nil, err
	}
	here := false
	for i, h := range view.Hosts {
		if h.Host == g.Host {
			here = h.Present
			continue
		}
		if !h.Present || len(view.Sites) > 0 && hasRelease(view.Sites[0].Hosts[i], release, hash) {
			continue
		}
		hosts = append(hosts, h.Host)
	}
	if !here {
		return nil, fmt.Errorf("this host, %s, is not in the group, or its agent does not run: systemctl start realdocd-fleet, or deploy on a host that is", g.Host)
	}
	return hosts, nil
}

func hasRelease(h fleet.SiteHost, release, hash string) bool {
	for _, r := range h.Releases {
		if r.Name == release && r.Hash == hash {
			return true
		}
	}
	return false
}

// bring has the other hosts get a release. What fails on a host stops it, unless fewer hosts are enough: then the
// flip decides.
func (g *goFleet) bring(ctx context.Context, f fleet.Flip, source string) error {
	hosts, err := g.others(ctx, f.Site, f.Release, f.Hash)
	if err != nil || len(hosts) == 0 {
		return err
	}
	var failed []fleet.Wrong
	err = g.do("bring", func() (string, error) {
		if g.config.Fleet.Push != "" {
			failed, err = g.pushAll(ctx, f, source, hosts)
		} else {
			failed, err = g.fetchAll(ctx, f, hosts)
		}
		if err == nil && len(failed) > 0 && f.AtLeast.Hosts == 0 {
			err = errors.New(strings.Join(byWhat(failed), "\n") + fmt.Sprintf("\n%s is on %d of %s, and nothing has changed for visitors: mend that and deploy again, or bring it there and use realdocd fleet flip %s %[1]s",
				f.Release, len(hosts)+1-len(failed), control.Count(len(hosts)+1, "host"), f.Site))
		}
		return fmt.Sprintf("%s is on %s", f.Release, control.Count(len(hosts)+1-len(failed), "host")), err
	})
	if err == nil {
		for _, text := range byWhat(failed) {
			g.warn("%s", text)
		}
	}
	return err
}

// fetchAll has the hosts get a release by their own commands.
func (g *goFleet) fetchAll(ctx context.Context, f fleet.Flip, hosts []string) ([]fleet.Wrong, error) {
	p := &fleetProgress{steps: g.steps}
	done := map[string]bool{}
	answers, err := g.Ask(ctx, fleet.Ask{Kind: fleet.AskFetch, Site: f.Site, Release: f.Release, Hash: f.Hash, Only: hosts}, func(a fleet.Answer) {
		if !a.Going {
			done[a.Host] = true
		}
		p.tell(fleet.Progress{Phase: "bring", Done: len(done), All: len(hosts), Answer: &a})
	})
	p.line.clear()
	return fleet.Failed(answers), err
}
