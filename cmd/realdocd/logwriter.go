package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	logFlushEvery = 200 * time.Millisecond
	// logBuffer is how much may wait in memory. Whoever writes more than that
	// waits for the output: a log that is stuck costs time, not lines.
	logBuffer = 64 << 10
)

// logWriter gathers whole log events and writes many at once: a system call
// for each request's event would cost more than the event. What is a warning
// or worse, or has no level, is written before the write returns, and all that
// came before it too. That the output does not take them is the output's to
// tell, so a write here does not fail.
type logWriter struct {
	// outMu is held while out is written, so that the order stays; mu is not,
	// so that an event can be added meanwhile. outMu is taken first.
	outMu sync.Mutex
	out   *logOutput
	spare []byte // the buffer that was written last

	mu       sync.Mutex
	buf      []byte
	priority bool // each line begins with one, for the journal

	colours atomic.Bool // out is a terminal that takes them

	stop, stopped chan struct{}
}

func newLogWriter(out *logOutput) *logWriter {
	w := &logWriter{out: out, priority: out.journal, stop: make(chan struct{}), stopped: make(chan struct{})}
	w.colours.Store(out.colours)
	go w.flushNowAndThen()
	return w
}

func (w *logWriter) Write(event []byte) (int, error) {
	return w.WriteLevel(zerolog.NoLevel, event)
}

func (w *logWriter) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	w.mu.Lock()
	if w.priority {
		w.buf = append(w.buf, priorityOf(level)...)
	}
	w.buf = append(w.buf, event...)
	full := len(w.buf) >= logBuffer
	w.mu.Unlock()
	if full || level >= zerolog.WarnLevel {
		w.flush()
	}
	return len(event), nil
}

// Close writes what waits. Events that come later are written by the next one
// that is a warning, or not at all.
func (w *logWriter) Close() {
	close(w.stop)
	<-w.stopped
	w.flush()
}

func (w *logWriter) flush() {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.out.write(w.take(w.out))
}

// take gives the events that wait. Those that come from now on are for next.
// outMu is held, and they are written before it is given back.
func (w *logWriter) take(next *logOutput) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.buf
	w.buf, w.spare = w.spare[:0], events
	w.priority = next.journal
	return events
}

// switchTo has the log go on in next. Events that came before are written to the
// output before, which is then closed.
func (w *logWriter) switchTo(next *logOutput) {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.switchLocked(next)
}

func (w *logWriter) switchLocked(next *logOutput) {
	w.out.write(w.take(next))
	next.inherit(&w.out.logLines)
	w.out.close()
	w.out = next
	w.colours.Store(next.colours)
}

// reopen opens the log file by its path again, which logrotate has moved away,
// and goes on there. Where that fails the file that is open stays in use. The
// path is "" where the log goes to no file.
func (w *logWriter) reopen() (path string, err error) {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	if path = w.out.path; path == "" {
		return "", nil
	}
	next, err := w.out.again()
	if err != nil {
		return path, err
	}
	w.switchLocked(next)
	return path, nil
}

// flushNowAndThen ends with Close.
func (w *logWriter) flushNowAndThen() {
	defer close(w.stopped)
	tick := time.NewTicker(logFlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.flush()
		case <-w.stop:
			return
		}
	}
}
