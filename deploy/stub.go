package deploy

import (
	"context"
	"errors"
	"time"
)

var errStub = errors.New("not written yet")

// ErrLocked is a link that another deploy works on.
var ErrLocked = errors.New("another deploy is at work")

// Flip makes link, a symlink, point to the directory release, in one rename.
func Flip(link, release string) error { return errStub }

// CreateLink makes a link that does not exist yet.
func CreateLink(link, release string) error { return errStub }

// LinkTarget is where one step of link points.
func LinkTarget(link string) (string, error) { return "", errStub }

// A Lock keeps other deploys of a link out until Unlock, or the process's end.
type Lock struct{}

// LockDeploy locks a link.
func LockDeploy(link string) (*Lock, error) { return nil, errStub }

// Unlock lets others in.
func (l *Lock) Unlock() error { return nil }

// An Event is a release that went live.
type Event struct {
	Time    time.Time `json:"time"`
	Link    string    `json:"link"`
	Release string    `json:"release"`
	By      string    `json:"by"`
}

// A History is the file of a site's events.
type History struct{}

// NewHistory names it.
func NewHistory(dir, site string) *History { return &History{} }

// Add appends an event.
func (h *History) Add(e Event) error { return errStub }

// Events are those that are kept, the newest last.
func (h *History) Events() ([]Event, error) { return nil, errStub }

// Previous is the event of the release that was live on link before live.
func Previous(events []Event, link, live string) (Event, bool) { return Event{}, false }

// IdleSlot is the slot after the live one.
func IdleSlot(slots []string, live string) (string, error) { return "", errStub }

// NewRelease names a new release below dir.
func NewRelease(dir string, now time.Time) (partial, final string, err error) {
	return "", "", errStub
}

// Complete makes a filled release visible.
func Complete(partial, final string) error { return errStub }

// Expired are the releases below dir beyond the newest keep.
func Expired(dir string, keep int, protected ...string) ([]string, error) { return nil, errStub }

// RemoveRelease removes a release.
func RemoveRelease(dir string) error { return errStub }

// FillProgress is how far Fill is.
type FillProgress struct{ Files, Total int }

// Filled is what Fill did.
type Filled struct {
	Files, Changed, Deleted int
	Bytes                   int64
	Took                    time.Duration
}

// Fill copies source over target.
func Fill(ctx context.Context, source, target string, progress func(FillProgress)) (Filled, error) {
	return Filled{}, errStub
}

// Sync makes what is below dir durable.
func Sync(dir string) error { return errStub }
