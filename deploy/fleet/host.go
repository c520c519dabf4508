package fleet

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNoSite says that a host's configuration has no such site.
	ErrNoSite = errors.New("this host has no such site in its realdocd.toml")
	// ErrNoFetch says that a host has no command that fetches a release.
	ErrNoFetch = errors.New("no command is configured that fetches a release (fetch, in [fleet] of realdocd.toml)")
)

// A Host is the machine that an [Agent] works on: its links, its releases and its daemon. It is the
// only way from this package to them. Sites are named as commands name them, "shop" or,
// for one docroot of a pattern, "shop/one"; releases by the component behind the link.
// Errors say what to do.
type Host interface {
	// Look says what the host has of a site now, complete releases only, with the hash of
	// their content, which it keeps. The content of anew, a release that the host should
	// serve and does not, is read again as that of the live one is; "" is none. The error
	// is ErrNoSite if the host's configuration has no such site.
	Look(ctx context.Context, site, anew string) (Seen, error)
	// Live says which release a site's link leads to, and looks at nothing else.
	Live(ctx context.Context, site string) (string, error)
	// Sites are those of the host's configuration that have a link which can be flipped;
	// those of a pattern as far as they are on disk.
	Sites(ctx context.Context) ([]string, error)
	// Changed waits until Sites may give others than before: somebody wants to know of one that it did not. An
	// error says that it cannot tell.
	Changed(ctx context.Context) error
	// Prepare looks whether a release can go live and has it warm, as realdocd flip does before
	// its rename.
	Prepare(ctx context.Context, site, release string, p Preparation) (warnings []string, err error)
	// Flip renames the site's link to a release, at an instant or, if that is zero or over, at
	// once. at can be compared with time.Now whatever becomes of the clock meanwhile.
	// It gives when it has renamed; if it gives an error as well, something failed after that. by is "flip", "rollback" or "catch-up".
	Flip(ctx context.Context, site, release string, at time.Time, by string) (time.Time, error)
	// After runs what follows a flip: the site's after_flip.
	After(ctx context.Context, site, release string) (warnings []string)
	// Fetch gets a release that is not here, by the configured command, and gives its hash.
	// ErrNoFetch says that none is configured.
	Fetch(ctx context.Context, site, release, hash string) error
	// Ask does what an ask wants, and gives the data of the answer; tell may be called before.
	Ask(ctx context.Context, ask Ask, tell func(data string)) (data string, err error)
	// Tell tells the daemon where the sites stand. It has to have been done before the agent
	// promises anything. The error is that of a daemon that does not answer.
	Tell(ctx context.Context, standings []Standing) error
	// Daemon is what is wrong with the host's daemon, and the fingerprint of its pin key.
	Daemon(ctx context.Context) (wrong, pinKey string)
}

// Seen is what a host has of a site.
type Seen struct {
	// Live is the name of the release that the link leads to; "" if it leads nowhere.
	Live     string
	Releases []Release
}

// A Preparation says how a release is prepared.
type Preparation struct{ NoWarm, Strict, Rollback bool }
