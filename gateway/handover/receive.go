package handover

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxMessage is above the size of any message, in bytes: one about a site has the
// docroots with somebody inside, and of those at most 100 occupants a release.
const maxMessage = 1 << 30

// Receive waits for the next message. The caller closes the file, which is nil if no
// descriptor came along. The end of the other process is an error for which IsEnd
// says so.
func (p *Peer) Receive() (m Message, f *os.File, err error) {
	var head [4]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := p.conn.ReadMsgUnix(head[:], oob)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return m, nil, err
	}
	if f, err = fileIn(oob[:oobn]); err != nil {
		return m, nil, err
	}
	defer func() {
		if err != nil && f != nil {
			f.Close()
			f = nil
		}
	}()
	m, err = p.receiveRest(head[:], n)
	return m, f, err
}

// receiveRest reads a message of whose head n bytes have come.
func (p *Peer) receiveRest(head []byte, n int) (m Message, err error) {
	if _, err := io.ReadFull(p.conn, head[n:]); err != nil {
		return m, noEOF(err)
	}
	size := binary.BigEndian.Uint32(head)
	if size > maxMessage {
		return m, fmt.Errorf("a message of %d bytes", size)
	}
	var text bytes.Buffer // grows with what comes, not with what the head says
	if _, err := io.CopyN(&text, p.conn, int64(size)); err != nil {
		return m, noEOF(err)
	}
	if err := json.Unmarshal(text.Bytes(), &m); err != nil {
		return m, fmt.Errorf("read a message: %w", err)
	}
	return m, nil
}

// fileIn is the descriptor in a control message; nil if there is none.
func fileIn(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read a descriptor: %w", err)
	}
	var fds []int
	for i := range messages {
		more, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, fmt.Errorf("read a descriptor: %w", err)
		}
		fds = append(fds, more...)
	}
	if len(fds) != 1 {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return nil, fmt.Errorf("read a descriptor: %d came with one message", len(fds))
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "handed over"), nil
}

// IsEnd says whether an error of Receive is the end of the other process, which
// may have left something unread.
func IsEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) }

// noEOF is for the middle of a message, where the end is a fault.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
