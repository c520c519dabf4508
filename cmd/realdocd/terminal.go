package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal says whether w is a terminal, which somebody reads.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isObeyed says whether w is a terminal that goes back to the beginning of a line and clears it if it is told to.
func isObeyed(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// A progressLine is the last line of a terminal, on which work shows how far it is. One that is nobody's
// shows nothing.
type progressLine struct {
	on    io.Writer // nil if nobody looks
	drawn bool
}

// newProgressLine is that of w, if it is a terminal.
func newProgressLine(w io.Writer) progressLine {
	if !isObeyed(w) {
		return progressLine{}
	}
	return progressLine{on: w}
}

// draw shows a text in place of the one before. What does not fit into the window is cut: a terminal goes back
// to the beginning of its last line only.
func (l *progressLine) draw(text string) {
	if l.on == nil {
		return
	}
	text = plain(text)
	if width, _, err := term.GetSize(int(l.on.(*os.File).Fd())); err == nil && width > 0 {
		text = cut(text, width-1) // some terminals begin a new line after the last column
	}
	fmt.Fprintf(l.on, "\r%s\x1b[K", text)
	l.drawn = true
}

// clear takes the line away, before anything else is written.
func (l *progressLine) clear() {
	if l.drawn {
		fmt.Fprint(l.on, "\r\x1b[K")
		l.drawn = false
	}
}
