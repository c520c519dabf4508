package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"realdocd/test/stack"

	"golang.org/x/sys/unix"
)

// dialled is a connection of a Dialer and the other end of it.
func dialled(t *testing.T) (*Conn, *net.UnixConn) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := NewDialer(Addr(listener.Addr().String())).Dial(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := listener.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.End(); other.Close() })
	return c, other
}

// The only request that is sent twice is one of which the kernel has taken nothing.
func TestConn_TellsAWriteThatWasNotTaken(t *testing.T) {
	closed, other := dialled(t)
	other.Close()
	if err := closed.Exchange([]byte("request")); !errors.Is(err, ErrUnsent) {
		t.Errorf("to a closed connection: %v", err)
	}
	open, other := dialled(t)
	go func() { other.Read(make([]byte, 1)); other.Close() }()
	if err := open.Exchange([]byte("request")); err == nil || errors.Is(err, ErrUnsent) {
		t.Errorf("to a connection that closes later: %v", err)
	}
}

func TestConn_IsReadyOnceTheOtherSideHasReadAllAndSaidNothing(t *testing.T) {
	c, other := dialled(t)
	wants := func(when string, wantReady, wantAlive bool) {
		t.Helper()
		if ready, alive := c.Ready(); ready != wantReady || alive != wantAlive {
			t.Errorf("%s: ready %v, alive %v", when, ready, alive)
		}
	}
	wants("at first", true, true)
	if _, err := c.Write([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	wants("before it was read", false, true)
	if _, err := io.ReadFull(other, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	wants("once it was read", true, true)
	if _, err := other.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	wants("after a stray byte", false, false)
	c, other = dialled(t)
	other.Close()
	wants("after the end", false, false)
}

func TestConn_NamesTheProcessThatListens(t *testing.T) {
	c, _ := dialled(t)
	if pid, err := c.Peer(); err != nil || int(pid) != os.Getpid() {
		t.Errorf("got %d, %v", pid, err)
	}
}

func TestDialer_TellsAFullBacklogAtOnce(t *testing.T) {
	path := t.TempDir() + "/s"
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	d := NewDialer(Addr(path))
	for range 10 {
		c, err := d.Dial(time.Time{})
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.End()
	}
	t.Error("the backlog does not fill")
}

// An owner waits to be told.
type owner chan struct{}

func (o owner) HungUp() { close(o) }
func (o owner) Came()   {}

func TestWatcher_TellsTheOwnerOfAConnectionThatEnds(t *testing.T) {
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	go w.Run()
	c, other := dialled(t)
	forgotten, stays := dialled(t)
	told, never := make(owner), make(owner)
	for _, err := range []error{w.Watch(c, told), w.Watch(forgotten, never)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Forget(forgotten)
	stays.Close()
	other.Close()
	stack.Receive(t, told, "the call of the owner")
	select {
	case <-never:
		t.Error("the owner of a connection that was forgotten was told")
	default:
	}
}

// FPM's worker reads what was sent behind its last request only when it waits for the next.
func TestConn_WaitsUntilTheOtherSideHasReadAll(t *testing.T) {
	for _, row := range []struct {
		name  string
		other func(other *net.UnixConn)
		ready bool
	}{
		{"it reads", func(other *net.UnixConn) { io.ReadFull(other, make([]byte, 6)) }, true},
		{"it reads, and has closed its half", func(other *net.UnixConn) {
			other.CloseWrite()
			io.ReadFull(other, make([]byte, 6))
		}, false},
		{"it closes", func(other *net.UnixConn) { other.Close() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, other := dialled(t)
			for range 2 { // the second time after a wait
				if _, err := c.Write([]byte("marker")); err != nil {
					t.Fatal(err)
				}
				go row.other(other)
				began := time.Now()
				if ready := c.AwaitReady(10 * time.Second); ready != row.ready {
					t.Errorf("ready is %v", ready)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("nobody told in %v", took)
				}
				if !row.ready {
					return
				}
			}
		})
	}
	c, _ := dialled(t)
	if _, err := c.Write([]byte("marker")); err != nil {
		t.Fatal(err)
	}
	if c.AwaitReady(time.Millisecond) {
		t.Error("it is ready, and nobody has read")
	}
}
