package fpm

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/sock"
)

const (
	learnTimeout = 5 * time.Second
	learnEvery   = time.Minute // FPM's version may change with a reload
)

// learning is what a listener needs to find out which FPM it is. The pool's mutex guards
// it.
type learning struct {
	master int32     // the process that listens, when a connection was last made
	asked  time.Time // when FPM was asked
	asking bool      // an answer is awaited, or the turn to ask
	again  bool      // and will be out of date
	silent int       // questions without an answer, one after the other

	hurry chan struct{} // has the question not wait for its turn, if closed; nil if it does not wait
}

// Asks says whether FPM has to be known.
func (c *Config) Asks() bool { return c.Reuse || c.MaxConns == Auto }

// meet looks whose listener a new connection has reached. One that another
// process listens on may be another version of FPM.
func (l *listener) meet(conn *sock.Conn) {
	p := l.pool
	if !l.addr.IsUnix() || !p.Config().Asks() {
		return
	}
	master, err := conn.Peer()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		l.mayNotKeepLocked(err)
	case master != l.master:
		l.master = master
		l.mayNotKeepLocked(errLearning)
		l.learnLocked()
	}
}

// learnLocked asks FPM what it is, in a goroutine of its own, when its turn has come.
func (l *listener) learnLocked() {
	switch {
	case !isHere(l.addr):
		l.mayNotKeepLocked(errOnlyUnix)
	case l.asking:
		l.again = true
	case l.ctx.Err() == nil:
		hurry := make(chan struct{})
		l.asking, l.asked, l.hurry = true, time.Now(), hurry
		if l.pool.queue.len > 0 {
			l.hurryLocked()
		}
		go l.learn(hurry)
	}
}

// hurryLocked has a question not wait for its turn: requests wait in the pool, maybe for what
// the answer says.
func (l *listener) hurryLocked() {
	if l.hurry != nil {
		close(l.hurry)
		l.hurry = nil
	}
}

// beginLocked is when the question is asked. Whatever made another one necessary before, this
// one is as new.
func (l *listener) beginLocked() {
	l.asked, l.again, l.hurry = time.Now(), false, nil
}

// learnt is what FPM has told.
type learnt struct {
	master   int32 // the process that listens
	answered bool  // is says something
	is       Answer
	most     int    // the most workers that it starts; 0 if that is not known
	pm       string // how it starts them, if that is known
	why      error  // why connections are not to be kept; nil if they are
}

// learn takes what FPM says of itself, and asks again in a while if that is not a
// reason to keep connections.
func (l *listener) learn(hurry <-chan struct{}) {
	p := l.pool
	defer p.Turns.take(l.ctx, hurry)()
	p.mu.Lock()
	l.beginLocked()
	probe := p.probe
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(l.ctx, learnTimeout)
	defer cancel()
	var got learnt
	// Who listens is found out before the question: if another process takes over
	// meanwhile, the first request to meet that one has it asked.
	if l.addr.IsUnix() {
		got.master, got.why = l.whoListens()
	}
	if got.why == nil {
		got.is, got.why = p.Config().askBy(p.AskFPM, ctx, l.addr, probe, Question{Workers: true})
		got.answered = got.why == nil
	}
	if got.answered {
		got.most, got.pm = l.mostWorkers(ctx, got.master, got.is)
		got.why = l.mayKeep(got.is)
	}
	if changed := l.note(got); changed {
		l.logLearnt(got)
	}
}

// note takes what FPM has told. changed is whether that changes why connections are kept
// or not, or how many requests FPM can run.
func (l *listener) note(got learnt) (changed bool) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.asking = false
	if l.master == 0 {
		l.master = got.master
	}
	if l.again {
		l.again = false
		l.learnLocked()
		return false
	}
	before, children := l.why, l.children
	l.why = got.why
	l.keeps.Store(got.why == nil)
	l.silent++
	if got.answered {
		l.silent = 0
		workers := l.workers
		l.version, l.workers, l.children = got.is.Version, got.is.Workers, got.most
		l.growLocked(workers)
		if got.pm != "dynamic" && l.workers > 0 {
			l.workers = max(l.workers, got.most) // each is there, or starts as soon as it is needed
		}
		p.changedLocked()
	}
	if got.why != nil && l.ctx.Err() == nil {
		time.AfterFunc(learnEvery<<min(l.silent, 4), l.learnAgain)
	}
	same := before == nil && l.why == nil || before != nil && l.why != nil && before.Error() == l.why.Error()
	return (!same || children != l.children) && l.ctx.Err() == nil
}

// whoListens is the process that listens, found out with a connection of its own.
func (l *listener) whoListens() (pid int32, err error) {
	conn, err := l.dial(time.Now().Add(learnTimeout))
	if err != nil {
		return 0, err
	}
	defer conn.End()
	return conn.Peer()
}

func (l *listener) learnAgain() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.pool.Config().Asks() && l.why != nil && time.Since(l.asked) >= learnEvery {
		l.learnLocked()
	}
}

// logLearnt logs whether connections are kept, and how many requests FPM can run. The
// pool's mutex is not held: a log may be slow.
func (l *listener) logLearnt(got learnt) {
	c := l.pool.Config()
	level := zerolog.InfoLevel
	if got.why != nil && !errors.Is(got.why, errOnlyUnix) && !errors.Is(got.why, errShared) {
		level = zerolog.WarnLevel // it can be mended
	}
	text := "connections to FPM are kept"
	switch {
	case got.why != nil && c.Reuse:
		text = "connections to FPM are not kept"
	case got.why != nil && !got.answered:
		text = "how many requests FPM can run at once is not known"
	case !c.Reuse:
		got.why, level, text = nil, zerolog.InfoLevel, "FPM has told what it is"
	}
	e := l.pool.log.WithLevel(level).Str("server", string(l.addr)).Err(got.why)
	if got.answered {
		e.Str("php", got.is.Version).Int("workers", got.is.Workers)
	}
	if got.most > 0 {
		e.Int("max_children", got.most)
	}
	e.Msg(text)
}

// mayKeep says why connections to such an FPM are not to be kept.
func (l *listener) mayKeep(is Answer) error {
	switch {
	case !l.addr.IsUnix():
		return errOnlyUnix
	case l.pool.Config().Sharers[l.addr] > 1:
		return errShared
	case is.Workers == 0:
		return errNoCount
	}
	return SmugglingFault(is.Version)
}
