package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Daemon has the answers that a [Handler] gives. Several goroutines may call its
// methods at the same time.
type Daemon interface {
	Pools
	Sites
	Commands
	Configured
	Health
	Running
	Deploys
	Fleet
	// View looks at the surroundings of the daemon now.
	View() View
	// Checked takes what realdocd check has found.
	Checked(found Checked)
	// Configuration is what the daemon runs on now.
	Configuration() Configuration
}

// Errors for a name that is not in the daemon's configuration.
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
	// Workers are the scripts that FPM still ran after their requests. Unknown is why
	// it did not tell; nil if it did.
	Workers []string
	Unknown error
}

func (e *DrainError) Error() string {
	text := fmt.Sprintf("requests that run %d, connections kept %d", e.Running, e.Kept)
	if len(e.Workers) > 0 {
		text += fmt.Sprintf(", scripts that run on in PHP-FPM %d (%s)", len(e.Workers), e.Workers[0])
	}
	if e.Unknown != nil {
		text += fmt.Sprintf(", and whether scripts run on in PHP-FPM cannot be told: %v", e.Unknown)
	}
	return text
}

// Pools are the pools of a daemon, each by its name. Pause, Drain and Resume give
// ErrNoPool for a name that the daemon does not know.
type Pools interface {
	// Status is the whole daemon now, with its pools.
	Status() Status
	// OwnStatus is Status without what another process would have to be asked for.
	// Its pools are whole.
	OwnStatus() Status
	// Pause lets new requests of the pool wait. Requests that run go on.
	Pause(pool string) error
	// Drain pauses the pool and waits until nothing runs in it, also after
	// its request if FPM's status tells that, and no connection of it is kept. When ctx ends first the pool is as it was before, and the error is
	// a *DrainError; if the pool is resumed meanwhile it is ErrResumed.
	Drain(ctx context.Context, pool string) error
	// Resume lets the requests that wait go on, and fails the drains that wait.
	Resume(pool string) error
}

// Sites are the sites of a daemon and their releases. A site has a name, and if
// its docroot is a pattern, docroot says which one is meant; otherwise docroot is
// "". A release is the absolute path of its directory. All methods give ErrNoSite
// for a name that the daemon does not know.
type Sites interface {
	// Site says who is inside which release.
	Site(name, docroot string) (SiteDetail, error)
	// Look looks at the link at once. by says which command has flipped it:
	// "flip", "rollback", "deploy", "canary", "fleet" or "catch-up"; "" says nothing.
	Look(name, docroot, by string) (SiteDetail, error)
	// DrainRelease waits until nothing runs in a release, and no pin leads there. If pins has
	// to be waited for and end too late, the error is a *PinnedError. When ctx ends first, the
	// error is ctx.Err(), and the occupants are who is left. For the live release
	// the error is deploy.ErrLive.
	DrainRelease(ctx context.Context, name, docroot, release string, pins Pins) ([]Occupant, error)
	// Warm runs the site's warm-up on a release in each FPM of its pool, up to the
	// first request that fails.
	Warm(ctx context.Context, name, docroot, release string) ([]WarmResult, error)
	// Headroom asks FPM whether it can read a release, and has room for it.
	Headroom(ctx context.Context, name, docroot, release string) (Headroom, error)
	// Compile has each FPM compile what it has of the live release in another one.
	Compile(ctx context.Context, name, docroot, release string) ([]CompiledResult, error)
	// MakeRoom has the opcache of each FPM that is full begin anew with what is live,
	// while the pool's requests wait.
	MakeRoom(ctx context.Context, name, docroot string) ([]RoomResult, error)
	// Forget has the opcache of each FPM count what it has of a release as wasted. For
	// a live release it gives deploy.ErrLive.
	Forget(ctx context.Context, name, docroot, release string) ([]ForgottenResult, error)
	// Maintain has visitors of a site, or of one docroot of a pattern, get a page; nil
	// lets them in again. docroot may be "" for a pattern too: that is all of them.
	Maintain(name, docroot string, m *Maintenance) (SiteStatus, error)
	// Hold has new requests of a docroot wait, from before they enter a release, and
	// waits until none runs. The caller calls letGo. When ctx ends first nothing is held,
	// the error is ctx.Err(), and the occupants are who is left.
	Hold(ctx context.Context, name, docroot string) (letGo func(), left []Occupant, err error)
	// Try begins to try a release. The caller calls Leave, unless the plan's verdict is an
	// operator's. StepTrial begins a step of one that is judged elsewhere, and EndTrial ends the
	// trial of a docroot.
	Try(name, docroot string, p Plan) (Trial, error)
	StepTrial(name, docroot string, number uint16, step int) (TrialStatus, error)
	EndTrial(name, docroot string) (TrialStatus, error)
	// Preview gives a token that puts one browser on a release, for a time.
	Preview(name, docroot, release string, lasts time.Duration) (PreviewLink, error)
}

// Commands are the commands that realdocd exec runs in the releases of a daemon.
type Commands interface {
	// Enter lets a command enter a release; "" is the live release. The daemon
	// counts the command as inside until the caller calls Leave.
	Enter(name, docroot, release string, c Command) (Stay, error)
}

// A Command is one command that realdocd exec runs.
type Command struct {
	Text  string // the command line
	PID   int
	Began time.Time
}

// A Stay is the time that one command is inside a release of one process, from
// Enter to Leave.
type Stay interface {
	// Env is what the command needs to know of its release.
	Env() CommandEnv
	// AwaitFlip waits until another release is live than the command's, and gives
	// it. It gives each such release once. When ctx ends first, it gives "".
	AwaitFlip(ctx context.Context) string
	// Leave ends the stay. An AwaitFlip may still run in another goroutine.
	Leave()
}
