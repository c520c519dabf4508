package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"realdocd/gateway/fpm"
)

// A Predecessor is the process that this one takes over from. It runs on until its
// requests have ended, and is asked about them. A nil one has ended, or never was.
type Predecessor struct {
	link *link
	s    *Server // once it has taken over

	pid       int
	inherited bool // systemd has passed the listeners of use "listen"
	listeners []inheritedListener
	taken     []net.Listener // those of them that are not systemd's
	main      chan struct{}  // closed when this process is the main one
	ended     chan struct{}
	pools     map[string]*fpm.Pool // that it has requests in

	mu      sync.Mutex
	asked   uint64
	answers map[uint64]chan answerMessage
	busy    []idleMessage // releases that are idle but for the predecessor
}

// NewPredecessor takes the end of the link that the predecessor has left open,
// and waits for its sockets.
func NewPredecessor(f *os.File) (*Predecessor, error) {
	l, err := newLink(f)
	if err != nil {
		return nil, err
	}
	p := &Predecessor{
		link: l, main: make(chan struct{}), ended: make(chan struct{}),
		pools: map[string]*fpm.Pool{}, answers: map[uint64]chan answerMessage{},
	}
	if err := p.takeSockets(); err != nil {
		p.abandon()
		return nil, fmt.Errorf("take the sockets of the process before: %w", err)
	}
	return p, nil
}

// letIn gives the predecessor's requests their places, in a pool that the
// configuration has no more as many as they want.
func (p *Predecessor) letIn(s *Server, r poolReport) {
	in := p.pools[r.Name]
	if in == nil {
		in = s.setup.Load().pools[r.Name]
	}
	if in == nil {
		p.grant(r.Name, r.Granted+r.Waiting)
		return
	}
	p.pools[r.Name] = in
	in.HearOlder(fpm.Report(r), func(all int) { p.grant(r.Name, all) })
}

func (p *Predecessor) grant(pool string, all int) {
	p.link.send(message{Grant: &grantMessage{pool, all}})
}

// listen takes what the predecessor says until it ends.
func (p *Predecessor) listen() {
	s := p.s
	for {
		m, f, err := p.link.receive()
		if err != nil {
			if !isEnd(err) {
				s.log.Error().Err(err).Msg("link to the process before ended")
			}
			break
		}
		p.hear(m, f)
	}
	p.link.close()
	for _, in := range p.pools {
		in.ForgetOlder()
	}
	close(p.ended)
	s.log.Info().Int("pid", p.pid).Msg("the process before has ended")
	p.mu.Lock()
	busy := slices.Clone(p.busy)
	p.mu.Unlock()
	for _, m := range busy {
		s.idleBefore(m)
	}
}

func (p *Predecessor) hear(m message, f *os.File) {
	s := p.s
	switch {
	case m.Conn && f != nil:
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			s.log.Error().Err(err).Msg("a connection of the process before cannot be taken over")
			return
		}
		s.open(conn)
	case m.Pool != nil:
		p.letIn(s, *m.Pool)
	case m.Main:
		close(p.main)
	case m.Idle != nil:
		s.idleBefore(*m.Idle)
	case m.Answer != nil:
		p.mu.Lock()
		wanted := p.answers[m.Answer.ID]
		delete(p.answers, m.Answer.ID)
		p.mu.Unlock()
		if wanted != nil {
			wanted <- *m.Answer
		}
	}
}

// Main is closed when this process is the service's main one.
func (p *Predecessor) Main() <-chan struct{} { return p.main }

// Ended is closed when the predecessor has ended.
func (p *Predecessor) Ended() <-chan struct{} { return p.ended }

// running says whether there is a predecessor still.
func (p *Predecessor) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// askTimeout bounds the wait for the predecessor's answer.
const askTimeout = 2 * time.Second

// ask asks the predecessor for one site, or for its status. It answers nothing where
// there is none.
func (p *Predecessor) ask(ctx context.Context, site, docroot string) (a answerMessage, err error) {
	if !p.running() {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer := make(chan answerMessage, 1)
	p.mu.Lock()
	p.asked++
	id := p.asked
	p.answers[id] = answer
	p.mu.Unlock()
	p.link.send(message{Ask: &askMessage{id, site, docroot}})
	select {
	case a = <-answer:
		if a.Error != "" {
			err = errors.New(a.Error)
		}
		return a, err
	case <-p.ended:
		return a, nil
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.answers, id)
		p.mu.Unlock()
		return a, fmt.Errorf("ask the process before, which finishes its requests: %w", ctx.Err())
	}
}

// awaitEnd waits for the predecessor to end. When ctx is done first it is told to stop.
func (p *Predecessor) awaitEnd(ctx context.Context) {
	if !p.running() {
		return
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.link.send(message{Stop: true})
	}
}

// endWith tells the predecessor to stop, and waits for that until ctx is done.
func (p *Predecessor) endWith(ctx context.Context) {
	if !p.running() {
		return
	}
	p.link.send(message{Stop: true})
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}
