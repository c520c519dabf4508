package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
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
	d, err := openSafeDir(h.dir, true)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, name := range []string{historyDir, h.site} {
		next, err := d.sub(name, true)
		if err != nil {
			return err
		}
		if next.made {
			giveToOwnerOf(next.file, d)
		}
		defer next.Close()
		d = next
	}
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

const closedFile = "closed.json"

// Closed are the site's releases that no request may enter, as PutClosed has written
// them, for a process that begins.
func (h *History) Closed() (releases []string, err error) {
	d, err := h.open()
	if d == nil || err != nil {
		return nil, err
	}
	defer d.Close()
	text, _, err := d.read(closedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &releases)
	}
	if err != nil {
		return nil, fmt.Errorf("read which releases are closed: %w", err)
	}
	return releases, nil
}

// PutClosed writes them.
func (h *History) PutClosed(releases []string) error {
	d, err := openSafeDir(h.dir, true, historyDir, h.site)
	if err != nil {
		return fmt.Errorf("write which releases are closed: %w", err)
	}
	defer d.Close()
	text, err := json.Marshal(releases)
	if err == nil {
		err = d.write(closedFile, text)
	}
	if err != nil {
		return fmt.Errorf("write which releases are closed: %w", err)
	}
	return nil
}

// open gives nil where there is no history yet.
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

func eventsIn(d *safeDir, name string) ([]Event, error) {
	text, _, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	events, _ := parseEvents(text)
	return events, nil
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

// lock opens a file and has it alone. While it waited, another process may have
// put a new file in its place.
func (h *History) lock(d *safeDir, name string) (*os.File, error) {
	for ends := time.Now().Add(lockPatience); ; {
		file, err := d.openOrMake(name, os.O_RDWR|os.O_APPEND)
		if err != nil {
			return nil, err
		}
		if err := flockUntil(file, ends); err != nil {
			file.Close()
			return nil, err
		}
		var ours, there unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &ours); err != nil {
			file.Close()
			return nil, err
		}
		if unix.Fstatat(d.fd(), name, &there, unix.AT_SYMLINK_NOFOLLOW) == nil && ours.Dev == there.Dev && ours.Ino == there.Ino {
			return file, nil
		}
		file.Close()
	}
}

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

// rewrite replaces a file. The old one is locked.
func (h *History) rewrite(d *safeDir, name string, events []Event) error {
	var text []byte
	for _, e := range events {
		text = appendEvent(text, e)
	}
	next := "." + name + ".next"
	step("before the new history")
	if err := unix.Unlinkat(d.fd(), next, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unlink", Path: next, Err: err}
	}
	file, err := d.open(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	giveToOwnerOf(file, d)
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	step("before its rename")
	return unix.Renameat(d.fd(), next, d.fd(), name)
}

// prune removes the files of links that are gone, where there are very many. One new
// file in 256 looks.
func (h *History) prune(d *safeDir, name string) {
	if !strings.HasSuffix(name, "00.jsonl") {
		return
	}
	names, err := d.names(".jsonl")
	if err != nil || len(names) < manyLinks {
		return
	}
	for _, name := range names {
		events, err := eventsIn(d, name)
		if err != nil || len(events) == 0 {
			continue
		}
		if _, err := os.Lstat(events[0].Link); errors.Is(err, fs.ErrNotExist) {
			d.remove(name)
		}
	}
}

// giveToOwnerOf gives what root has made to the owner of its directory, who could
// not write to it otherwise.
func giveToOwnerOf(file *os.File, dir *safeDir) {
	var own, st unix.Stat_t
	if os.Geteuid() == 0 && unix.Fstat(dir.fd(), &st) == nil && unix.Fstat(int(file.Fd()), &own) == nil && own.Uid == 0 {
		unix.Fchown(int(file.Fd()), int(st.Uid), int(st.Gid)) // root's where that is refused
	}
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

// A WayBack is where a rollback goes.
type WayBack struct {
	Event
	// Again is set where the release that is live is one that a rollback went to, so
	// that this one goes further back.
	Again bool
	// Passed are those between that cannot be gone back to, each with why.
	Passed []string
}

// Previous is where a rollback of link goes from the release live: to the one that
// was live before it. After a rollback from 43 to 42 that is 41, and not 43. usable
// says why a release cannot be gone back to, "" where it can; one that is gone is
// passed over. It is false where the history has none.
func Previous(events []Event, link, live string, usable func(Event) string) (back WayBack, ok bool) {
	var line []Event // of the releases that led to the present one
	for _, e := range events {
		if e.Link != link {
			continue
		}
		at := slices.IndexFunc(line, func(before Event) bool { return before.Release == e.Release })
		back.Again = e.By == "rollback" && e.Release == live
		switch {
		case at >= 0 && e.By == "rollback":
			line = line[:at+1]
			continue
		case at >= 0: // it is the newest again, with what it holds now
			line = slices.Delete(line, at, at+1)
		}
		line = append(line, e)
	}
	if at := slices.IndexFunc(line, func(e Event) bool { return e.Release == live }); at >= 0 {
		line = line[:at]
	}
	for _, e := range slices.Backward(line) {
		if why := usable(e); why != "" {
			back.Passed = append(back.Passed, fmt.Sprintf("%s: %s", filepath.Base(e.Release), why))
			continue
		}
		back.Event = e
		return back, true
	}
	return back, false
}
