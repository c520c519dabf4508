package handover

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/deploy"
)

// bothEnds are two processes of a handover.
func bothEnds(t *testing.T) (ours, theirs *Peer) {
	t.Helper()
	ours, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = Open(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func TestAPeerGetsMessagesAndDescriptorsInTheirOrder(t *testing.T) {
	ours, theirs := bothEnds(t)
	ln, err := net.Listen("unix", t.TempDir()+"/sock")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	long := strings.Repeat("x", 3<<20) // more than a socket holds
	ours.Send(Message{Docroot: &Docroot{"shop", deploy.DocrootState{Path: long}}})
	sent := make(chan error, 1)
	ours.SendSocket(Message{Listener: &Listener{ln.Addr().String(), "listen"}}, ln.(*net.UnixListener), func(err error) { sent <- err })
	ours.Send(Message{Begin: true})

	if m, f, err := theirs.Receive(); err != nil || f != nil || m.Docroot.State.Path != long {
		t.Fatalf("got %.100v, %v, %v", m, f, err)
	}
	m, f, err := theirs.Receive()
	if err != nil || f == nil || m.Listener.Use != "listen" {
		t.Fatalf("got %+v, %v, %v", m, f, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	same, err := net.FileListener(f)
	f.Close()
	if err != nil || same.Addr().String() != ln.Addr().String() {
		t.Errorf("the descriptor is of %v, %v", same, err)
	}
	same.Close()
	if m, f, err := theirs.Receive(); err != nil || f != nil || !m.Begin {
		t.Errorf("got %+v, %v, %v", m, f, err)
	}
	ours.Close()
	if _, _, err := theirs.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestWhoSendsToAPeerThatHasEndedIsTold(t *testing.T) {
	ours, theirs := bothEnds(t)
	theirs.Close()
	ours.Send(Message{Begin: true})
	if _, _, err := ours.Receive(); err == nil {
		t.Fatal("the end was not seen")
	}
	ours.Close()
	sent := make(chan error, 1)
	ours.SendSocket(Message{Conn: true}, nil, func(err error) { sent <- err })
	if err := <-sent; err == nil {
		t.Error("a message was sent to nobody")
	}
	ours.Flush()
}

// The last that a process sends are connections of web servers. A grant that it does not take any more must
// not lose them.
func TestWhatWasSentBeforeTheEndOfAPeerArrives(t *testing.T) {
	ours, theirs := bothEnds(t)
	ours.Send(Message{Conn: true})
	ours.Flush()
	ours.Close()
	failed := make(chan error, 1)
	theirs.SendSocket(Message{Grant: &Grant{"www", 1}}, nil, func(err error) { failed <- err })
	if err := <-failed; err == nil {
		t.Fatal("a message was sent to nobody")
	}
	if m, _, err := theirs.Receive(); err != nil || !m.Conn {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestTwoDescriptorsWithAMessageAreRefusedAndClosed(t *testing.T) {
	ours, theirs := bothEnds(t)
	here, there, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	rights := unix.UnixRights(int(there.Fd()), int(there.Fd()))
	if _, _, err := ours.conn.WriteMsgUnix([]byte{0, 0, 0, 0}, rights, nil); err != nil {
		t.Fatal(err)
	}
	there.Close()
	if m, f, err := theirs.Receive(); err == nil || f != nil {
		t.Errorf("got %+v, %v, %v", m, f, err)
	}
	here.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := here.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one of them is still open: %v", err)
	}
}

// FuzzReceive plays a process that says anything at all: it is an error or a message, and the end comes.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0f{\"prepared\":42}\x00\x00\x00\x02{}"))
	f.Add([]byte("\x00\x00\x00\x02{["))
	f.Add([]byte("\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, said []byte) {
		ours, theirs := bothEnds(t)
		go func() {
			ours.conn.Write(said)
			ours.conn.CloseWrite()
		}()
		for {
			_, file, err := theirs.Receive()
			if file != nil {
				t.Fatal("a descriptor came of nothing")
			}
			if err != nil {
				return
			}
		}
	})
}

func TestWhatIsNotAMessageIsRefused(t *testing.T) {
	for name, bytes := range map[string]string{
		"half a length":  "\x00\x00",
		"half a message": "\x00\x00\x00\x09{}",
		"no JSON":        "\x00\x00\x00\x02{[",
		"too long":       string(binary.BigEndian.AppendUint32(nil, maxMessage+1)),
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := bothEnds(t)
			if _, err := ours.conn.Write([]byte(bytes)); err != nil {
				t.Fatal(err)
			}
			ours.Close()
			if m, f, err := theirs.Receive(); err == nil || f != nil || errors.Is(err, io.EOF) {
				t.Errorf("got %+v, %v, %v", m, f, err)
			}
		})
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("/dev/null was taken for a process")
	}
}
