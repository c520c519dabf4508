package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// An Entry is a command that is inside a release, until Close. The daemon counts it
// there, so that a drain of the release waits for it. When another process takes over
// from the daemon, the Entry enters there before it leaves here.
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
	err     error // says why; set before ended is closed

	ctx   context.Context // ends with the Entry
	leave context.CancelFunc
}

// Enter has a command enter the live release. The command is its command line and its
// process id, for whoever asks what keeps a release busy. The daemon has to answer
// within the limit. The caller closes the Entry; the end of ctx closes it too.
func (c *Client) Enter(ctx context.Context, at SiteAddress, command string, pid int, limit time.Duration) (*Entry, error) {
	e := &Entry{
		client: c, at: at, command: command, pid: pid, since: time.Now(), limit: limit,
		flipped: make(chan string, 1), ended: make(chan struct{}),
	}
	e.ctx, e.leave = context.WithCancel(ctx)
	answer, env, err := e.enter("")
	if err != nil {
		e.leave()
		return nil, err
	}
	e.CommandEnv = env
	go e.follow(answer)
	return e, nil
}

// AwaitFlip waits until another release is live, and gives it. It fails when the
// daemon ends, or after Close.
func (e *Entry) AwaitFlip() (release string, err error) {
	select {
	case release = <-e.flipped:
		return release, nil
	case <-e.ended:
		return "", fmt.Errorf("wait for a flip: %w", e.err)
	}
}

// Close leaves the release. AwaitFlip fails then.
func (e *Entry) Close() { e.leave() }

// An enterAnswer is what one process tells the Entry: an enterLine after another.
type enterAnswer struct {
	*json.Decoder
	leave func() // the release, in that process
}

// enter asks a process for a release; "" is the live one.
func (e *Entry) enter(release string) (_ *enterAnswer, env CommandEnv, err error) {
	parameters := []string{"command", e.command, "pid", strconv.Itoa(e.pid), "age", time.Since(e.since).String()}
	if release != "" {
		parameters = append(parameters, "release", release)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	late := time.AfterFunc(e.limit, cancel)
	body, err := e.client.open(ctx, http.MethodPost, e.at.path("/enter", parameters...))
	answer := &enterAnswer{}
	if err == nil {
		answer.Decoder = json.NewDecoder(body)
		answer.leave = func() { cancel(); body.Close() }
		if err = answer.Decode(&env); err != nil {
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
	return answer, env, nil
}

// follow reads what the daemon tells, until the Entry is closed or the daemon ends.
func (e *Entry) follow(answer *enterAnswer) {
	defer close(e.ended)
	defer func() { answer.leave() }()
	for {
		var line enterLine
		if e.err = answer.Decode(&line); e.err != nil {
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
				answer.leave()
				answer = next
			}
		}
	}
}

// enterNext enters in the process that takes over, as soon as that answers. Until then
// the process before it counts the command. It gives nil if the Entry is closed first.
func (e *Entry) enterNext() *enterAnswer {
	for pause := movedPause; e.ctx.Err() == nil; pause = min(2*pause, lastMovedPause) {
		time.Sleep(pause) // the other process may not have the socket alone yet
		if next, _, err := e.enter(e.Release); err == nil {
			return next
		}
	}
	return nil
}

// movedPause is the time between two attempts to reach the process that takes over.
// It doubles up to lastMovedPause.
const (
	movedPause     = 20 * time.Millisecond
	lastMovedPause = 5 * time.Second
)
