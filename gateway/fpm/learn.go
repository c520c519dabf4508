package fpm

import (
	"context"
	"time"

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
	asking bool      // an answer is awaited
	again  bool      // and will be out of date
}

// meet looks whose listener a new connection has reached. One that another
// process listens on may be another version of FPM.
func (l *listener) meet(conn *sock.Conn) {
	p := l.pool
	if !l.addr.IsUnix() || !p.Config().Reuse {
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

// learnLocked asks FPM what it is, in a goroutine of its own.
func (l *listener) learnLocked() {
	switch {
	case !l.addr.IsUnix():
		l.mayNotKeepLocked(errOnlyUnix)
	case l.asking:
		l.again = true
	case l.ctx.Err() == nil:
		l.asking, l.asked = true, time.Now()
		go l.learn()
	}
}

// learn takes what FPM says of itself, and asks again in a while if that is not a
// reason to keep connections.
func (l *listener) learn() {
	ctx, cancel := context.WithTimeout(l.ctx, learnTimeout)
	defer cancel()
	p := l.pool
	p.mu.Lock()
	probe := p.probe
	p.mu.Unlock()
	// Who listens is found out before the question: if another process takes over
	// meanwhile, the first request to meet that one has it asked.
	master, err := l.whoListens()
	var is Answer
	if err == nil {
		is, err = p.Config().askBy(p.AskFPM, ctx, l.addr, probe, Question{Workers: true})
	}
	if err == nil {
		err = mayKeep(is)
	}
	if changed := l.learnt(master, is, err); changed {
		l.logLearnt(is, err)
	}
}

// learnt notes what FPM says of itself, or why it does not. changed is whether that
// changes why connections are kept or not.
func (l *listener) learnt(master int32, is Answer, err error) (changed bool) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	l.asking = false
	if l.master == 0 {
		l.master = master
	}
	if l.again {
		l.again = false
		l.learnLocked()
		return false
	}
	before := l.why
	l.version, l.workers, l.why = is.Version, is.Workers, err
	l.keeps.Store(err == nil)
	if err != nil && l.ctx.Err() == nil {
		time.AfterFunc(learnEvery, l.learnAgain)
	}
	same := before == nil && err == nil || before != nil && err != nil && before.Error() == err.Error()
	return !same && l.ctx.Err() == nil
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
	if l.pool.Config().Reuse && l.why != nil && time.Since(l.asked) >= learnEvery {
		l.learnLocked()
	}
}

// logLearnt logs whether connections are kept. The pool's mutex is not held: a log may be
// slow.
func (l *listener) logLearnt(is Answer, why error) {
	if why != nil {
		l.pool.log.Warn().Str("server", string(l.addr)).Err(why).Msg("connections to FPM are not kept")
		return
	}
	l.pool.log.Info().Str("server", string(l.addr)).Str("php", is.Version).Int("workers", is.Workers).
		Msg("connections to FPM are kept")
}

// mayKeep says why connections to such an FPM are not to be kept.
func mayKeep(is Answer) error {
	if is.Workers == 0 {
		return errNoCount
	}
	return SmugglingFault(is.Version)
}
