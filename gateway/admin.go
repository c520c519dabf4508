package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"realdocd/gateway/sock"
)

// An adminSocket is a listener that is not for web servers: the control socket, the
// one for metrics, or the one for the page. It speaks HTTP. A nil one has the address "" and serves nothing.
type adminSocket struct {
	addr string
	srv  *http.Server
	ln   net.Listener
	// roles says that it is found out what a client may do; elsewhere everybody may look.
	roles bool
	// patience is for each request of a client, and for each wait for its next one.
	patience time.Duration
}

// An access says who may use a unix socket, beside its owner.
type access struct {
	key   string // of the configuration: that begins so, such as "control"
	mode  fs.FileMode
	group string // by name or number; "" leaves it the daemon's own
	// everybody may connect: what they may do, the daemon finds out from who they are.
	everybody bool
}

func (c *Config) controlAccess() access {
	return access{"control", c.ControlMode, c.ControlGroup, len(c.OperateGroups)+len(c.LookGroups) > 0}
}

func (c *Config) listenAccess() access {
	return access{key: "listen", mode: c.ListenMode, group: c.ListenGroup}
}

// set lets the group use the socket at a path, and sets the mode. Where the socket cannot
// be given to the group, a list of access control says the same.
func (a access) set(socket string) error {
	if !sock.Addr(socket).IsUnix() {
		return nil
	}
	mode := cmp.Or(a.mode, 0o660)
	if a.everybody {
		mode |= 0o666
	}
	if a.group == "" {
		return a.chmod(socket, mode)
	}
	gid, err := groupID(a.group)
	if err != nil {
		return fmt.Errorf("%s_group: %w", a.key, err)
	}
	given := os.Lchown(socket, -1, gid)
	if err := a.chmod(socket, mode); err != nil || given == nil {
		return err
	}
	if err := grantGroup(socket, uint32(gid), mode); err != nil {
		return fmt.Errorf("%s_group: give the socket to the group %s, which the user of realdocd has to be in (usermod -aG %s realdocd): %w", a.key, a.group, a.group, errors.Join(given, err))
	}
	return nil
}

func (a access) chmod(socket string, mode fs.FileMode) error {
	if err := os.Chmod(socket, mode); err != nil {
		return fmt.Errorf("%s_mode: %w", a.key, err)
	}
	return nil
}

// groupID is the number of a group that is named. One that is a number need not have
// a name here: a static program does not see the groups of LDAP and its like.
func groupID(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return strconv.Atoi(g.Gid)
	}
	if gid, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(gid), nil
	}
	return 0, fmt.Errorf("there is no group %q here", name)
}

// openAdmin opens a socket, or takes over one that is open already.
func openAdmin(addr string, open net.Listener, who access, h http.Handler) (*adminSocket, error) {
	if addr == "" {
		return nil, nil
	}
	ln, err := open, error(nil)
	if ln == nil {
		ln, err = listenAdmin(sock.Addr(addr), who)
	} else if err = who.set(addr); err != nil {
		ln.Close()
	}
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, MaxHeaderBytes: 16 << 10, ConnContext: noteRole}
	return &adminSocket{addr: addr, srv: srv, ln: ln, roles: who.key == "control", patience: adminReadTimeout}, nil
}

// listenAdmin opens a socket for operators in a directory that nobody else may write to.
func listenAdmin(addr sock.Addr, who access) (net.Listener, error) {
	if addr.IsUnix() {
		if err := checkOwnDir(filepath.Dir(string(addr))); err != nil {
			return nil, err
		}
	}
	return listen(addr, who)
}

// at says whether the socket has an address.
func (e *adminSocket) at(addr string) bool {
	if e == nil {
		return addr == ""
	}
	return e.addr == addr
}

// serve begins to answer, until close.
func (e *adminSocket) serve(s *Server) {
	if e == nil {
		return
	}
	e.srv.ReadHeaderTimeout, e.srv.IdleTimeout = e.patience, e.patience
	if e.roles {
		// Some answers come when a wait is over. So only the request is bounded.
		e.srv.Handler = bodyWithin(e.patience, e.srv.Handler)
		go e.srv.Serve(guard(e.ln, maxAdmins, s.roleOf, s.adminFull(e.addr)))
	} else {
		e.srv.ReadTimeout, e.srv.WriteTimeout = e.patience, scrapeTimeout
		go e.srv.Serve(guard(e.ln, maxScrapes, anybody, s.adminFull(e.addr)))
	}
}

// adminFull logs, now and then, that a socket had no room for a connection.
func (s *Server) adminFull(addr string) func() {
	return func() {
		if s.crowded.allow(time.Now()) {
			s.log.Warn().Str("socket", addr).Msg("connection refused: too many are open on this socket; see who opens them")
		}
	}
}

// replacedBy closes the socket and serves another, if addr is not its own.
func (e *adminSocket) replacedBy(s *Server, other *adminSocket, addr string) *adminSocket {
	if e.at(addr) {
		return e
	}
	e.close()
	other.serve(s)
	return other
}

// leave ends the socket here; a successor has it too. Answers that are under way come to
// their end first. The channel is closed when they have, or when ctx is done.
func (e *adminSocket) leave(ctx context.Context) <-chan struct{} {
	over := make(chan struct{})
	if e == nil {
		close(over)
		return over
	}
	leave(e.ln)
	go func() {
		defer close(over)
		if e.srv.Shutdown(ctx) != nil {
			e.srv.Close()
		}
	}()
	return over
}

func (e *adminSocket) close() {
	if e != nil {
		e.srv.Close()
		e.ln.Close()
	}
}

// controlDir is the directory of the control socket; "" if there is none.
func controlDir(socket string) string {
	if socket == "" {
		return ""
	}
	return filepath.Dir(socket)
}
