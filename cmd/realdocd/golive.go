package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

// liveOptions say how a release goes live.
type liveOptions struct {
	siteOptions
	strict, noWarm, noHeadroom, anyway, wait bool
	drain, dryRun, asJSON, hold              bool
	timeout                                  time.Duration
	bake                                     time.Duration
	pins                                     control.Pins
	holdCommand                              []string // runs while requests are held, if hold is set
}

func (o *liveOptions) flags(cmd *cobra.Command) {
	o.siteOptions.flags(cmd)
	cmd.Flags().BoolVar(&o.strict, "strict", false, "stop if the release does not fit into the opcache, if that cannot be told, or if the warm-up cannot run")
	cmd.Flags().BoolVar(&o.noWarm, "no-warm", false, "leave out the warm-up")
	cmd.Flags().BoolVar(&o.noHeadroom, "no-headroom", false, "do not ask PHP-FPM about the release")
	cmd.Flags().BoolVar(&o.anyway, "anyway", false, "flip to a release that names other directories, too")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until PHP-FPM has forgotten what would change in a directory that is used again")
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the steps as JSON")
}

func (o *liveOptions) drainFlags(cmd *cobra.Command) {
	o.pinsFlag(cmd)
	cmd.Flags().BoolVar(&o.drain, "drain", false, "then wait until nothing runs in the release that was live")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for --drain, and for what runs at --hold, as `TIME` such as 30s or 2m")
}

func (o *liveOptions) pinsFlag(cmd *cobra.Command) {
	o.pins = control.PinsEnd
	pinsFlag(cmd, &o.pins)
}

// A goLive makes a release live.
type goLive struct {
	*namedSite
	*steps
	opts       liveOptions
	deployOpts deployOptions
	by         string // "flip", "rollback" or "deploy"
	link       siteLink
	flipped    bool
	explained  bool // what fails has said already what is live

	emptied         time.Time // when the slot that is filled had nobody inside, as far as is known
	source, partial string    // that a deploy copies from, and fills first; "" for others
	filled          bool      // the release was filled by us, and nobody remembers it
	reading         *deploy.Reading
	detail          control.SiteDetail // the site as the daemon knows it
	past            []deploy.Event     // of the link, the newest last
	servers         int                // FPM listeners of the pool
}

// with does the work under the link's lock, and tells how it went.
func (o *liveOptions) with(cmd *cobra.Command, site string, work func(ctx context.Context, g *goLive) error) error {
	return o.unlocked(cmd, site, func(ctx context.Context, g *goLive) error {
		if err := g.locked(func() error { return work(ctx, g) }); err != nil {
			return err
		}
		return g.bake(ctx)
	})
}

// unlocked does work that locks the link by itself, and tells how it went.
func (o *liveOptions) unlocked(cmd *cobra.Command, site string, work func(ctx context.Context, g *goLive) error) error {
	if cmd.Flags().Lookup("pins") != nil {
		if err := wantPins(o.pins); err != nil {
			return usageError{err}
		}
	}
	ctx, stop := interruptible()
	defer stop()
	t, err := o.find(ctx, site)
	if err != nil {
		return err
	}
	// A reader of the output that leaves must not stop a deploy half way.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	g := &goLive{namedSite: t, steps: newSteps(cmd, site, o.asJSON), opts: *o, by: cmd.Name(), reading: &deploy.Reading{}}
	return g.end(g.explain(ctx, work(ctx, g)))
}

