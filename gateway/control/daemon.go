package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Daemon is whom the Handler asks. Several goroutines may ask at the same time.
type Daemon interface {
	Pools
	Sites
	Commands
	// View looks at the daemon's surroundings.
	View() View
}

// Errors of a Daemon for what is not in its configuration.
var (
	ErrNoPool = errors.New("there is no such pool")
	ErrNoSite = errors.New("there is no such site")
)

// ErrResumed is a drain of a pool that was resumed meanwhile.
var ErrResumed = errors.New("it was resumed while it drained")

// A DrainError is a pool that did not drain in time.
type DrainError struct {
	// Paused says that the pool stays paused, since another command paused it too.
	// Otherwise it was resumed.
	Paused bool
	// Running are the requests that were left, Kept the connections to FPM.
	Running, Kept int
}

func (e *DrainError) Error() string {
	return fmt.Sprintf("requests that run %d, connections kept %d", e.Running, e.Kept)
}

// Pools are what can be done to the pools of a Daemon, each by its name.
type Pools interface {
	// Status is the daemon now, its pools among it.
	Status() Status
	// Pause lets new requests of the pool wait, and running ones go on.
	// Like Drain and Resume it gives ErrNoPool for a name that it does not know.
	Pause(pool string) error
	// Drain pauses the pool and waits until nothing runs in it and none of its
	// connections is kept. If ctx ends first the pool is as it was before, and the
	// error is a *DrainError; if the pool is resumed meanwhile it is ErrResumed.
	Drain(ctx context.Context, pool string) error
	// Resume ends a pause, and fails the drains that wait.
	Resume(pool string) error
}

// Sites are what can be asked about the sites of a Daemon and their releases. A
// site is named, with the docroot that is meant where its own is a pattern, and
// "" otherwise. A release is a directory by its absolute path. The error is
// ErrNoSite for a site that it does not know.
type Sites interface {
	// Site tells who is inside which release.
	Site(name, docroot string) (SiteDetail, error)
	// Look looks at the link at once. by is who has flipped it; "" where nobody
	// says so.
	Look(name, docroot, by string) (SiteDetail, error)
	// DrainRelease waits until nothing runs in a release. When ctx ends first it
	// gives ctx.Err() and who is left. For a live release it gives deploy.ErrLive.
	DrainRelease(ctx context.Context, name, docroot, release string) ([]Occupant, error)
	// Warm runs the site's warm-up on a release, up to the first request that fails.
	Warm(ctx context.Context, name, docroot, release string) ([]WarmResult, error)
	// Headroom asks FPM whether it can read a release, and has room for it.
	Headroom(ctx context.Context, name, docroot, release string) (Headroom, error)
}

// Commands have commands of realdocd exec run in the releases of a Daemon.
type Commands interface {
	// Enter has a command enter a release, or the live one where release is "".
	// The caller leaves the Stay.
	Enter(name, docroot, release string, c Command) (Stay, error)
}

// A Command is one that realdocd exec runs.
type Command struct {
	Text  string // the command line
	PID   int
	Began time.Time
}

// A Stay is a command's in a release, from Enter to Leave.
type Stay interface {
	Env() CommandEnv
	// AwaitFlip waits until a release is live that is neither the command's nor the
	// one that it gave last, and gives it; "" when ctx ends first.
	AwaitFlip(ctx context.Context) string
	// Leave ends the stay. AwaitFlip may be at work still.
	Leave()
}
