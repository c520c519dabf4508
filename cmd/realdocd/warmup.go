package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"realdocd/gateway/control"
)

// headroomTimeout bounds a look into PHP-FPM, which may be busy. Tests shorten it.
var headroomTimeout = 30 * time.Second

const (
	// compileTimeout bounds the compilation of a release in all FPMs of a pool.
	compileTimeout = 2 * time.Minute
)

// askHeadroom asks once. Without it, because --no-headroom says so, nothing is known.
func (g *goLive) askHeadroom(ctx context.Context, release string) (control.Headroom, error) {
	if g.opts.noHeadroom {
		return control.Headroom{Readable: true, Fits: true, Why: "--no-headroom"}, nil
	}
	limit, cancel := context.WithTimeout(ctx, headroomTimeout)
	defer cancel()
	h, err := g.daemon.Headroom(limit, g.at, release)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		// Every worker is busy: that must not stop a way back.
		return control.Headroom{Readable: true, Fits: true, Why: fmt.Sprintf("PHP-FPM did not answer within %s", headroomTimeout)}, nil
	}
	return h, err
}

// headroom asks whether PHP-FPM can read the release and has room for it.
func (g *goLive) headroom(ctx context.Context, release string) (h control.Headroom, err error) {
	if g.opts.noHeadroom {
		h, _ = g.askHeadroom(ctx, release)
		return h, nil
	}
	err = g.do("headroom", func() (string, error) {
		if h, err = g.askHeadroom(ctx, release); err != nil {
			return "", fmt.Errorf("ask whether PHP-FPM has room for %s: %w", release, err)
		}
		return g.judge(h, release)
	})
	return h, err
}

// judge says what a headroom means.
func (g *goLive) judge(h control.Headroom, release string) (string, error) {
	switch {
	case !h.Readable:
		return "", fmt.Errorf("PHP-FPM cannot read %s: look at the owner and the mode of it and of the directories above", release+g.link.below)
	case !h.Opcache && g.opts.strict:
		return "", fmt.Errorf("whether %s fits into the opcache is not known, and --strict wants to know: %s", release, h.Why)
	case !h.Opcache:
		if !h.Asked {
			g.warn("the opcache is not known: %s", h.Why)
		}
		return "the opcache is not known: " + h.Why, nil
	case h.Fits && h.Known:
		return "fits into the opcache: " + room(h), nil
	case h.Fits:
		return fmt.Sprintf("the opcache has nothing of the live release yet, so what the new one needs is not known; %.1f MiB are free", mib(h.FreeMemory)), nil
	case h.Restart:
		return "the opcache is full of what is gone: " + room(h), nil
	case g.opts.strict:
		return "", fmt.Errorf("%s does not fit into the opcache beside the live release: %s; raise opcache.memory_consumption or opcache.max_accelerated_files", release, room(h))
	}
	g.warn("%s does not fit into the opcache beside the live release, and PHP-FPM may empty it under load: %s; raise opcache.memory_consumption or opcache.max_accelerated_files", release, room(h))
	return "does not fit into the opcache", nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func room(h control.Headroom) string {
	return fmt.Sprintf("needs %.1f of %.1f MiB that are free, and %d of %d keys",
		mib(h.NeedsMemory), mib(h.FreeMemory), h.NeedsKeys, h.FreeKeys)
}

// makeRoom has a full opcache begin anew with what is live, while visitors wait a moment:
// PHP would do so by itself, under load and with nothing in it.
func (g *goLive) makeRoom(ctx context.Context) error {
	return g.do("room", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, compileTimeout)
		defer cancel()
		results, err := g.daemon.MakeRoom(ctx, g.at)
		if err != nil {
			g.warn("the opcache was not emptied: %v", err)
			return "the opcache stays full", nil
		}
		var said []string
		for _, r := range results {
			switch {
			case r.Done:
				said = append(said, fmt.Sprintf("%s began anew with %s, visitors waited %s", r.Server, control.Count(r.Scripts, "script"), short(time.Duration(r.Held*float64(time.Second)))))
			case r.Error != "":
				g.warn("the opcache of %s was not emptied: %s", r.Server, r.Error)
			}
		}
		if len(said) == 0 {
			return "the opcache stays full", nil
		}
		return strings.Join(said, "; "), nil
	})
}

