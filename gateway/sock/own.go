package sock

import (
	"errors"

	"golang.org/x/sys/unix"
)

// IsOwn says whether an error is a failure of this process or machine and not of the
// other side: descriptors, memory or ports have run out.
func IsOwn(err error) bool {
	for _, own := range [...]error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EADDRNOTAVAIL} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}
