package deploy

import "fmt"

// Mode says how far a docroot's symlinks are followed.
type Mode int

const (
	// Realpath follows the link to its end: the release is a real directory.
	Realpath Mode = iota
	// Readlink follows the link one step and leaves symlinks above the release as they
	// are written, as /var/www -> /data/www (mod_realdoc's UseReadlink). Where another
	// link lies behind the link, as in current -> A -> release-12, the release is the
	// real directory: PHP would go on with the old one when A is pointed elsewhere.
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
