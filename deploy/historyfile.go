package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

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

// rewrite replaces a file. The old one is locked.
func (h *History) rewrite(d *safeDir, name string, events []Event) error {
	var text []byte
	for _, e := range events {
		text = appendEvent(text, e)
	}
	next := "." + name + ".next"
	step("before the new history")
	if err := d.remove(next); err != nil {
		return err
	}
	if err := d.writeNew(next, text, 0o644, true); err != nil {
		return err
	}
	step("before its rename")
	return unix.Renameat(d.fd(), next, d.fd(), name)
}

// prune removes the files of links that are gone, if there are very many. One new
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
