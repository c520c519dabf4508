package gateway

import (
	"encoding/binary"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// grantGroup lets a group use a socket by an access control list (acl(5)), which its owner
// may write. To give the socket to the group takes being in it, and a system call that the
// unit's filter does not let through. The mode is set already.
func grantGroup(socket string, gid uint32, mode fs.FileMode) error {
	const undefined = 0xffffffff
	const version, userObj, groupObj, group, mask, other = 2, 0x01, 0x04, 0x08, 0x10, 0x20
	user, its, rest := uint16(mode>>6&7), uint16(mode>>3&7), uint16(mode&7)
	list := binary.LittleEndian.AppendUint32(nil, version)
	for _, entry := range []struct {
		tag, perm uint16
		id        uint32
	}{
		{userObj, user, undefined}, {groupObj, its, undefined}, {group, its, gid}, {mask, its, undefined}, {other, rest, undefined},
	} {
		list = binary.LittleEndian.AppendUint16(list, entry.tag)
		list = binary.LittleEndian.AppendUint16(list, entry.perm)
		list = binary.LittleEndian.AppendUint32(list, entry.id)
	}
	if err := unix.Lsetxattr(socket, "system.posix_acl_access", list, 0); err != nil {
		return &os.PathError{Op: "set the access control list of", Path: socket, Err: err}
	}
	return nil
}