func (g *goLive) locked(work func() error) (err error) {
	if g.link, err = g.findLink(); err != nil {
		return err
	}
	g.outcome.Link, g.outcome.Before = g.link.path, g.link.live
	if owner, ok := deploy.OwnerOf(path.Dir(g.link.path)); ok {
		g.do("as", func() (string, error) {
			return fmt.Sprintf("%s, the owner of %s: what is made there is made with that user's rights", owner, path.Dir(g.link.path)), nil
		})
	}
	lock, err := deploy.LockDeploy(g.link.path)
	if err != nil {
		return err
	}
	defer lock.Unlock() // the end of the process unlocks too
	if g.daemon != nil {
		defer g.daemon.Deploying(g.at)()
	}
	// Whoever had the lock may have flipped.
	if g.link, err = g.findLink(); err != nil {
		return err
	}
	g.outcome.Before = g.link.live
	if err := g.learn(); err != nil {
		return err
	}
	return work()
}

// learn asks what is known of the site's releases.
func (g *goLive) learn() error {
	if g.daemon == nil {
		switch {
		case g.opts.drain && g.link.exists:
			return fmt.Errorf("--drain cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.bake > 0:
			return fmt.Errorf("--bake cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.hold && g.link.exists:
			return fmt.Errorf("--hold cannot be done, so nothing was changed: %s", g.alone)
		case g.opts.strict:
			return fmt.Errorf("--strict wants to know whether the release fits into the opcache, so nothing was changed: %s", g.alone)
		}
		g.warn("the opcache is not looked at, nothing is warmed and nothing is drained: %s", g.alone)
		if history := g.history(); history != nil {
			var err error
			if g.past, err = history.Of(g.link.path); err != nil {
				g.warn("%v", err)
			}
		}
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		var err error
		if g.detail, err = g.daemon.Site(ctx, g.at); err != nil && g.link.exists && !g.link.dangling {
			return err
		}
		for _, e := range g.detail.History {
			g.past = append(g.past, deploy.Event(e))
		}
	}
	g.past = slices.DeleteFunc(g.past, func(e deploy.Event) bool { return e.Link != g.link.path })
	return nil
}

// explain says of an interrupted command what it has left.
func (g *goLive) explain(ctx context.Context, err error) error {
	switch {
	case g.explained:
		return err
	case err == nil && (ctx.Err() == nil || !g.flipped):
		return nil
	case ctx.Err() == nil && g.flipped:
		return fmt.Errorf("%w\nthe flip stands: %s leads to %s", err, g.link.path, g.outcome.Release)
	case ctx.Err() == nil && g.link.live == "":
		return fmt.Errorf("%w\nno release is live", err)
	case ctx.Err() == nil && g.link.dangling:
		return fmt.Errorf("%w\n%s leads nowhere still: %s is gone", err, g.link.path, g.link.live)
	case ctx.Err() == nil:
		return fmt.Errorf("%w\n%s is still live", err, g.link.live)
	case g.flipped:
		return fmt.Errorf("interrupted: the flip stands, and %s is live", g.outcome.Release)
	case g.link.live == "":
		return errors.New("interrupted: no release has gone live")
	}
	return fmt.Errorf("interrupted: nothing has changed for visitors, and %s is still live", g.link.live)
}

// run takes a release from a directory on disk to visitors.
func (g *goLive) run(ctx context.Context, release string) error {
	release, seen, err := g.choose(release)
	if err != nil {
		return err
	}
	if g.link.exists && seen == g.link.live {
		g.outcome.Live = true
		return g.do(g.by, func() (string, error) { return seen + " is live already", nil })
	}
	note := g.brings(release)
	if err := errors.Join(g.prepare(ctx, release, seen), note()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := g.makeLive(ctx, release, seen); err != nil || g.opts.dryRun {
		return err
	}
	if g.opts.drain && g.link.live != "" && g.daemon != nil {
		return g.drain(ctx, g.link.live, g.opts.timeout)
	}
	return nil
}

// choose gives the directory of a release as the link is to lead to it, and as requests would
// see it. It wants the release and its docroot to be there.
func (g *goLive) choose(dir string) (release, seen string, err error) {
	release = g.link.into(dir)
	seen = g.seenAs(release)
	g.outcome.Release = seen
	return release, seen, g.link.checkRelease(release)
}

// makeLive flips to a release that is prepared, and runs what follows a flip.
func (g *goLive) makeLive(ctx context.Context, release, seen string) error {
	if !g.opts.dryRun {
		g.noteBefore(ctx)
	}
	if err := g.change(ctx, release, seen); err != nil || g.opts.dryRun {
		return err
	}
	g.afterFlip(ctx, release)
	return nil
}

// change flips, and has the daemon know it; with --hold while requests are held.
func (g *goLive) change(ctx context.Context, release, seen string) error {
	letGo, err := g.hold(ctx, release)
	if err != nil {
		return err
	}
	defer letGo()
	if err := g.flip(release); err != nil || g.opts.dryRun {
		return err
	}
	g.noteLived(release)
	return g.tell(seen)
}

// prepare does what has to go well before the flip.
func (g *goLive) prepare(ctx context.Context, release, seen string) error {
	if !g.opts.dryRun {
		if err := g.beforeFlip(ctx, release); err != nil {
			return err
		}
	}
	root := strings.TrimSuffix(release, g.link.tail)
	if err := g.read(ctx, root, root); err != nil || g.daemon == nil {
		return err
	}
	return g.ready(ctx, release, seen)
}

// noteBefore has the history know the release that is live up to now: of a docroot of a
// pattern no request may have shown it yet.
func (g *goLive) noteBefore(ctx context.Context) {
	if g.link.live == "" {
		return
	}
	if g.daemon != nil {
		if g.at.Docroot != "" {
			g.daemon.Site(ctx, g.at) // which looks; what fails, the flip tells
		}
		return
	}
	if history := g.history(); history != nil {
		history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: g.link.live, By: "link"})
	}
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

// flip is the one step that visitors see.
func (g *goLive) flip(release string) error {
	change := deploy.Flip
	if !g.link.exists {
		change = deploy.CreateLink
	}
	return g.do("flip", func() (string, error) {
		if g.opts.dryRun {
			return "would point " + g.link.path + " to " + release, nil
		}
		if err := change(g.link.path, release); err != nil {
			return "", err
		}
		g.flipped, g.outcome.Live = true, true
		return g.link.path + " -> " + release, nil
	})
}

// tell has the flip known and written down, also when we are told to stop. What
// fails here does not undo the flip; but a daemon that sees something else than what was
// asked for serves something else.
func (g *goLive) tell(release string) error {
	if g.daemon != nil {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		detail, err := g.daemon.Look(ctx, g.at, g.by)
		if err == nil {
			return g.compare(detail, release)
		}
		if !control.IsNotRunning(err) {
			g.warn("the flip stands, but realdocd was not told of it: %v", err)
			return nil
		}
	}
	history := g.history()
	if history == nil {
		return nil
	}
	err := history.Add(deploy.Event{Time: time.Now(), Link: g.link.path, Release: release, By: g.by})
	if err != nil {
		g.warn("the flip stands, but is not in the history: %v", err)
	}
	return nil
}

// compare sees whether the daemon serves what was asked for. It does not if it has another
// root or other mounts than we have.
func (g *goLive) compare(detail control.SiteDetail, release string) error {
	for _, r := range releasesOf(detail, g.docroot) {
		if r.Live && r.Path != release && !sameDirectory(r.Path, release) {
			g.outcome.Live = false
			return fmt.Errorf("the running realdocd does not see this flip: for it %s leads to %s, and that is what visitors get; it has other mounts or another root than this command (a container, PrivateMounts): run the command where it runs", g.link.path, r.Path)
		}
	}
	return nil
}

func sameDirectory(a, b string) bool {
	fiA, errA := os.Stat(a)
	fiB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fiA, fiB)
}

func (g *goLive) drain(ctx context.Context, release string, limit time.Duration) error {
	return g.do("drain", func() (string, error) {
		return "nothing runs in " + path.Base(release), g.drained(ctx, release, limit, g.opts.pins)
	})
}
