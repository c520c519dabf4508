package stack

import (
	"net"
	"testing"
	"time"
)

// echo answers what arrives on a UDP port of a space.
func echo(t *testing.T, s *Stack, space *Space, addr string) {
	t.Helper()
	var conn net.PacketConn
	var err error
	if in := space.do(func() { conn, err = net.ListenPacket("udp", addr) }); in != nil || err != nil {
		t.Fatal(in, err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			conn.WriteTo(buf[:n], from)
		}
	}()
}

func TestNetwork_WiresAreCutAndSlowed(t *testing.T) {
	s := For(t)
	hub := s.Space("hub")
	n := s.Network(hub, "br", "10.91.1.")
	a, b := s.Space("a"), s.Space("b")
	s.Join(a, n, true)
	wire := s.Join(b, n, true)
	echo(t, s, b, wire.Addr+":7000")
	conn, err := a.Dial(t.Context(), "udp", wire.Addr+":7000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// took is how long an answer took; 0 if none came.
	took := func(patience time.Duration) time.Duration {
		began := time.Now()
		for time.Since(began) < patience { // the first frame after a change may be lost
			asked := time.Now()
			if _, err := conn.Write([]byte("?")); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(min(patience, 500*time.Millisecond)))
			if _, err := conn.Read(make([]byte, 10)); err == nil {
				return time.Since(asked)
			}
		}
		return 0
	}
	if took(Patience) == 0 {
		t.Fatal("nothing arrives over a wire")
	}
	for _, row := range []struct {
		name        string
		do          func() error
		arrives     bool
		least, most time.Duration
	}{
		{"cut", wire.Cut, false, 0, 0},
		{"mended", wire.Mend, true, 0, 50 * time.Millisecond},
		{"slow", func() error { return wire.Worsen(Trouble{Delay: 100 * time.Millisecond}) }, true, 200 * time.Millisecond, 400 * time.Millisecond},
		{"deaf", func() error { return wire.Worsen(Trouble{Deaf: true}) }, false, 0, 0},
		{"mute", func() error { return wire.Worsen(Trouble{Mute: true}) }, false, 0, 0},
		{"mended again", wire.Mend, true, 0, 50 * time.Millisecond},
	} {
		if err := row.do(); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		patience := Patience
		if !row.arrives {
			patience = 300 * time.Millisecond
		}
		got := took(patience)
		if (got != 0) != row.arrives || got < row.least || row.most != 0 && got > row.most {
			t.Errorf("%s: an answer took %v", row.name, got)
		}
	}
}

func TestEtcds_AgreeInSpaces(t *testing.T) {
	s := For(t, "etcd", "etcdctl")
	hub := s.Space("hub")
	n := s.Network(hub, "br", "10.91.1.")
	var in []*Stack
	for _, name := range []string{"e1", "e2", "e3"} {
		space := s.Space(name)
		s.Join(space, n, true)
		in = append(in, s.Within(space))
	}
	etcds := s.Etcds(in...)
	put := func(at *Etcd) error {
		cmd, err := hub.Command(t.Context(), PathOf(t, "etcdctl"), "--endpoints", string(at.Addr), "--command-timeout", "1s", "put", "a", "b")
		if err != nil {
			return err
		}
		cmd.Env = append(cmd.Environ(), "ETCDCTL_API=3")
		return cmd.Run()
	}
	s.check(Poll(func() error { return put(etcds[0]) }))
	etcds[2].Kill()
	etcds[1].Kill()
	if put(etcds[0]) == nil {
		t.Error("one of three etcds agrees with itself")
	}
	s.StartEtcdAgain(etcds[1])
	s.check(Poll(func() error { return put(etcds[0]) }))
}
