package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// mayReuse says before a slot is filled whether PHP would go by what is there now, and for
// how long. It refuses what would be wrong without an end, and what would be for longer
// than a deploy waits.
func (g *goLive) mayReuse(ctx context.Context, source, slot string) error {
	h, err := g.askHeadroom(ctx, g.seenAs(slot))
	switch {
	case err != nil:
		return fmt.Errorf("ask PHP-FPM what it remembers of slot %s: %w", slot, err)
	case h.Opcache && h.PHP != nil && !h.PHP.ValidateTimestamps:
		return fmt.Errorf("slot %s cannot be filled again: with opcache.validate_timestamps = 0 PHP goes on with the files that it has now; set that to 1 in php.ini, or take releases instead of slots", slot)
	}
	php := h.PHP
	if php == nil {
		php = phpDefaults()
		g.warn("what PHP-FPM remembers of slot %s is taken to be what its defaults say: %s", slot, h.Why)
	}
	remembered, err := deploy.RememberedBy(g.filling(source), slot, php.UserINI)
	if err != nil {
		return err
	}
	return g.outlast(ctx, remembered, php, g.lastUsed(slot, time.Now()))
}

// phpDefaults are what PHP has if nobody sets anything else.
func phpDefaults() *control.PHPMemory {
	return &control.PHPMemory{ValidateTimestamps: true, RevalidateFreq: 2, UpdateProtection: 2, UserINI: ".user.ini", UserINITTL: 300, RealpathTTL: 120}
}

// outlast waits, where that was asked for, until PHP has forgotten what it remembers of a
// directory that was last used at a time; otherwise it refuses.
func (g *goLive) outlast(ctx context.Context, r deploy.Remembered, php *control.PHPMemory, last time.Time) error {
	var free time.Time // when it has
	var why []string
	note := func(paths []string, ttl int, what, setting string) {
		until := last.Add(seconds(ttl) + time.Second)
		if len(paths) == 0 || last.IsZero() || !time.Now().Before(until) {
			return
		}
		if until.After(free) {
			free = until
		}
		why = append(why, fmt.Sprintf("%s would %s for up to %s (%s = %d): %s", "requests", what, short(time.Until(until)), setting, ttl, strings.Join(paths[:min(len(paths), 5)], ", ")))
	}
	note(r.Settings, php.UserINITTL, "run with the settings of before", "user_ini.cache_ttl")
	note(r.Symlinks, php.RealpathTTL, "go where a symlink led before", "realpath_cache_ttl")
	if len(why) == 0 {
		return nil
	}
	if !g.opts.wait {
		return fmt.Errorf("nothing was changed, since PHP-FPM's workers remember what would change:\n  %s\n%stry again at %s; or use new directories (releases), of which nothing is remembered",
			strings.Join(why, "\n  "), g.flag("use --wait, which waits for that, or "), free.Local().Format("15:04:05"))
	}
	if g.opts.dryRun {
		return g.do("wait", func() (string, error) { return "would wait until " + free.Local().Format("15:04:05"), nil })
	}
	return g.do("wait", func() (string, error) {
		select {
		case <-time.After(time.Until(free)):
			return "PHP-FPM's workers have forgotten what was there before", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
}

// mayFlip is mayReuse for a directory that somebody else has filled. What was changed
// since requests first ran in it may be remembered as it was.
func (g *goLive) mayFlip(ctx context.Context, release string, h control.Headroom) error {
	known := g.known(release)
	if known == nil || known.LastSeen.IsZero() || g.filled {
		return nil
	}
	php := h.PHP
	if php == nil {
		php = phpDefaults()
	}
	if h.Opcache && !php.ValidateTimestamps && h.Cached > 0 && g.reading.Changed.After(known.FirstSeen) {
		return fmt.Errorf("files of %s were changed since requests ran on it, and with opcache.validate_timestamps = 0 PHP goes on with those of before: take a new directory, or set that to 1", release)
	}
	var r deploy.Remembered
	for _, c := range g.reading.Remembered {
		switch {
		case !c.At.After(known.FirstSeen):
		case c.Symlink:
			r.Symlinks = append(r.Symlinks, c.Path)
		case filepath.Base(c.Path) == php.UserINI:
			r.Settings = append(r.Settings, c.Path)
		}
	}
	return g.outlast(ctx, r, php, known.LastSeen)
}

// known is a release as the daemon knows it; nil if it does not.
func (g *goLive) known(release string) *control.ReleaseStatus {
	seen := g.seenAs(release)
	for _, r := range releasesOf(g.detail, g.docroot) {
		if r.Path == seen {
			return &r
		}
	}
	return nil
}

// lastUsed is when a request ran in a directory last, as well as that is known: by the
// daemon, or by the history, which says when another release took its place. Else it is
// taken to be now.
func (g *goLive) lastUsed(dir string, now time.Time) time.Time {
	switch r := g.known(dir); {
	case r == nil:
	case r.Running > 0:
		return now
	case !r.LastSeen.IsZero():
		return r.LastSeen
	}
	seen := g.seenAs(dir)
	last := now
	for i, e := range g.past {
		if e.Release == seen && i+1 < len(g.past) {
			last = g.past[i+1].Time
		}
	}
	return last
}
