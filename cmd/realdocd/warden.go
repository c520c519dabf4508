package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/control"
)

// records are those of the directories that deploys have made.
func (t *namedSite) records() *deploy.Records { return deploy.NewRecords(t.stateDir) }

// uses are what all sites count on, on disk. slot is the one that this deploy fills;
// "" if it makes a release.
func (g *goLive) uses(slot string) (all []deploy.Use, err error) {
	for i, s := range g.sites {
		docroots := []string{s.Docroot}
		if s.IsGlob() {
			if docroots, err = deploy.Docroots(s.Docroot); err != nil {
				return nil, err
			}
			if g.at.Site == s.Name && !slices.Contains(docroots, g.docroot) {
				docroots = append(docroots, g.docroot) // which has no release yet
			}
		}
		for _, docroot := range docroots {
			if s.IsGlob() && gateway.SiteOf(g.sites, docroot) != i {
				continue // another site has it
			}
			uses, err := g.usesOf(s.At(docroot), docroot, slot)
			if err != nil {
				return nil, fmt.Errorf("look at what site %s uses: %w", s.Name, err)
			}
			all = append(all, uses...)
		}
	}
	if g.stateDir != "" {
		all = append(all, deploy.Use{Path: g.stateDir, Kind: deploy.UseOther, What: "state_dir"})
	}
	return all, nil
}

// usesOf are what one docroot counts on.
func (g *goLive) usesOf(s gateway.SiteConfig, docroot, slot string) ([]deploy.Use, error) {
	on := deploy.SiteOnDisk{
		Name: s.Name, Docroots: []string{docroot}, Links: s.Links(), Shared: s.SharedDir, ExtraRoots: s.ExtraRoots,
	}
	if g.stateDir != "" {
		on.History = deploy.NewHistory(g.stateDir, s.HistoryOf())
	}
	if s.Name == g.site.Name {
		on.Own, on.OwnLink, on.OwnSlot = true, g.link.path, slot
	}
	return on.Uses()
}

// warden is asked before a directory is emptied or removed. inside says whether
// somebody is in it; nil leaves that for later.
func (g *goLive) warden(slot string, inside func(dir string) error) (*deploy.Warden, error) {
	uses, err := g.uses(slot)
	if err != nil {
		return nil, err
	}
	return &deploy.Warden{Records: g.records(), Site: g.site.Name, Uses: uses, Inside: inside}, nil
}

// newRecord is that of a directory which this deploy makes.
func (g *goLive) newRecord(kind string) deploy.Record {
	return deploy.Record{Kind: kind, Site: g.site.Name, Link: g.link.path, By: operator(), Made: time.Now()}
}

// operator is who runs the command, by way of sudo too.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid())
}

// lived says when a release has been live last, by the history of the link and by its
// record; zero for never.
func (g *goLive) lived() (func(release string) time.Time, error) {
	var events []deploy.Event
	if history := g.history(); history != nil {
		var err error
		if events, err = history.Of(g.link.path); err != nil {
			return nil, err
		}
	}
	at := map[string]time.Time{}
	for _, e := range events {
		at[e.Release] = e.Time
		if real, err := filepath.EvalSymlinks(e.Release); err == nil {
			at[real] = e.Time
		}
	}
	return func(release string) time.Time {
		when := at[release]
		if rec, err := g.records().Of(release); err == nil && rec != nil && rec.Lived.After(when) {
			when = rec.Lived
		}
		return when
	}, nil
}

// noteLived notes in a release's record that it has gone live.
func (g *goLive) noteLived(release string) {
	records := g.records()
	rec, err := records.Of(release)
	if err != nil || rec == nil {
		return // it was not made by a deploy
	}
	if id, err := deploy.IdentityOf(release); err != nil || !rec.Is(id) {
		return
	}
	rec.Lived = time.Now()
	if err := records.Put(*rec); err != nil {
		g.warn("the flip stands, but the record of %s was not written: %v", release, err)
	}
}

// maxListed is how many files a message lists.
const maxListed = 20

// wantNoForeign stops what would lose files that no fill has brought. source is what
// is copied there, "" for a release that is removed.
func (g *goLive) wantNoForeign(permit *deploy.Permit, source string) error {
	brought, err := g.records().Manifest(permit.Record.Path)
	if err != nil {
		return err
	}
	now, err := deploy.Scan(permit.Dir(), g.site.Exclude)
	if err != nil {
		return err
	}
	foreign := brought.Foreign(permit, now, source)
	if len(foreign) == 0 || g.deployOpts.deleteNew {
		return nil
	}
	shown := foreign[:min(len(foreign), maxListed)]
	more := ""
	if n := len(foreign) - len(shown); n > 0 {
		more = fmt.Sprintf("\n  and %d more", n)
	}
	return &foreignFiles{fmt.Sprintf("%s has %s that no deploy brought:\n  %s%s\nkeep them outside of releases (shared in [%s]), leave them alone (exclude), or let them go with --delete-new",
		permit.Dir(), control.Count(len(foreign), "file"), strings.Join(shown, "\n  "), more, toml.Key{"site", g.site.Name})}
}

// foreignFiles are files that would be lost.
type foreignFiles struct{ text string }

func (f *foreignFiles) Error() string { return f.text }

// brings has what commands and a warm-up write into a release be the deploy's. The
// function that it gives notes it.
func (g *goLive) brings(release string) (note func() error) {
	nothing := func() error { return nil }
	records := g.records()
	rec, err := records.Of(release)
	if err != nil || rec == nil || g.opts.dryRun || len(g.site.BeforeFlip)+len(g.site.Warm) == 0 {
		return nothing
	}
	if id, err := deploy.IdentityOf(release); err != nil || !rec.Is(id) {
		return nothing
	}
	end, err := records.Brings(*rec, release, g.site.Exclude)
	if err != nil {
		g.warn("what comes into %s now will be taken for somebody else's: %v", release, err)
		return nothing
	}
	return end
}
