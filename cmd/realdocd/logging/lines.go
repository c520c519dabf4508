package logging

import (
	"bytes"
	"io"
)

// A lineWriter writes whole lines to something that may not take them, such as a file
// on a full disk. It drops and counts lines that it cannot write. If it has written the
// beginning of a line, it keeps the rest, so that no line is torn. When it can write
// again, its first line says how many were lost. Not for several goroutines.
type lineWriter struct {
	to   io.Writer
	lost int    // lines that nobody was told of yet
	torn []byte // the rest of a line whose beginning is written

	cause   error // of the last failure
	tell    func(lost int, cause error) (line []byte)
	failing func(cause error) // is called at each failure; may be nil
}

var newline = []byte("\n")

// write writes lines. Without any it only catches up.
func (l *lineWriter) write(lines []byte) {
	if !l.catchUp() {
		l.lost += bytes.Count(lines, newline)
		return
	}
	lines = l.put(lines)
	l.lost += bytes.Count(lines, newline)
}

// owes says whether something of an earlier failure is to be written.
func (l *lineWriter) owes() bool { return l.lost > 0 || len(l.torn) > 0 }

// lose counts lines that were not given to write.
func (l *lineWriter) lose(lines int, cause error) {
	l.lost += lines
	l.fail(cause)
}

// catchUp writes what is left of an earlier failure, and says whether all of it
// is written.
func (l *lineWriter) catchUp() bool {
	if l.finish(); len(l.torn) > 0 {
		return false
	}
	if l.lost == 0 {
		return true
	}
	line := l.tell(l.lost, l.cause)
	unwritten := l.put(line)
	if len(unwritten) == 0 { // it is written, or its rest is in torn
		l.lost = 0
	}
	return len(unwritten) == 0 && len(l.torn) == 0
}

// finish tries to write the rest of a torn line.
func (l *lineWriter) finish() {
	if len(l.torn) == 0 {
		return
	}
	n, err := l.to.Write(l.torn)
	if l.torn = l.torn[n:]; err != nil {
		l.fail(err)
	}
}

// put writes what it can of lines. It returns whole lines of which nothing is written.
func (l *lineWriter) put(lines []byte) (unwritten []byte) {
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

func (l *lineWriter) fail(err error) {
	l.cause = err
	if l.failing != nil {
		l.failing(err)
	}
}

// inherit has l tell what the writer before it has lost. A line that was torn there
// will not be whole any more.
func (l *lineWriter) inherit(before *lineWriter) {
	l.lost, l.cause = before.lost, before.cause
	if len(before.torn) > 0 {
		l.lost++
	}
}
