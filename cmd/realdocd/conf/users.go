package conf

import (
	"fmt"
	"math"
	"os/user"
	"strconv"
	"strings"
)

// name reads the name or the number of a user or a group. Whether there is one by that
// name is known where realdocd runs, and when it asks.
func name(v any) (string, error) {
	s, err := text(v)
	if err == nil && (s == "" || strings.ContainsAny(s, " :/")) {
		err = wanted("a name or a number", v)
	}
	return s, err
}

// userID reads a user, by name or number.
func userID(v any) (uint32, error) {
	s, err := name(v)
	if err != nil {
		return 0, err
	}
	id := s
	if u, err := user.Lookup(s); err == nil {
		id = u.Uid
	}
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, fmt.Errorf("there is no user %q on this machine", s)
	}
	return uint32(n), nil
}
