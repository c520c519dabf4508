package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"realdocd/gateway/fpm"
	"realdocd/gateway/handover"
)

// A Predecessor is the process that this one takes over from. It runs on until its
// requests have ended, and is asked about them. A nil one never was.
type Predecessor struct {
	peer *handover.Peer
	s    *Server // once it has taken over

	pid       int
	inherited bool // systemd has passed the listeners that web servers connect to
	listeners []inheritedListener
	claimed   []net.Listener // those of them that are used here, but for systemd's
	main      chan struct{}  // closed when this process is the main one
	ended     chan struct{}
	pools     map[string]*fpm.Pool // that it has requests in
	trials    []handover.Trial     // that go on here

	asking atomic.Bool  // for conns
	conns  atomic.Int64 // connections that it had

	mu      sync.Mutex // guards the following
	asked   uint64
	answers map[uint64]chan handover.Answer
	busy    []handover.Idle // releases that are idle but for the predecessor
}

// NewPredecessor takes the end of the socket pair that the predecessor has left open,
// and waits for its sockets.
func NewPredecessor(f *os.File) (*Predecessor, error) {
	peer, err := handover.Open(f)
	if err != nil {
		return nil, err
	}
	p := &Predecessor{
		peer: peer, main: make(chan struct{}), ended: make(chan struct{}),
		pools: map[string]*fpm.Pool{}, answers: map[uint64]chan handover.Answer{},
	}
	if err := p.receiveSockets(); err != nil {
		p.abandon()
		return nil, fmt.Errorf("take the sockets of the process before: %w", err)
	}
	return p, nil
}

// letIn gives the predecessor's requests their places: as many as they want, if the
// configuration does not have their pool any more.
func (p *Predecessor) letIn(s *Server, r handover.PoolReport) {
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
	p.peer.Send(handover.Message{Grant: &handover.Grant{Pool: pool, Granted: all}})
}

// listen takes what the predecessor says until it ends.
func (p *Predecessor) listen() {
	s := p.s
	for {
		m, f, err := p.peer.Receive()
		if err != nil {
			if !handover.IsEnd(err) {
				s.log.Error().Err(err).Msg("the process before is not understood any more")
			}
			break
		}
		p.hear(m, f)
	}
	p.peer.Close()
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

func (p *Predecessor) hear(m handover.Message, f *os.File) {
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

// PID is the process id of the predecessor.
func (p *Predecessor) PID() int { return p.pid }

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

// ask asks the predecessor for one site, or if site is "" for its status. The answer
// is empty if there is no predecessor.
func (p *Predecessor) ask(ctx context.Context, site, docroot string) (a handover.Answer, err error) {
	if !p.running() {
		return a, nil
	}
	return p.send(ctx, handover.Ask{Site: site, Docroot: docroot, Closed: p.s.closedOf(site)})
}

// askRequests asks the predecessor for what runs in it.
func (p *Predecessor) askRequests(ctx context.Context) (handover.Answer, error) {
	return p.send(ctx, handover.Ask{Requests: true})
}

// send sends a question, and waits for the answer.
func (p *Predecessor) send(ctx context.Context, q handover.Ask) (a handover.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer := make(chan handover.Answer, 1)
	p.mu.Lock()
	p.asked++
	id := p.asked
	q.ID = id
	p.answers[id] = answer
	p.mu.Unlock()
	p.peer.Send(handover.Message{Ask: &q})
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

// maxToldClosed bounds how many closed releases a predecessor is told of each time.
const maxToldClosed = 50

// closedOf are the releases of a site that were closed last.
func (s *Server) closedOf(site string) []string {
	st := s.setup.Load().sites.named(site)
	if st == nil {
		return nil
	}
	closed := st.releases.Closed()
	return closed[max(0, len(closed)-maxToldClosed):]
}

// connections are those that it had when it was asked last. It is asked in the background:
// whoever wants to know does not wait for it.
func (p *Predecessor) connections() int {
	if !p.running() {
		return 0
	}
	if p.asking.CompareAndSwap(false, true) {
		go func() {
			defer p.asking.Store(false)
			if a, err := p.ask(context.Background(), "", ""); err == nil && a.Status != nil {
				p.conns.Store(int64(a.Status.Connections))
			}
		}()
	}
	return int(p.conns.Load())
}

// awaitEnd waits for the predecessor to end. When ctx is done first it is told to stop.
func (p *Predecessor) awaitEnd(ctx context.Context) {
	if !p.running() {
		return
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.peer.Send(handover.Message{Stop: true})
	}
}

// endWith tells the predecessor to stop, and waits for that until ctx is done.
func (p *Predecessor) endWith(ctx context.Context) {
	if !p.running() {
		return
	}
	p.peer.Send(handover.Message{Stop: true})
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}
