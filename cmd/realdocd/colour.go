package main

import (
	"io"
	"os"
	"regexp"
	"strings"
)

// What needs somebody is red if visitors get errors, and yellow if somebody has done that
// or should look.
const (
	red     = "\x1b[31m"
	yellow  = "\x1b[33m"
	plainly = "\x1b[0m"
)

// stateCell is a state in capitals that is a cell of its own: nothing that a visitor could
// have written.
var stateCell = regexp.MustCompile(`(^|  )((?:[0-9]+ )?DOWN|LOST|GONE|FULL|PAUSED|STALE|LINK|HELD|CLOSED|SOCKET|ABSENT|BEHIND|IN DOUBT|STRAYED|UNKNOWN|NOT READY|NO SUCH SITE)(  |$)`)

var redStates = []string{"DOWN", "LOST", "GONE", "FULL", "BEHIND", "UNKNOWN"}

// coloured is a line with its states in colour.
func coloured(line string) string {
	return stateCell.ReplaceAllStringFunc(line, func(cell string) string {
		word := strings.TrimSpace(cell)
		colour := yellow
		for _, state := range redStates {
			if strings.HasSuffix(word, state) {
				colour = red
			}
		}
		return strings.Replace(cell, word, colour+word+plainly, 1)
	})
}

// wantsColour says whether what is written to w is looked at in colour: not if it is no
// terminal, nor if somebody has set NO_COLOR (no-color.org).
func wantsColour(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// inColour is a text of lines with their states in colour.
func inColour(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		out.WriteString(coloured(body))
		out.WriteString(line[len(body):])
	}
	return out.String()
}
