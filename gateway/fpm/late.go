package fpm

import (
	"time"

	"realdocd/gateway/sock"
)

// A late connection is one whose request has ended while others wait for a place, and whose
// worker is not back in its read: where processors are short, the kernel has mostly put it
// aside for a millisecond or more. Whoever got its place would wait for just this worker,
// while others come back earlier. So the place stays taken until the worker is back, or
// comesBack is over, and the next place that becomes free goes to whoever waits for longest.
type late struct {
	conn  *sock.Conn
	since time.Time
}

// isLate says whether the worker of a connection is to come back before the place is
// another's.
func (p *Pool) isLate(conn *sock.Conn) bool {
	p.mu.Lock()
	wanted := p.queue.len > 0 && p.lease == nil && !p.pause.holds()
	p.mu.Unlock()
	return wanted && !conn.IsRead()
}

// putAside ends a request whose connection is late. Its place stays taken.
func (l *listener) putAside(pl *Place, conn *sock.Conn) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if pl.flow != nil {
		p.queue.count(pl.flow, -1)
	}
	l.late = append(l.late, late{conn, time.Now()})
	l.watchLateLocked()
}

// watchLateLocked has late connections looked at, also if no request ends meanwhile.
func (l *listener) watchLateLocked() {
	if !l.watchesLate && len(l.late) > 0 {
		l.watchesLate = true
		time.AfterFunc(l.comesBack, func() {
			l.takeBack()
			l.pool.mu.Lock()
			defer l.pool.mu.Unlock()
			l.watchesLate = false
			l.watchLateLocked()
		})
	}
}

// takeBack gives the places of late connections to those who wait: of connections whose
// workers are back, and of those for which comesBack is over, which are closed.
func (l *listener) takeBack() {
	p := l.pool
	p.mu.Lock()
	looked := l.late
	l.late = nil
	p.mu.Unlock()
	if len(looked) == 0 {
		return
	}
	var stay []late
	var back, over []*sock.Conn
	for _, one := range looked {
		switch {
		case one.conn.IsRead():
			back = append(back, one.conn)
		case time.Since(one.since) >= l.comesBack:
			over = append(over, one.conn)
		default:
			stay = append(stay, one)
		}
	}
	endAll(over) // before the places are others', so that the workers are free
	p.mu.Lock()
	l.late = append(stay, l.late...)
	l.watchLateLocked()
	places := len(looked) - len(stay)
	p.freeLocked(places)
	l.running -= places
	over = over[:0]
	for _, conn := range back {
		if !l.keepLocked(conn) {
			over = append(over, conn)
		}
	}
	p.changedLocked()
	p.mu.Unlock()
	endAll(over)
}
