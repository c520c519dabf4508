package logging

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// disk has room for so many bytes.
type disk struct {
	room    int
	written []byte
}

var errNoSpace = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.written = append(d.written, p[:n]...)
	if n < len(p) {
		return n, errNoSpace
	}
	return n, nil
}

func linesTo(d *disk) *lineWriter {
	return &lineWriter{to: d, tell: func(lost int, cause error) []byte { return fmt.Appendf(nil, "lost %d: %v\n", lost, cause) }}
}

func TestLineWriter_CountsWhatAFullDiskDoesNotTakeAndSaysSoWhenItDoesAgain(t *testing.T) {
	const lost = ": no space left on device\n"
	for _, row := range []struct {
		name  string
		room  int // at first
		want  string
		calls int // of failing
	}{
		{"no room", 0, "lost 5" + lost + "six\n", 3},
		{"room for lines", 8, "one\ntwo\nlost 3" + lost + "six\n", 3},
		{"room for a part of a line", 6, "one\ntwo\nlost 3" + lost + "six\n", 3},
		{"room for all but a newline", 7, "one\ntwo\nlost 3" + lost + "six\n", 3},
		{"room for all", 100, "one\ntwo\nthree\nfour\nfive\nsix\n", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, calls := &disk{room: row.room}, 0
			l := linesTo(d)
			l.failing = func(cause error) {
				if calls++; cause != errNoSpace {
					t.Errorf("it failed with %v", cause)
				}
			}
			l.write([]byte("one\ntwo\nthree\n"))
			l.write([]byte("four\n"))
			l.write([]byte("five\n"))
			d.room += 1000
			l.write([]byte("six\n"))
			if string(d.written) != row.want {
				t.Errorf("written:\n%swant:\n%s", d.written, row.want)
			}
			if calls != row.calls {
				t.Errorf("it failed %d times, want %d", calls, row.calls)
			}
		})
	}
}

func TestLineWriter_TellsOfALossWithoutAnotherLine(t *testing.T) {
	d := &disk{}
	l := linesTo(d)
	l.write([]byte("one\n"))
	l.write(nil)
	d.room = 1000
	l.write(nil)
	l.write(nil)
	if got := string(d.written); got != "lost 1: no space left on device\n" {
		t.Errorf("written: %q", got)
	}
}

// Room comes and goes a byte at a time: whatever is lost, no line is torn, and each is there or counted.
func TestLineWriter_AreWholeOnADiskWithLittleRoom(t *testing.T) {
	for room := range 40 {
		d := &disk{}
		l := linesTo(d)
		const lines = 200
		for i := range lines {
			d.room += room
			l.write(fmt.Appendf(nil, "line %d end\n", i))
		}
		d.room += 1000
		l.write(nil)
		whole, lost := 0, 0
		for line := range strings.Lines(string(d.written)) {
			var n int
			if _, err := fmt.Sscanf(line, "line %d end\n", &n); err == nil {
				whole++
			} else if _, err := fmt.Sscanf(line, "lost %d: no space left on device\n", &n); err == nil {
				lost += n
			} else {
				t.Fatalf("with %d bytes of room a time, torn line %q", room, line)
			}
		}
		if whole+lost != lines {
			t.Errorf("with %d bytes of room a time, %d lines are there and %d lost, want %d", room, whole, lost, lines)
		}
	}
}

func TestLineWriter_TheNextOutputTellsWhatTheOneBeforeLost(t *testing.T) {
	full, empty := &disk{room: 6}, &disk{room: 1000}
	before, after := linesTo(full), linesTo(empty)
	before.write([]byte("one\ntwo\nthree\n"))
	after.inherit(before)
	after.write([]byte("four\n"))
	if got := string(empty.written); got != "lost 2: no space left on device\nfour\n" {
		t.Errorf("written: %q", got)
	}
}
