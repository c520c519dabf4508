package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"realdocd/fcgi"
)

// A connection to FPM is kept for further requests only where that is provably
// safe (php-src main/fastcgi.c, sapi/fpm/fpm/fpm_main.c):
//
//   - It is a unix socket. Behind the request lies a marker, one more empty STDIN
//     record, which FPM skips when it is back in its read loop. Once the marker
//     is read, which SIOCOUTQ tells, the worker waits for a request. It is not
//     there after fastcgi_finish_request, while the script runs on, nor when the
//     worker ends (pm.max_requests, a reload). TCP has no way to tell.
//   - The request had no body, and FPM is a version that discards an unread one:
//     others take its rest for the next request.
//   - Nothing has come from FPM behind END_REQUEST.
//   - Fewer are kept than FPM has workers, since each holds one, and idle ones
//     are closed after two times keepFor at the most.
//
// A request is written to a kept connection at most once, and goes to another
// only when the kernel has refused that write.

// keepFor is how often what was not needed is closed. Two times this is less
// than the shortest request_terminate_timeout, which kills a worker whose kept
// connection is idle.
const keepFor = 100 * time.Millisecond

const (
	learnTimeout = 5 * time.Second
	learnEvery   = time.Minute     // FPM's version may change with a reload
	recountEvery = 5 * time.Second // the number of its workers, where more would help
)

var (
	errReuseOff  = errors.New("off")
	errLearning  = errors.New("FPM has not told its version yet")
	errOnlyUnix  = errors.New("only connections over unix sockets can be kept")
	errOneWorker = errors.New("FPM has one worker, which a kept connection would hold")
	errNoCount   = errors.New("how many workers FPM has cannot be told")
)

// keeping is what a server needs to keep connections. It is guarded by the
// pool's mutex.
type keeping struct {
	kept    []*sock // idle, the oldest first
	low     int     // the fewest of them since the last reap
	reaping bool    // a reap is to come

	keeps  atomic.Bool // why is nil
	why    error       // why none are kept
	facts  fpmFacts    // of the FPM that listens
	master int32       // its process id when it began to listen
	asked  time.Time   // when facts were asked for
	asking bool        // an answer is awaited
	again  bool        // and will be out of date
}

// reuse says whether connections are kept, for people.
func (s *server) reuse(c *PoolConfig) string {
	switch {
	case !c.Reuse:
		return errReuseOff.Error()
	case s.why != nil:
		return s.why.Error()
	case s.facts.Workers == 1:
		return errOneWorker.Error()
	}
	return "on"
}

// takeKept takes the connection that has been idle for longest, since its
// worker is the most likely to be ready; nil when there is none.
func (s *server) takeKept() *sock {
	if len(s.kept) == 0 {
		return nil
	}
	fpm := s.kept[0]
	s.kept = append(s.kept[:0], s.kept[1:]...)
	s.low = min(s.low, len(s.kept))
	return fpm
}

func (s *server) takeAllKept() []*sock {
	all := s.kept
	s.kept, s.low = nil, 0
	return all
}

// keep takes a connection to keep, if there is room for it.
func (s *server) keep(fpm *sock) bool {
	if s.gone || s.pool.paused || s.pool.lease != nil || !s.pool.cfg().Reuse || s.why != nil {
		return false
	}
	if len(s.kept)+1 >= s.facts.Workers || s.busy()+len(s.kept) >= s.facts.Workers {
		if time.Since(s.asked) > recountEvery {
			s.learn() // pm = dynamic and ondemand may have added workers
		}
		return false
	}
	s.kept = append(s.kept, fpm)
	if !s.reaping {
		s.reaping = true
		time.AfterFunc(s.pool.keepFor, s.reap)
	}
	return true
}

// reap closes as many connections as were idle all the time since the last
// reap, the oldest, and asks FPM again for its facts when they are old.
func (s *server) reap() {
	p := s.pool
	p.mu.Lock()
	idle := append([]*sock(nil), s.kept[:s.low]...)
	s.kept = append(s.kept[:0], s.kept[s.low:]...)
	s.low = len(s.kept)
	if s.reaping = len(s.kept) > 0; s.reaping {
		time.AfterFunc(s.pool.keepFor, s.reap)
	}
	if time.Since(s.asked) > learnEvery {
		s.learn()
	}
	p.mu.Unlock()
	closeAll(idle)
}

// maxCandidates is how many kept connections a request looks at.
const maxCandidates = 4

// readyOne gives the first kept connection, from fpm on, whose worker waits for
// a request; nil when there is none.
func (s *server) readyOne(fpm *sock) *sock {
	for i := 1; fpm != nil; i++ {
		ready, alive := fpm.ready()
		if ready {
			return fpm
		}
		fpm = s.instead(fpm, alive, i < maxCandidates)
	}
	return nil
}

