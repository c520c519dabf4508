package fpm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// A Place is the right to run one request in FPM, in one of a pool's listeners. It is a
// value in the request: [Pool.Enter] gives it, Connect connects it to FPM, Leave gives it
// back. One goroutine uses it. A use out of this order is a fault of the program, and
// panics: a place that is given back twice would be two requests'.
//
// The zero Place is ready to Enter. What it was stays readable after Leave.
type Place struct {
	// Queued is when the request asked for the place, Entered when it had it, and
	// Connected when it had a connection to FPM; zero for what did not happen.
	Queued, Entered, Connected time.Time

	pool     *Pool
	want     Want
	held     bool      // from admission to Leave
	listener *listener // that it is in
	flow     *flow     // that counts it, if the pool has a limit

	conn   *sock.Conn // to FPM
	kept   *sock.Conn // one that was kept, to be tried first
	reused bool       // conn was kept
	marked bool       // conn may be kept
}

// begin is for a request that asks for a place.
func (pl *Place) begin(p *Pool, want Want) {
	if pl.pool != nil {
		panic("fpm: Enter with a place that was used")
	}
	pl.pool, pl.want = p, want
}

func (pl *Place) mustHold(method string) {
	if !pl.held {
		panic("fpm: " + method + " of a place that is not held")
	}
}

// Held says whether the place is to be given back.
func (pl *Place) Held() bool { return pl.held }

// Reused says that the connection was kept: FPM may have closed it before the request.
func (pl *Place) Reused() bool { return pl.reused }

// Connect connects to FPM: over a kept connection if one is ready, and to another
// listener at once if one does not take the connection, since nothing has been sent then.
// The connection is the place's. The request waits for it from now on. The error is a
// *[Refusal], or what [Client.Ended] says.
func (pl *Place) Connect() (*sock.Conn, error) {
	pl.mustHold("Connect")
	deadline := pl.Entered.Add(pl.pool.Config().ConnectTimeout)
	var tried []*listener
	var errs error
	for wait := time.Millisecond; ; {
		conn, err := pl.reach(deadline)
		if err == nil {
			pl.Connected = time.Now()
			pl.conn = conn
			pl.want.By.WaitFor(conn)
			return conn, nil
		}
		if sock.IsOwn(err) {
			if err := pl.awaitRoom(err, wait, deadline); err != nil {
				return nil, err
			}
			wait = min(2*wait, longestWait)
			continue
		}
		errs = errors.Join(errs, fmt.Errorf("connect to FPM at %s: %w", pl.listener.addr, err))
		if err := pl.want.By.Ended(); err != nil {
			return nil, err
		}
		if tried = append(tried, pl.listener); pl.move(tried) {
			continue
		}
		if !errors.Is(errs, ErrBacklogFull) {
			return nil, refuse(Down, "%w", errs)
		}
		if time.Now().Add(wait).After(deadline) {
			return nil, refuse(BacklogFull, "%w", errs)
		}
		time.Sleep(wait)
		wait = min(2*wait, longestWait)
		tried, errs = nil, nil
		pl.move(nil)
	}
}

// longestWait is to what the waits between two attempts to connect grow.
const longestWait = 50 * time.Millisecond

// awaitRoom is for a connection that could not be made because of this process: what
// nobody needs is closed, and in a moment another attempt may be made. It says nothing
// about the listener.
func (pl *Place) awaitRoom(cause error, wait time.Duration, deadline time.Time) error {
	p := pl.pool
	p.mu.Lock()
	idle := p.takeAllKeptLocked()
	p.mu.Unlock()
	endAll(idle)
	if p.Spare != nil {
		p.Spare()
	}
	if err := pl.want.By.Ended(); err != nil {
		return err
	}
	if time.Now().Add(wait).After(deadline) {
		return refuse(OwnLimit, "connect to FPM at %s: realdocd itself has run short: %w; raise LimitNOFILE, or the memory of the machine", pl.listener.addr, cause)
	}
	time.Sleep(wait)
	return nil
}

// move puts the place into a listener that was not tried; false if all were.
func (pl *Place) move(tried []*listener) bool {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	return pl.pool.assignLocked(pl, tried)
}

