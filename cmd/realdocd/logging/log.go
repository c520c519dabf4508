package logging

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"realdocd/gateway/spare"
)

const (
	flushEvery = 200 * time.Millisecond
	// flushAt is how much waits in memory, in bytes, before it is written without
	// waiting for flushEvery. A write costs what some fifty requests do: a spare
	// processor is lent for it, and Go's monitor thread wakes up and stays awake. So the
	// lines of 200 ms go out in one write, up to some 8,000 requests a second.
	flushAt = 512 << 10
	// maxWaiting is how much may wait while the output takes nothing. Lines beyond it
	// are lost: a request that waited for a disk would be worse.
	maxWaiting = 4 << 20
)

// errSlow is why lines are lost while the output is slow, or hangs.
var errSlow = errors.New("the output takes lines too slowly: see what its disk does")

// A Log takes whole lines and writes many at once, by a goroutine of its own: nobody who
// logs waits for the output. A line that is a warning or worse, or has no level, is
// written at once, and so is all that came before it. A write does not fail: the output
// itself tells of lines that it has not taken. For several goroutines.
type Log struct {
	settings Settings
	stderr   io.Writer
	// wantColours has standard error in colours; colours is what the output of
	// the moment gets.
	wantColours bool
	colours     atomic.Bool

	// outMu is held while out is written, so that lines stay in their order, and that
	// may take for ever. It guards out and written, and is taken before mu.
	outMu   patientMutex
	out     *Output
	written []byte // the buffer that was written last

	mu       sync.Mutex // guards the following; is not held while out is written
	buf      []byte
	lost     int    // lines for which buf had no room
	name     string // of the output that buf is for
	priority bool   // each line begins with one, for the journal

	hurry         chan struct{} // something is to be written at once
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
	l.hurry, l.stop, l.stopped = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go l.writeNowAndThen()
}

// Write takes a line without a level.
func (l *Log) Write(line []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel takes a line. It keeps nothing of the slice.
func (l *Log) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	l.mu.Lock()
	if len(l.buf)+len(line) > maxWaiting {
		l.lost++
		l.mu.Unlock()
		return len(line), nil
	}
	if cap(l.buf)-len(l.buf) < len(line)+maxPriority {
		// Twice as large: append would go up in steps of a quarter, and leave each behind.
		l.buf = slices.Grow(l.buf, max(len(l.buf), len(line)+maxPriority))
	}
	if l.priority {
		l.buf = append(l.buf, priorityOf(level)...)
	}
	l.buf = append(l.buf, line...)
	full := len(l.buf) >= flushAt
	l.mu.Unlock()
	if full || level >= zerolog.WarnLevel {
		l.hasten()
	}
	return len(line), nil
}

// hasten has what waits written now: by the log's goroutine, or by this one after Close.
func (l *Log) hasten() {
	select {
	case <-l.stopped:
		l.flush()
		return
	default:
	}
	select {
	case l.hurry <- struct{}{}:
	default: // it is going to be
	}
}

// Close writes the lines that wait. Lines that come later are written by the next one
// that is a warning, or not at all. If the output takes nothing, Close gives up after
// outPatience, so that the daemon can end: the lines that wait are lost.
func (l *Log) Close() {
	close(l.stop)
	select {
	case <-l.stopped:
		l.flush()
	case <-time.After(outPatience):
	}
}

// flush writes the lines that wait, unless another write hangs.
func (l *Log) flush() {
	if l.outMu.lock(outPatience) {
		defer l.outMu.unlock()
		l.writeLocked(l.out)
	}
}

// writeLocked writes the lines that wait. Lines that come from now on are for next. outMu
// is held.
func (l *Log) writeLocked(next *Output) {
	lines, lost := l.takeLocked(next)
	if len(lines) > 0 || l.out.owes() {
		spare.During(func() { l.out.write(lines) })
	}
	if lost > 0 {
		l.out.lose(lost, errSlow)
	}
}

// takeLocked gives the lines that wait, and how many are lost behind them. outMu is held,
// and must be held until the lines are written.
func (l *Log) takeLocked(next *Output) (lines []byte, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, lost = l.buf, l.lost
	l.buf, l.written, l.lost = l.written[:0], lines, 0
	if cap(l.written) > 2*flushAt {
		l.written = nil
	}
	l.name, l.priority = next.name, next.journal
	return lines, lost
}

// writeNowAndThen ends with Close.
func (l *Log) writeNowAndThen() {
	defer close(l.stopped)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.hurry:
		case <-l.stop:
			return
		}
		l.flush()
	}
}
