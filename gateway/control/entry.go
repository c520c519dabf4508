package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// An Entry is a command's stay in a release, until Close. When another process
// takes over from the daemon, it enters there.
type Entry struct {
	CommandEnv

	client  *Client
	at      SiteAddress
	command string
	pid     int
	since   time.Time
	limit   time.Duration

	flipped chan string // the live release, once it is another
	ended   chan struct{}
	err     error // why, before ended is closed

	ctx   context.Context // of the whole stay
	leave context.CancelFunc
}

// Enter has a command enter the live release. The daemon has to answer within
// the limit; ctx ends the stay too.
func (c *Client) Enter(ctx context.Context, at SiteAddress, command string, pid int, limit time.Duration) (*Entry, error) {
	e := &Entry{
		client: c, at: at, command: command, pid: pid, since: time.Now(), limit: limit,
		flipped: make(chan string, 1), ended: make(chan struct{}),
	}
	e.ctx, e.leave = context.WithCancel(ctx)
	s, env, err := e.enter("")
	if err != nil {
		e.leave()
		return nil, err
	}
	e.CommandEnv = env
	go e.follow(s)
	return e, nil
}

// A stay is one process's part of an Entry.
type stay struct {
	lines *json.Decoder
	leave func()
}

// enter asks for a release; "" is the live one.
func (e *Entry) enter(release string) (_ *stay, env CommandEnv, err error) {
	parameters := []string{"command", e.command, "pid", strconv.Itoa(e.pid), "age", time.Since(e.since).String()}
	if release != "" {
		parameters = append(parameters, "release", release)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	late := time.AfterFunc(e.limit, cancel)
	body, err := e.client.open(ctx, http.MethodPost, e.at.path("/enter", parameters...))
	s := &stay{}
	if err == nil {
		s.lines = json.NewDecoder(body)
		s.leave = func() { cancel(); body.Close() }
		if err = s.lines.Decode(&env); err != nil {
			err = e.client.unreadable(err)
			body.Close()
		}
	}
	if !late.Stop() {
		err = e.client.explain(context.DeadlineExceeded)
	}
	if err != nil {
		cancel()
		return nil, env, err
	}
	return s, env, nil
}

// follow reads what the daemon tells, until the stay ends.
func (e *Entry) follow(s *stay) {
	defer close(e.ended)
	for {
		var line enterLine
		if e.err = s.lines.Decode(&line); e.err != nil {
			s.leave()
			return
		}
		switch {
		case line.Flipped != "":
			select {
			case e.flipped <- line.Flipped:
			default: // nobody has asked since the flip before
			}
		case line.Moved:
			if next := e.enterNext(); next != nil {
				s.leave()
				s = next
			}
		}
	}
}

// enterNext enters with the process that takes over, as soon as that lets us; until
// then the one before counts the command. It returns nil when the stay has ended.
func (e *Entry) enterNext() *stay {
	for pause := movedPause; e.ctx.Err() == nil; pause = min(2*pause, lastMovedPause) {
		time.Sleep(pause) // it may not have the socket alone yet
		if next, _, err := e.enter(e.Release); err == nil {
			return next
		}
	}
	return nil
}

// AwaitFlip waits until the release is not live any more, and gives the one
// that is. Close ends it, and so does the end of the daemon, with an error.
func (e *Entry) AwaitFlip() (release string, err error) {
	select {
	case release = <-e.flipped:
		return release, nil
	case <-e.ended:
		return "", fmt.Errorf("wait for a flip: %w", e.err)
	}
}

// Close leaves the release.
func (e *Entry) Close() { e.leave() }

// movedPause is the time between two attempts to reach a process that takes
// over; it grows up to the last.
const (
	movedPause     = 20 * time.Millisecond
	lastMovedPause = 5 * time.Second
)