// instead gives another connection for one that is not ready. A busy one goes to
// the end of the line; one that FPM has closed, as a reload does, is closed.
func (s *server) instead(fpm *sock, alive, more bool) (other *sock) {
	p := s.pool
	p.mu.Lock()
	if more {
		other = s.takeKept()
	}
	kept := alive && s.keep(fpm)
	if !alive && time.Since(s.asked) > time.Second {
		s.learn()
	}
	p.mu.Unlock()
	if !kept {
		fpm.close()
	}
	return other
}

// makeRoom closes the oldest kept connection where a new one would be more than
// FPM has workers for.
func (s *server) makeRoom() {
	p := s.pool
	if !p.cfg().Reuse {
		return
	}
	var idle *sock
	p.mu.Lock()
	if s.busy()+len(s.kept) > s.facts.Workers {
		idle = s.takeKept()
	}
	p.mu.Unlock()
	if idle != nil {
		idle.close()
	}
}

// appendMarker appends what FPM skips when it reads for the next request.
func appendMarker(dst []byte, id uint16) []byte { return fcgi.AppendHeader(dst, fcgi.Stdin, id, 0) }

// ready says whether FPM's worker waits for a request: it has read the marker,
// and nothing has come from it. One that is alive may yet become ready.
func (s *sock) ready() (ready, alive bool) {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, s.fd, unix.SIOCOUTQ, uintptr(unsafe.Pointer(&s.unread)))
	if errno != 0 || s.unread > 0 {
		return false, errno == 0
	}
	_, _, errno = unix.RawSyscall6(unix.SYS_RECVFROM, s.fd, uintptr(unsafe.Pointer(&s.peeked)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno == unix.EAGAIN, errno == unix.EAGAIN
}

// meet looks whose listener a new connection has reached. One that another
// process listens on may be another version of FPM.
func (s *server) meet(fpm *sock) {
	p := s.pool
	if s.unix == nil || !p.cfg().Reuse {
		return
	}
	master, err := fpm.peer()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		s.mayNotKeep(err)
	case master != s.master:
		s.master = master
		s.mayNotKeep(errLearning)
		s.learn()
	}
}

// peer is the process that began to listen where the connection has arrived.
func (s *sock) peer() (pid int32, err error) {
	cred, err := unix.GetsockoptUcred(int(s.fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, fmt.Errorf("whose listener it is cannot be told: %w", err)
	}
	return cred.Pid, nil
}

func (s *server) mayNotKeep(why error) {
	s.why = why
	s.keeps.Store(false)
}

// learn asks FPM for its facts. The pool's mutex is held.
func (s *server) learn() {
	switch {
	case s.unix == nil:
		s.mayNotKeep(errOnlyUnix)
	case s.asking:
		s.again = true
	case s.ctx.Err() == nil:
		s.asking, s.asked = true, time.Now()
		go s.ask()
	}
}

// ask takes what FPM says of itself, and asks again in a while where that is no
// reason to keep connections.
func (s *server) ask() {
	ctx, cancel := context.WithTimeout(s.ctx, learnTimeout)
	defer cancel()
	s.pool.mu.Lock()
	probe := s.pool.probe
	s.pool.mu.Unlock()
	// Whom it asks is found out before: if another takes over meanwhile, the
	// first request to meet that one has it asked.
	master, err := s.whoListens()
	var facts fpmFacts
	if err == nil {
		facts, err = s.pool.askFPM(ctx, s.addr, probe)
	}
	if err == nil {
		err = mayKeep(facts)
	}
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	s.asking = false
	if s.master == 0 {
		s.master = master
	}
	if s.again {
		s.again = false
		s.learn()
		return
	}
	before := s.why
	s.facts, s.why = facts, err
	s.keeps.Store(err == nil)
	if err != nil && s.ctx.Err() == nil {
		time.AfterFunc(learnEvery, s.askAgain)
	}
	s.logLearnt(before)
}

func (s *server) whoListens() (pid int32, err error) {
	fpm, err := s.dial(time.Now().Add(learnTimeout))
	if err != nil {
		return 0, err
	}
	defer fpm.close()
	return fpm.peer()
}

func (s *server) askAgain() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.pool.cfg().Reuse && s.why != nil && time.Since(s.asked) >= learnEvery {
		s.learn()
	}
}

// logLearnt logs whether connections are kept, when that has changed.
func (s *server) logLearnt(before error) {
	switch {
	case s.ctx.Err() != nil || before == nil && s.why == nil || before != nil && s.why != nil && before.Error() == s.why.Error():
	case s.why == nil:
		s.pool.log.Info().Str("server", s.addr).Str("php", s.facts.Version).Int("workers", s.facts.Workers).
			Msg("connections to FPM are kept")
	default:
		s.pool.log.Warn().Str("server", s.addr).Err(s.why).Msg("connections to FPM are not kept")
	}
}

// mayKeep says why connections to such an FPM are not to be kept.
func mayKeep(facts fpmFacts) error {
	switch {
	case facts.Workers == 0:
		return errNoCount
	}
	return hasSmugglingFix(facts.Version)
}

func closeAll(idle []*sock) {
	for _, fpm := range idle {
		fpm.close()
	}
}
