package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"realdocd/gateway/sock"
)

// dial connects to the daemon, and to nobody else. Who can write to the directory
// of the control socket could put a socket of his own there, and answer what he
// likes; root's commands would act on it.
func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, err
	}
	who, err := sock.CredsOf(conn.(*net.UnixConn))
	if err == nil {
		err = c.believes(who.UID)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// believes says why a daemon of the user is not believed: it is neither root's, nor
// ours, nor that of a user which the configuration names.
func (c *Client) believes(uid uint32) error {
	if uid == 0 || int(uid) == os.Geteuid() {
		return nil
	}
	id := strconv.Itoa(int(uid))
	for _, name := range c.users {
		if u, err := user.Lookup(name); name == id || err == nil && u.Uid == id {
			return nil
		}
	}
	name := id
	if u, err := user.LookupId(id); err == nil {
		name = u.Username
	}
	return &DisbelievedError{Socket: c.socket, User: name, Want: append(slices.Clone(c.users), "root")}
}

// A DisbelievedError is a daemon that runs as a user whose daemon is not believed.
type DisbelievedError struct {
	Socket string
	// User is who listens there, and Want are those who may.
	User string
	Want []string
}

func (e *DisbelievedError) Error() string {
	return fmt.Sprintf("what listens on %s runs as user %s, and only one of %s is believed: see what it is (ss -xlp); "+
		"if it is your realdocd, write user = %q into the configuration", e.Socket, e.User, strings.Join(e.Want, " or "), e.User)
}