// warm runs the site's warm-up on the release, and has opcache compile the rest of what it
// has of the live one.
func (g *goLive) warm(ctx context.Context, release string, h control.Headroom) error {
	if g.opts.noWarm {
		return nil
	}
	if len(g.site.Warm) > 0 {
		if err := g.do("warm", func() (string, error) { return g.warmRequests(ctx, release) }); err != nil {
			return err
		}
	}
	return g.compile(ctx, release, h)
}

func (g *goLive) warmRequests(ctx context.Context, release string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(g.site.Warm)*max(1, g.servers))*g.site.WarmTimeout+answerTimeout)
	defer cancel()
	results, err := g.daemon.Warm(ctx, g.at, release)
	if err != nil {
		return "", fmt.Errorf("warm %s: %w", release, err)
	}
	var said []string
	for _, r := range results {
		text := fmt.Sprintf("%s %d", r.URI, r.Status)
		if r.Note != "" {
			text += " (" + r.Note + ")"
		}
		switch {
		case r.Error == "":
			said = append(said, text)
		case r.Unasked && !g.opts.strict:
			g.warn("%s was not run on %s: %s; the release goes live without it", r.URI, release, r.Error)
		default:
			text = fmt.Sprintf("warm %s: %s: %s", release, r.URI, r.Error)
			if head := strings.TrimSpace(r.Head); head != "" {
				text += "\n" + head
			}
			return "", errors.New(text)
		}
	}
	if len(said) == 0 {
		return "no request was run", nil
	}
	return strings.Join(said, ", "), nil
}

func (g *goLive) compile(ctx context.Context, release string, h control.Headroom) error {
	if !h.Opcache && !g.opts.noHeadroom {
		return nil
	}
	return g.do("compile", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, compileTimeout)
		defer cancel()
		results, err := g.daemon.Compile(ctx, g.at, release)
		if err == nil && h.PHP != nil && h.PHP.UpdateProtection > 0 && slices.ContainsFunc(results, func(r control.CompiledResult) bool { return r.Failed > 0 }) {
			// What the warm-up has written, a cache of the application's, is too young yet.
			select {
			case <-time.After(min(longestSettle, seconds(h.PHP.UpdateProtection))):
			case <-ctx.Done():
				return "", ctx.Err()
			}
			results, err = g.daemon.Compile(ctx, g.at, release)
		}
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			g.warn("the release goes live without what opcache has of the live one: %v", err)
			return "nothing", nil
		}
		var said []string
		for _, r := range results {
			if text := g.compiled(r); text != "" {
				said = append(said, text)
			}
		}
		if len(said) == 0 {
			return "opcache has nothing of the release", nil
		}
		return strings.Join(said, "; "), nil
	})
}

// compiled says what one FPM has of the release.
func (g *goLive) compiled(r control.CompiledResult) string {
	if r.Error != "" {
		g.warn("what the opcache of %s has of the release is not known: %s", r.Server, r.Error)
		return ""
	}
	if r.Full {
		g.warn("the opcache of %s is full: visitors compile what it does not have", r.Server)
	}
	text := fmt.Sprintf("%s of the release in the opcache, %.1f MiB", control.Count(int(r.Scripts), "script"), mib(r.Memory))
	if r.Compiled > 0 {
		text += fmt.Sprintf(", %d of them as in the live one", r.Compiled)
	}
	if r.Failed > 0 {
		text += fmt.Sprintf("; %s cannot be kept, such as %s", control.Count(r.Failed, "script"), r.FailedFile)
	}
	return text
}
