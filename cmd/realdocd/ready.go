package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

const (
	// readTimeout bounds the look through a release.
	readTimeout = 2 * time.Minute
	// longestSettle is how long a deploy waits for files to become old enough for
	// opcache. More than that no default needs.
	longestSettle = 15 * time.Second
)

// read looks through dir, which is the release or is going to be, for what would have it
// run code of elsewhere.
func (g *goLive) read(ctx context.Context, dir, release string) error {
	return g.do("read", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		got, err := deploy.Read(ctx, dir, g.foreign(release))
		if err != nil {
			return "", err
		}
		g.reading = got
		if got.Stops() && !g.opts.anyway {
			return "", g.namings()
		}
		for _, n := range got.Namings {
			g.warn("%v", n)
		}
		text := control.Count(got.Files, "file") + " of code and settings"
		if len(got.Namings) == 0 {
			text += " name nothing outside of the release"
		}
		if got.LeftOut > 0 {
			text += fmt.Sprintf("; %d were left out: too large, or not readable", got.LeftOut)
		}
		return text, nil
	})
}

func (g *goLive) namings() error {
	text := []string{"the release would run code that is not its own, or go by settings that are not:"}
	for _, n := range g.reading.Namings {
		if n.Runs {
			text = append(text, "  "+n.String())
		}
	}
	if g.reading.More > 0 {
		text = append(text, fmt.Sprintf("  and %d more", g.reading.More))
	}
	text = append(text, "use __DIR__, relative symlinks, and paths of the release itself: what caches its configuration has to run in the final directory, as a before_flip command does"+g.flag("; --anyway flips all the same"))
	return errors.New(strings.Join(text, "\n"))
}

// flag is a text that names a flag which fleet flip does not have: "" there.
func (g *goLive) flag(text string) string {
	if g.ofFleet {
		return ""
	}
	return text
}

// foreign are the directories that the release must not name: where it was copied from,
// the name that it was filled under, and the site's other releases.
func (g *goLive) foreign(release string) (all []deploy.Foreign) {
	own := []string{filepath.Clean(release), g.seenAs(release)}
	add := func(dir, is string) {
		if dir == "" || !filepath.IsAbs(dir) {
			return
		}
		for _, name := range []string{filepath.Clean(dir), g.seenAs(dir)} {
			if !slices.Contains(own, name) && !slices.ContainsFunc(all, func(f deploy.Foreign) bool { return f.Dir == name }) {
				all = append(all, deploy.Foreign{Dir: name, Is: is})
			}
		}
	}
	add(g.source, "the directory that it was copied from")
	add(g.partial, "the name that it was filled under")
	add(g.link.live, "the release that is live")
	for _, slot := range g.site.Slots {
		add(slot, "another slot")
	}
	for _, dir := range g.otherReleases(release) {
		add(dir, "another release")
	}
	return all
}

// otherReleases are those beside a release in a directory of releases, and those that the
// history has of the link.
func (g *goLive) otherReleases(release string) (dirs []string) {
	parent := filepath.Dir(release)
	if g.site.Releases != "" && g.seenAs(g.site.Releases) == g.seenAs(parent) || filepath.Base(parent) == "releases" {
		entries, err := os.ReadDir(parent)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			g.warn("the releases beside %s are not known: %v", release, err)
		}
		for _, e := range entries {
			if e.IsDir() {
				dirs = append(dirs, filepath.Join(parent, e.Name()))
			}
		}
	}
	for _, e := range g.past {
		dirs = append(dirs, e.Release)
	}
	return dirs
}

// ready has PHP-FPM ready for the release, before visitors get it.
func (g *goLive) ready(ctx context.Context, release, seen string) error {
	h, err := g.headroom(ctx, seen)
	if err != nil {
		return err
	}
	if err := g.mayFlip(ctx, release, h); err != nil {
		return err
	}
	if g.opts.dryRun {
		return nil
	}
	if h.Opcache && !h.Fits && h.Restart {
		if err := g.makeRoom(ctx); err != nil {
			return err
		}
	}
	last := time.Time{} // a new directory has never been used
	if !g.filled {
		if known := g.known(release); known != nil {
			last = known.LastSeen
		}
	} else if slices.ContainsFunc(g.site.Slots, func(slot string) bool { return g.seenAs(slot) == seen }) {
		last = g.lastUsed(release, g.emptied)
	}
	if err := g.settle(ctx, h, last); err != nil {
		return err
	}
	return g.warm(ctx, seen, h)
}

// settle waits until PHP takes the release's files for what they are: until opcache keeps
// files so young, and looks again at those that it has of the directory before.
func (g *goLive) settle(ctx context.Context, h control.Headroom, last time.Time) error {
	if !h.Opcache || h.PHP == nil {
		return nil
	}
	if g.reading.Odd > 0 {
		g.warn("opcache never keeps %s whose time is ahead of now, or 0, such as %s: set their times with touch", control.Count(g.reading.Odd, "file"), g.reading.OddFile)
	}
	var ready time.Time
	if !g.opts.noWarm {
		ready = g.reading.Newest.Truncate(time.Second).Add(seconds(h.PHP.UpdateProtection))
	}
	if freq := seconds(h.PHP.RevalidateFreq); !last.IsZero() && g.reading.Changed.After(last.Add(-freq)) {
		// Times are compared by the second.
		if again := last.Truncate(time.Second).Add(freq + time.Second); again.After(ready) {
			ready = again
		}
	}
	wait := time.Until(ready)
	switch {
	case wait <= 0:
		return nil
	case wait > longestSettle:
		g.warn("opcache keeps none of the files for %s yet (opcache.file_update_protection = %d, opcache.revalidate_freq = %d): the warm-up is not kept", short(wait), h.PHP.UpdateProtection, h.PHP.RevalidateFreq)
		return nil
	}
	return g.do("settle", func() (string, error) {
		select {
		case <-time.After(wait):
			return "the files are old enough for opcache to keep them", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
