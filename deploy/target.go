package deploy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// IdleSlot is the slot that a deploy may fill: the one after the live release in
// the order of slots, and the first where none of them is live. A slot that is
// not there yet is fine; one that is no directory of its own is refused.
func IdleSlot(slots []string, live string) (string, error) {
	at := slices.IndexFunc(slots, func(s string) bool { return filepath.Clean(s) == filepath.Clean(live) })
	slot := filepath.Clean(slots[(at+1)%len(slots)])
	fi, err := os.Lstat(slot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return slot, nil
	case err != nil:
		return "", fmt.Errorf("use the slot %s: %w", slot, err)
	case !fi.IsDir():
		return "", fmt.Errorf("use the slot %s: it is no directory; remove it, or name another in slots", slot)
	}
	return slot, nil
}

const (
	partialSuffix  = ".partial"  // a release that is not complete
	removingSuffix = ".removing" // one that is being removed
)

// NewRelease gives a new release below dir two paths: the one it is filled
// under, which is made and which nobody takes for a release, and the one that
// Complete gives it. What an interrupted deploy has left is carried on with.
func NewRelease(dir string, now time.Time) (partial, final string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fmt.Errorf("make a release: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"+partialSuffix))
	if err != nil {
		return "", "", fmt.Errorf("make a release below %s: %w", dir, err)
	}
	if len(left) > 0 {
		partial = slices.Max(left)
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(partial), "."), partialSuffix)
		return partial, filepath.Join(dir, name), nil
	}
	base := now.UTC().Format("20060102150405")
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		final = filepath.Join(dir, name)
		if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	partial = hidden(final, strings.TrimPrefix(partialSuffix, "."))
	if err := os.Mkdir(partial, 0o755); err != nil {
		return "", "", fmt.Errorf("make a release: %w", err)
	}
	return partial, final, nil
}

// Complete gives a filled release its name.
func Complete(partial, final string) error {
	step("before the release has its name")
	if err := os.Rename(partial, final); err != nil {
		return fmt.Errorf("complete the release: %w", err)
	}
	step("when the release has its name")
	return syncDir(filepath.Dir(final))
}

// Expired are the complete releases below dir beyond the newest keep, the oldest
// first, but none of those protected, which count as kept. Names of digits, as
// timestamps and Deployer's numbers, are in the order of the numbers.
func Expired(dir string, keep int, protected ...string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for old releases: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, byAge)
	var expired []string
	for _, name := range names[:max(0, len(names)-keep)] {
		path := filepath.Join(dir, name)
		if !slices.ContainsFunc(protected, func(p string) bool { return filepath.Clean(p) == path }) {
			expired = append(expired, path)
		}
	}
	return expired, nil
}

// byAge orders names by the number that they begin with, and then as text.
func byAge(a, b string) int {
	number := func(name string) uint64 {
		digits := len(name) - len(strings.TrimLeft(name, "0123456789"))
		n, _ := strconv.ParseUint(name[:digits], 10, 64)
		return n
	}
	return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// RemoveRelease removes a release, and what earlier removals beside it have left.
// First it loses its name, so that nobody takes half of it for a release.
func RemoveRelease(dir string) error {
	dir = filepath.Clean(dir)
	gone := hidden(dir, strings.TrimPrefix(removingSuffix, "."))
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("remove release %s: %w", dir, err)
	}
	step("before the release loses its name")
	if err := os.Rename(dir, gone); err != nil {
		return fmt.Errorf("remove release: %w", err)
	}
	step("when the release has lost its name")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*"+removingSuffix))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove release %s: %w", dir, err)
	}
	return nil
}
