package gateway

import (
	"cmp"
	"net"
	"os"
	"slices"
	"strconv"

	"realdocd/gateway/control"
	"realdocd/gateway/sock"
)

// roleOf is what the other end of a connection to the control socket may do, by who it
// is and by the configuration of now.
func (s *Server) roleOf(conn net.Conn) control.Role {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return control.RoleNone
	}
	who, err := sock.CredsOf(unixConn)
	if err != nil {
		s.log.Error().Err(err).Msg("nobody may use the control socket: the kernel does not tell who has connected")
		return control.RoleNone
	}
	return s.setup.Load().cfg.roleOf(who)
}

func (c *Config) roleOf(who sock.Creds) control.Role {
	socket := c.controlAccess()
	group := cmp.Or(socket.group, strconv.Itoa(os.Getegid()))
	switch {
	case !socket.everybody, who.UID == 0, int(who.UID) == os.Geteuid():
		return control.RoleDeploy // whom else its mode lets in, may
	case socket.mode&0o060 == 0o060 && inOneOf(who.Groups, []string{group}), socket.mode&0o006 == 0o006:
		return control.RoleDeploy
	case inOneOf(who.Groups, c.OperateGroups):
		return control.RoleOperate
	case inOneOf(who.Groups, c.LookGroups):
		return control.RoleLook
	}
	return control.RoleNone
}

func inOneOf(groups []uint32, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		gid, err := groupID(name)
		return err == nil && slices.Contains(groups, uint32(gid))
	})
}

func anybody(net.Conn) control.Role { return control.RoleLook }
