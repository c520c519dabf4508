package logging

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

const (
	flushEvery = 200 * time.Millisecond
	// maxWaiting is how much may wait in memory. Whoever logs more than that
	// waits for the output: a log that is stuck costs time, not lines.
	maxWaiting = 64 << 10
)

// A Log takes whole lines and writes many at once. A line that is a warning or worse,
// or has no level, is written before the call returns, and so is all that came before
// it. A write does not fail: the output itself tells of lines that it has not taken.
// For several goroutines.
type Log struct {
	settings Settings
	stderr   io.Writer
	// wantColours has standard error in colours; colours is what the output of
	// the moment gets.
	wantColours bool
	colours     atomic.Bool

	// outMu is held while out is written, so that lines stay in their order. It
	// guards out and spare, and is taken before mu.
	outMu sync.Mutex
	out   *Output
	spare []byte // the buffer that was written last

	mu       sync.Mutex // guards the following; is not held while out is written
	buf      []byte
	name     string // of the output that buf is for
	priority bool   // each line begins with one, for the journal

	stop, stopped chan struct{}
}

// Open opens the log where the settings say, and sets the level. wantColours says
// that stderr takes colours. Close closes the log, and only then does its goroutine
// end.
func Open(s Settings, stderr io.Writer, wantColours bool) (*Log, error) {
	l := &Log{settings: s, stderr: stderr, wantColours: wantColours}
	out, err := l.open(s.Output)
	if err != nil {
		return nil, err
	}
	SetLevel(s.Level)
	l.start(out)
	return l, nil
}

func (l *Log) start(out *Output) {
	l.out, l.name, l.priority = out, out.name, out.journal
	l.colours.Store(out.colours)
	l.stop, l.stopped = make(chan struct{}), make(chan struct{})
	go l.flushNowAndThen()
}

// Write takes a line without a level.
func (l *Log) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel takes a line. It keeps nothing of the slice.
func (l *Log) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	if l.priority {
		l.buf = append(l.buf, priorityOf(level)...)
	}
	l.buf = append(l.buf, line...)
	full := len(l.buf) >= maxWaiting
	l.mu.Unlock()
	if full || level >= zerolog.WarnLevel {
		l.flush()
	}
	return len(line), nil
}

// Close writes the lines that wait. Lines that come later are written by the next one
// that is a warning, or not at all.
func (l *Log) Close() {
	close(l.stop)
	<-l.stopped
	l.flush()
}

func (l *Log) flush() {
	l.outMu.Lock()
	defer l.outMu.Unlock()
	l.out.write(l.waitingLocked(l.out))
}

// waitingLocked gives the lines that wait. Lines that come from now on are for next.
// outMu is held, and must be held until the lines are written.
func (l *Log) waitingLocked(next *Output) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.buf
	l.buf, l.spare = l.spare[:0], lines
	l.name, l.priority = next.name, next.journal
	return lines
}

// flushNowAndThen ends with Close.
func (l *Log) flushNowAndThen() {
	defer close(l.stopped)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.flush()
		case <-l.stop:
			return
		}
	}
}
