package fpm

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
)

// An Abandoned place is one whose request nobody waits for any more, and whose script may
// run on: FPM sees that a connection is closed when the script writes, and not before.
// Until the script ends, its worker is taken. So the place stays taken too, and counts
// wherever places count: for max_conns, in a drain, in the status.
//
// FPM sees our side closed, as it would see a web server's. A marker that lies behind the
// request, which FPM reads at the end of the script and not before, tells when that is.
type Abandoned struct {
	place Place
	conn  *sock.Conn
	what  Abandonment

	interrupted atomic.Bool
}

// An Abandonment is how a place is abandoned.
type Abandonment struct {
	// Method and Script are by which FPM's status names the worker.
	Method, Script string
	// Torn says that a record of the request was sent in part.
	Torn bool
	// Limit is how long after Connected the place is kept at the most; 0 sets no bound.
	Limit time.Duration
	// Ended is called once the place was left, by a goroutine of its own.
	Ended func()
}

// Abandon leaves the place to itself, instead of Leave: it is given back when FPM is done
// with the request. Begin starts that. The place may not be used any more.
func (pl *Place) Abandon(how Abandonment) *Abandoned {
	pl.mustHold("Abandon")
	a := &Abandoned{place: *pl, conn: pl.conn, what: how}
	a.place.conn, a.place.want.By = nil, nil
	pl.conn, pl.kept, pl.held = nil, nil, false
	p := a.place.pool
	p.mu.Lock()
	p.abandoned++
	p.mu.Unlock()
	return a
}

// Begin has the place left when its script has ended.
func (a *Abandoned) Begin() { go a.outlive() }

// Interrupt has the place left now: the daemon ends. Any goroutine may call it.
func (a *Abandoned) Interrupt() {
	a.interrupted.Store(true)
	a.conn.Interrupt()
}

const (
	// looksAgain is how long a wait lasts before its bounds are looked at.
	looksAgain = time.Second
	// asksAgain is how often FPM is asked whether a script runs, if only its status
	// can tell.
	asksAgain = 250 * time.Millisecond
	// askWorkersTimeout is for FPM to answer.
	askWorkersTimeout = time.Second
)

// outlive waits for the end of the script, and gives the place back.
func (a *Abandoned) outlive() {
	var last []byte
	if !a.what.Torn {
		last = endMarker
	}
	a.conn.Shut(last)
	known := a.awaitTaken()
	a.conn.End()
	if !known {
		a.awaitWorker()
	}
	p := a.place.pool
	p.mu.Lock()
	p.abandoned--
	p.mu.Unlock()
	p.leave(&a.place, nil)
	a.what.Ended()
}

// endMarker are records that FPM does not read before the end of a script: it reads one
// of them if it misses a part of the body, and ends the body there.
var endMarker = fcgi.AppendHeader(fcgi.AppendHeader(nil, fcgi.AbortRequest, 1, 0), fcgi.AbortRequest, 1, 0)

// awaitTaken waits for the end of the script by what becomes of the connection. It
// returns whether that tells.
func (a *Abandoned) awaitTaken() (known bool) {
	for !a.over() {
		err := a.conn.AwaitTaken(a.nextLook())
		switch {
		case errors.Is(err, sock.ErrSpeaks):
			return false // the script learns that nobody reads when it writes again
		case err == nil:
			return !a.what.Torn
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return true
		}
	}
	return true
}

// awaitWorker waits until FPM's status does not name the script any more, if FPM can be
// asked for it.
func (a *Abandoned) awaitWorker() {
	for c := a.place.pool.Config(); c.StatusServer != "" && !a.over(); time.Sleep(asksAgain) {
		ctx, cancel := context.WithTimeout(context.Background(), askWorkersTimeout)
		workers, err := AskWorkers(ctx, c.StatusServer, c.StatusPath)
		cancel()
		ran := time.Since(a.place.Connected)
		w := FindWorker(workers, a.what.Method, a.what.Script, ran)
		if err != nil || w == nil || w.Duration < ran-startsTogether {
			return
		}
	}
}

// over says whether the place is not to be kept any longer.
func (a *Abandoned) over() bool {
	return a.interrupted.Load() || a.what.Limit > 0 && time.Since(a.place.Connected) >= a.what.Limit
}

// nextLook is when the wait is to be looked at again.
func (a *Abandoned) nextLook() time.Time {
	next := time.Now().Add(looksAgain)
	if last := a.place.Connected.Add(a.what.Limit); a.what.Limit > 0 && last.Before(next) {
		return last
	}
	return next
}

// startsTogether is how much later than ours FPM's clock of a request may begin.
const startsTogether = time.Second

// FindWorker gives the worker that runs a request which has run for as long: of those in
// its script the one that has been for about as long; nil if none is.
func FindWorker(workers []Worker, method, script string, ran time.Duration) *Worker {
	var best *Worker
	script = script[:min(len(script), MaxScript)]
	for i := range workers {
		w := &workers[i]
		if w.State == "Idle" || w.Method != method || w.Script != script {
			continue
		}
		if best == nil || (w.Duration-ran).Abs() < (best.Duration-ran).Abs() {
			best = w
		}
	}
	return best
}
