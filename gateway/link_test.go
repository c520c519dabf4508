package gateway

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"realdocd/deploy"
)

// bothEnds are the two ends of a link.
func bothEnds(t *testing.T) (ours, theirs *link) {
	t.Helper()
	ours, file, err := newLinks()
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = newLink(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.close(); theirs.close() })
	return ours, theirs
}

func TestALinkCarriesMessagesAndDescriptorsInTheirOrder(t *testing.T) {
	ours, theirs := bothEnds(t)
	ln, err := net.Listen("unix", t.TempDir()+"/sock")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	long := strings.Repeat("x", 3<<20) // more than a socket holds
	ours.send(message{Docroot: &docrootMessage{"shop", deploy.DocrootState{Path: long}}})
	sent := make(chan error, 1)
	ours.sendSocket(message{Listener: &listenerMessage{ln.Addr().String(), "listen"}}, ln.(*net.UnixListener), func(err error) { sent <- err })
	ours.send(message{Begin: true})

	if m, f, err := theirs.receive(); err != nil || f != nil || m.Docroot.State.Path != long {
		t.Fatalf("got %.100v, %v, %v", m, f, err)
	}
	m, f, err := theirs.receive()
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
	if m, f, err := theirs.receive(); err != nil || f != nil || !m.Begin {
		t.Errorf("got %+v, %v, %v", m, f, err)
	}
	ours.close()
	if _, _, err := theirs.receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestALinkThatHasEndedSaysSoToWhoSends(t *testing.T) {
	ours, theirs := bothEnds(t)
	theirs.close()
	ours.send(message{Begin: true})
	if _, _, err := ours.receive(); err == nil {
		t.Fatal("the end was not seen")
	}
	ours.close()
	sent := make(chan error, 1)
	ours.sendSocket(message{Conn: true}, nil, func(err error) { sent <- err })
	if err := <-sent; err == nil {
		t.Error("a message was sent to nobody")
	}
	ours.flush()
}

// The last that a process sends are connections of web servers. A grant that it does not take any more must
// not lose them.
func TestWhatWasSentBeforeTheEndOfALinkArrives(t *testing.T) {
	ours, theirs := bothEnds(t)
	ours.send(message{Conn: true})
	ours.flush()
	ours.close()
	failed := make(chan error, 1)
	theirs.sendSocket(message{Grant: &grantMessage{"www", 1}}, nil, func(err error) { failed <- err })
	if err := <-failed; err == nil {
		t.Fatal("a message was sent to nobody")
	}
	if m, _, err := theirs.receive(); err != nil || !m.Conn {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestWhatIsNoLinkIsRefused(t *testing.T) {
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
			ours.close()
			if m, f, err := theirs.receive(); err == nil || f != nil || errors.Is(err, io.EOF) {
				t.Errorf("got %+v, %v, %v", m, f, err)
			}
		})
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPredecessor(file); err == nil {
		t.Error("/dev/null was taken for a link")
	}
}
