package main

import (
	"bytes"
	"io"
)

// logLines writes whole lines to what may not take them, such as a file on a
// full disk. Lines that cannot be written are dropped and counted; of one whose
// beginning is written the rest is kept, so that none is torn. When lines can be
// written again, the first says how many were lost. Not for several goroutines.
type logLines struct {
	to   io.Writer
	lost int    // lines, not told yet
	torn []byte // the rest of a line whose beginning is written

	cause   error // of the last failure
	tell    func(lost int, cause error) (line []byte)
	failing func(cause error) // is called at each failure; may be nil
}

var newline = []byte("\n")

// write writes lines; with none it only catches up.
func (l *logLines) write(lines []byte) {
	if !l.catchUp() {
		l.lost += bytes.Count(lines, newline)
		return
	}
	lines = l.put(lines)
	l.lost += bytes.Count(lines, newline)
}

// catchUp writes what is left of an earlier failure, and says whether all of it
// is written.
func (l *logLines) catchUp() bool {
	if l.finish(); len(l.torn) > 0 {
		return false
	}
	if l.lost == 0 {
		return true
	}
	line := l.tell(l.lost, l.cause)
	unwritten := l.put(line)
	if len(unwritten) == 0 { // a part of it is: the rest is torn
		l.lost = 0
	}
	return len(unwritten) == 0 && len(l.torn) == 0
}

// finish tries to write the rest of a torn line.
func (l *logLines) finish() {
	if len(l.torn) == 0 {
		return
	}
	n, err := l.to.Write(l.torn)
	if l.torn = l.torn[n:]; err != nil {
		l.fail(err)
	}
}

// put writes what it can of lines. What it returns is whole lines of which
// nothing is written.
func (l *logLines) put(lines []byte) (unwritten []byte) {
	if len(lines) == 0 {
		return nil
	}
	n, err := l.to.Write(lines)
	if err == nil {
		return nil
	}
	l.fail(err)
	unwritten = lines[n:]
	if n > 0 && lines[n-1] != '\n' {
		end := bytes.IndexByte(unwritten, '\n') + 1
		l.torn = bytes.Clone(unwritten[:end])
		unwritten = unwritten[end:]
	}
	return unwritten
}

func (l *logLines) fail(err error) {
	l.cause = err
	if l.failing != nil {
		l.failing(err)
	}
}

// inherit has l tell what the lines before it have lost. What they have torn
// will not be whole any more.
func (l *logLines) inherit(before *logLines) {
	l.lost, l.cause = before.lost, before.cause
	if len(before.torn) > 0 {
		l.lost++
	}
}
