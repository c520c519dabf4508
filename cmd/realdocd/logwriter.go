package main

import (
	"io"
	"sync"
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
// came before it too.
type logWriter struct {
	out io.Writer

	// outMu is held while out is written, so that the order stays; mu is not,
	// so that an event can be added meanwhile. outMu is taken first.
	outMu sync.Mutex
	spare []byte // the buffer that was written last

	mu  sync.Mutex
	buf []byte

	stop, stopped chan struct{}
}

func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, stop: make(chan struct{}), stopped: make(chan struct{})}
	go w.flushNowAndThen()
	return w
}

func (w *logWriter) Write(event []byte) (int, error) {
	return w.WriteLevel(zerolog.NoLevel, event)
}

func (w *logWriter) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	w.mu.Lock()
	w.buf = append(w.buf, event...)
	full := len(w.buf) >= logBuffer
	w.mu.Unlock()
	if full || level >= zerolog.WarnLevel {
		return len(event), w.flush()
	}
	return len(event), nil
}

// Close writes what waits. Events that come later are written by the next one
// that is a warning, or not at all.
func (w *logWriter) Close() error {
	close(w.stop)
	<-w.stopped
	return w.flush()
}

func (w *logWriter) flush() error {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.mu.Lock()
	events := w.buf
	w.buf = w.spare[:0]
	w.mu.Unlock()
	w.spare = events
	if len(events) == 0 {
		return nil
	}
	_, err := w.out.Write(events)
	return err
}

// flushNowAndThen ends with Close.
func (w *logWriter) flushNowAndThen() {
	defer close(w.stopped)
	tick := time.NewTicker(logFlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.flush() // nobody is left to tell when the log itself fails
		case <-w.stop:
			return
		}
	}
}
