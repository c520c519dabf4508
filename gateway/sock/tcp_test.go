package sock

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"realdocd/test/stack"
)

// dialledTCP is a connection of a Dialer over TCP, and the other end of it.
func dialledTCP(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := NewDialer(Addr(listener.Addr().String())).Dial(time.Now().Add(stack.Patience))
	if err != nil {
		t.Fatal(err)
	}
	other, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.End(); other.Close() })
	return c, other
}

func TestDialer_SaysThatNobodyListensOverTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if c, err := NewDialer(Addr(listener.Addr().String())).Dial(time.Now().Add(stack.Patience)); err == nil || c != nil {
		t.Errorf("got %v, %v", c, err)
	}
}

// Over TCP the kernel does not tell what the other side has read. Its end does.
func TestConn_OverTCPIsTakenOnceTheOtherSideEnds(t *testing.T) {
	soon := func() time.Time { return time.Now().Add(50 * time.Millisecond) }
	late := func() time.Time { return time.Now().Add(stack.Patience) }
	t.Run("it is silent, and ends", func(t *testing.T) {
		c, other := dialledTCP(t)
		c.Shut([]byte("marker"))
		if err := c.AwaitTaken(soon()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("of one that is silent: %v", err)
		}
		got := make([]byte, 10)
		if n, err := other.Read(got); string(got[:n]) != "marker" {
			t.Errorf("the other side read %q, %v", got[:n], err)
		}
		other.Close()
		if err := c.AwaitTaken(late()); err != nil {
			t.Errorf("of one that has ended: %v", err)
		}
	})
	t.Run("it throws away what was sent", func(t *testing.T) {
		c, other := dialledTCP(t)
		c.Shut([]byte("marker"))
		other.(*net.TCPConn).SetLinger(0)
		other.Close()
		if err := c.AwaitTaken(late()); err != nil {
			t.Errorf("of one that has reset: %v", err)
		}
	})
	t.Run("it speaks", func(t *testing.T) {
		c, other := dialledTCP(t)
		c.Shut(nil)
		other.Write([]byte("an answer"))
		if err := c.AwaitTaken(late()); !errors.Is(err, ErrSpeaks) {
			t.Errorf("of one that speaks: %v", err)
		}
	})
}
