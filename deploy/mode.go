package deploy

import "fmt"

// Mode says how far a docroot's symlinks are followed.
type Mode int

const (
	// Realpath follows the link to its end: the release is a real directory.
	Realpath Mode = iota
	// Readlink follows the link one step: for current -> A -> release-12 the
	// release is A, so that two fixed paths alternate and opcache keeps the
	// entries of files that did not change (mod_realdoc's UseReadlink).
	Readlink
)

// ParseMode reads "realpath" or "readlink".
func ParseMode(s string) (Mode, error) {
	switch s {
	case "realpath":
		return Realpath, nil
	case "readlink":
		return Readlink, nil
	}
	return 0, fmt.Errorf(`resolve mode %q: want "realpath" or "readlink"`, s)
}

func (m Mode) String() string {
	if m == Readlink {
		return "readlink"
	}
	return "realpath"
}
