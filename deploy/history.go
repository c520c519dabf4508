package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
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
	keepEvents   = 200 // of a link, when its file is written anew
	tooManyLines = 400 // when that happens
	// manyLinks is how many files a site's history has before those of links that
	// are gone are looked for.
	manyLinks = 20_000
)

// A History is a site's events, with a file for each link and a line of JSON for
// each event, so that the flips of one docroot push out none of another's. Several
// processes may add to it.
type History struct {
	dir, site string
	before    string // the one file that there was for all links
}

const historyDir = "history"

// NewHistory names the history of a site in dir, which is made when it is needed.
func NewHistory(dir, site string) *History {
	name := url.PathEscape(site)
	if strings.Trim(name, ".") == "" {
		name = strings.ReplaceAll(name, ".", "%2E")
	}
	return &History{dir, name, name + ".jsonl"}
}

func linkFile(link string) string { return recordFile(link) + ".jsonl" }

// Add appends an event, unless the newest of its link names the same release.
// What a crash or a full disk has left of a line is ended first.
func (h *History) Add(e Event) error {
	if err := h.add(e); err != nil {
		return fmt.Errorf("write the history in %s: %w", h.dir, err)
	}
	return nil
}

func (h *History) add(e Event) error {
	d, err := h.make()
	if err != nil {
		return err
	}
	defer d.Close()
	file, err := h.lock(d, linkFile(e.Link))
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := readBounded(file)
	if err != nil {
		return err
	}
	begun := len(text) == 0
	if begun {
		text = h.earlier(e.Link)
	}
	events, lines := parseEvents(text)
	switch newest, ok := newestOf(events, e.Link); {
	case begun && len(text) > 0, lines >= tooManyLines:
		if !ok || newest.Release != e.Release {
			events = append(events, e)
		}
		return h.rewrite(d, linkFile(e.Link), events[max(0, len(events)-keepEvents-1):])
	case ok && newest.Release == e.Release:
		return nil
	case begun:
		h.prune(d, linkFile(e.Link))
	}
	var line []byte
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = append(line, '\n')
	}
	_, err = file.Write(appendEvent(line, e))
	return err
}

// Events are those of all links that are kept, the newest last. Lines that are none
// are passed over.
func (h *History) Events() ([]Event, error) {
	d, err := h.open()
	if err != nil {
		return nil, err
	}
	var all []Event
	has := map[string]bool{}
	if d != nil {
		defer d.Close()
		names, err := d.names(".jsonl")
		if err != nil {
			return nil, fmt.Errorf("read the history: %w", err)
		}
		for _, name := range names {
			events, err := eventsIn(d, name)
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				has[e.Link] = true
			}
			all = append(all, events...)
		}
	}
	for _, e := range h.earlierEvents() {
		if !has[e.Link] {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// Of are the events of one link, the newest last.
func (h *History) Of(link string) ([]Event, error) {
	d, err := h.open()
	if err != nil {
		return nil, err
	}
	if d != nil {
		defer d.Close()
		events, err := eventsIn(d, linkFile(link))
		if err != nil || len(events) > 0 {
			return events, err
		}
	}
	events, _ := parseEvents(h.earlier(link))
	return events, nil
}

// make opens the directory of the history, or makes it for the owner of the one above.
func (h *History) make() (*safeDir, error) {
	d, err := openSafeDir(h.dir, true)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{historyDir, h.site} {
		next, err := d.sub(name, true)
		if err == nil && next.made {
			giveToOwnerOf(next.file, d)
		}
		d.Close()
		if err != nil {
			return nil, err
		}
		d = next
	}
	return d, nil
}

// open gives nil if there is no history yet.
func (h *History) open() (*safeDir, error) {
	d, err := openSafeDir(h.dir, false, historyDir, h.site)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return d, nil
}

// earlier is what the one file of all links has of a link.
func (h *History) earlier(link string) (text []byte) {
	for _, e := range h.earlierEvents() {
		if e.Link == link {
			text = appendEvent(text, e)
		}
	}
	return text
}

func (h *History) earlierEvents() []Event {
	d, err := openSafeDir(h.dir, false)
	if err != nil {
		return nil
	}
	defer d.Close()
	events, _ := eventsIn(d, h.before)
	return events
}

// lockPatience is how long a history waits for whoever else writes to it. Nobody holds
// it for longer than a write takes.
const lockPatience = 5 * time.Second

// flockUntil locks a file, unless another process has it for too long.
func flockUntil(file *os.File, ends time.Time) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return &os.PathError{Op: "flock", Path: file.Name(), Err: err}
		case time.Now().After(ends):
			return fmt.Errorf("another process has %s locked for %v: see which, with fuser", file.Name(), lockPatience)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
