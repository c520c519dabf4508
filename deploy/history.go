package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// An Event is a release that went live.
type Event struct {
	Time    time.Time `json:"time"`
	Link    string    `json:"link"`
	Release string    `json:"release"`
	// By is what made it live.
	By string `json:"by"`
}

const (
	keepEvents   = 200 // of a site, when its file is written anew
	tooManyLines = 400 // when that happens
)

// A History is the file of a site's events, a line of JSON each. Several
// processes may add to it.
type History struct{ dir, path string }

// NewHistory names the file of a site in dir, which is made when it is needed.
func NewHistory(dir, site string) *History {
	return &History{dir, filepath.Join(dir, url.PathEscape(site)+".jsonl")}
}

// Add appends an event, unless the newest of its link names the same release.
// What a crash or a full disk has left of a line is ended first.
func (h *History) Add(e Event) error {
	file, err := h.lock()
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	events, lines := parseEvents(text)
	if newest, ok := newestOf(events, e.Link); ok && newest.Release == e.Release {
		return nil
	}
	if lines >= tooManyLines {
		return h.rewrite(append(events[max(0, len(events)-keepEvents):], e))
	}
	var line []byte
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = append(line, '\n')
	}
	if _, err := file.Write(appendEvent(line, e)); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// Events are those that are kept, the newest last. Lines that are none are
// passed over.
func (h *History) Events() ([]Event, error) {
	text, err := os.ReadFile(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	events, _ := parseEvents(text)
	return events, nil
}

// Previous is the event of the release that was live on link before live: where
// a rollback goes. After one from 43 to 42 that is 43.
func Previous(events []Event, link, live string) (Event, bool) {
	of := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Link != link })
	for i := len(of) - 1; i >= 0; i-- {
		if of[i].Release == live {
			of = of[:i]
			break
		}
	}
	for _, e := range slices.Backward(of) {
		if e.Release != live {
			return e, true
		}
	}
	return Event{}, false
}

// lock opens the file and has it alone. While it waited, another process may have
// put a new file in its place.
func (h *History) lock() (*os.File, error) {
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return nil, err
	}
	for {
		file, err := os.OpenFile(h.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		giveToOwner(file, h.dir)
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
			file.Close()
			return nil, &os.PathError{Op: "flock", Path: h.path, Err: err}
		}
		ours, err := file.Stat()
		if err != nil {
			file.Close()
			return nil, err
		}
		if there, err := os.Stat(h.path); err == nil && os.SameFile(ours, there) {
			return file, nil
		}
		file.Close()
	}
}

// rewrite replaces the file. The old one is locked.
func (h *History) rewrite(events []Event) error {
	var text []byte
	for _, e := range events {
		text = appendEvent(text, e)
	}
	next := hidden(h.path, "next")
	step("before the new history")
	if err := h.writeNext(next, text); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	step("before its rename")
	if err := os.Rename(next, h.path); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

func (h *History) writeNext(next string, text []byte) error {
	file, err := os.Create(next)
	if err != nil {
		return err
	}
	giveToOwner(file, h.dir)
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

func appendEvent(dst []byte, e Event) []byte {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and a time
	}
	return append(append(dst, line...), '\n')
}

func parseEvents(text []byte) (events []Event, lines int) {
	for line := range bytes.Lines(text) {
		lines++
		var e Event
		if json.Unmarshal(line, &e) == nil && e.Release != "" {
			events = append(events, e)
		}
	}
	return events, lines
}

func newestOf(events []Event, link string) (Event, bool) {
	for _, e := range slices.Backward(events) {
		if e.Link == link {
			return e, true
		}
	}
	return Event{}, false
}