// assignLocked puts a place into a listener that was not tried, with a kept connection if
// there is one; false if all were tried.
func (p *Pool) assignLocked(pl *Place, tried []*listener) bool {
	l := p.chooseLocked(tried)
	if at := slices.IndexFunc(p.listeners, func(l *listener) bool { return l.addr == pl.want.At }); at >= 0 {
		if l = p.listeners[at]; slices.Contains(tried, l) {
			l = nil
		}
	}
	if l == nil {
		return false
	}
	if pl.listener != nil {
		pl.listener.running--
	}
	l.running++
	pl.listener, pl.kept = l, nil
	if pl.want.Reusable {
		pl.kept = l.takeKeptLocked()
	}
	return true
}

// reach gives a connection to the place's listener.
func (pl *Place) reach(deadline time.Time) (*sock.Conn, error) {
	l := pl.listener
	if conn := l.readyOne(pl.kept); conn != nil {
		l.reused.Add(1)
		pl.kept, pl.reused = nil, true
		return conn, nil
	}
	pl.kept, pl.reused = nil, false
	l.makeRoom()
	conn, err := l.dial(deadline)
	if err != nil {
		if !sock.IsOwn(err) {
			l.failed(err)
		}
		return nil, err
	}
	l.opened.Add(1)
	l.answered()
	l.meet(conn)
	return conn, nil
}

// Mark prepares a whole request, which begins with BEGIN_REQUEST, for a connection that
// may be kept: it sets FCGI_KEEP_CONN and appends what FPM reads when it waits for the
// next request. A request that may not be kept is left as it is.
func (pl *Place) Mark(request []byte, id uint16) []byte {
	pl.mustHold("Mark")
	if pl.marked = pl.want.Reusable && pl.listener.keeps.Load(); !pl.marked {
		return request
	}
	fcgi.SetKeepConn(request)
	return appendMarker(request, id)
}

// RequestID gives the request its id on the connection: first if the connection is new.
// On a kept connection it is another one than that of the request before, so that what
// FPM sends late of that one is not taken for an answer to this one.
func (pl *Place) RequestID(first uint16) uint16 {
	pl.mustHold("RequestID")
	if pl.conn.LastID++; pl.conn.LastID == 0 {
		pl.conn.LastID++
	}
	if !pl.reused {
		pl.conn.LastID = first
	}
	return pl.conn.LastID
}

// BrokenOff notes that FPM has broken the request off. It returns how many the listener has
// within a second.
func (pl *Place) BrokenOff() int {
	pl.mustHold("BrokenOff")
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	l := pl.listener
	if now := time.Now(); now.Sub(l.brokenSince) > time.Second {
		l.brokenSince, l.broken = now, 0
	}
	l.broken++
	return l.broken
}

// Drop closes a kept connection that did not take the request. Connect may then be called
// again.
func (pl *Place) Drop() {
	pl.mustHold("Drop")
	pl.want.By.WaitFor(nil)
	pl.conn.End()
	pl.conn = nil
}

// Leave closes the connection to FPM, or has it kept, and gives the place back. whole
// says that the response came to its end and that nobody has interrupted the connection.
func (pl *Place) Leave(whole bool) {
	pl.mustHold("Leave")
	conn := pl.conn
	if conn != nil && !(whole && pl.marked && conn.In.Buffered() == 0) {
		conn.End() // before the place is another's, so that the worker is free
		conn = nil
	}
	if pl.kept != nil {
		pl.kept.End() // the place came with it, and the request ended before it was used
	}
	pl.conn, pl.kept, pl.held = nil, nil, false
	pl.pool.leave(pl, conn)
}

// leave takes a place back, and hands it to whose turn it is, at once unless the connection
// is late. conn is its connection if that may be kept, else nil. Place and connection come
// back in one step, so that the next request finds both.
func (p *Pool) leave(pl *Place, conn *sock.Conn) {
	if conn != nil && p.isLate(conn) {
		pl.listener.putAside(pl, conn)
		return
	}
	p.mu.Lock()
	p.freeLocked(1)
	pl.listener.running--
	if pl.flow != nil {
		p.queue.count(pl.flow, -1)
	}
	kept := conn != nil && pl.listener.keepLocked(conn)
	p.changedLocked()
	looks := len(pl.listener.late) > 0
	p.mu.Unlock()
	if conn != nil && !kept {
		conn.End()
	}
	if looks {
		pl.listener.takeBack()
	}
}
