package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// IdleSlot is the slot that a deploy may fill: the one after the live release in
// the order of slots, and the first where none of them is live. A slot that is
// not there yet is fine; one that is not a directory of its own is refused.
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
