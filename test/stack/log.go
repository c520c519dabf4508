package stack

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// Log is what a child has written to stdout and stderr: kept in memory line by line, so that a test can
// wait for a line, and in a file, so that a person can read it. The file has what those before it have written
// who had its place.
type Log struct {
	Path string

	mu      sync.Mutex
	file    *os.File
	lines   []string
	partial []byte
	changed chan struct{} // closed and replaced when lines arrive
}

func newLog(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &Log{Path: path, file: file, changed: make(chan struct{})}, nil
}

// Write takes the child's output as it comes.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(b); err != nil {
		return 0, err
	}
	l.partial = append(l.partial, b...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			break
		}
		l.lines = append(l.lines, string(line))
		l.partial = rest
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return len(b), nil
}

// Mark is the place where the log stands now: Wait and Lines take it for "after this".
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

// Lines are the complete lines after a mark; after 0, all.
func (l *Log) Lines(after int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines[after:]...)
}

// Tail is the end of the log, for messages of failure.
func (l *Log) Tail(n int) string {
	lines := l.Lines(0)
	if len(lines) == 0 {
		return "(empty)"
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Wait returns the first line after the mark that matches, at once or when it comes.
func (l *Log) Wait(after int, timeout time.Duration, match func(string) bool) (string, error) {
	expired := time.After(timeout)
	for {
		l.mu.Lock()
		fresh, changed := l.lines[after:], l.changed
		l.mu.Unlock()
		for _, line := range fresh {
			if match(line) {
				return line, nil
			}
		}
		after += len(fresh)
		select {
		case <-changed:
		case <-expired:
			return "", fmt.Errorf("no such line within %v; the log (%s) ends with\n%s", timeout, l.Path, l.Tail(30))
		}
	}
}

// Containing matches lines that have the text in them.
func Containing(text string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, text) }
}
