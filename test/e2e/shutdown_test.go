package e2e

import (
	"syscall"
	"testing"
	"time"
)

func TestSIGTERMLetsRequestsFinish(t *testing.T) {
	s := openBench(t, nil, nil)
	client, q := s.get(t)
	if err := s.gw.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// A refused connect is the event: there is no other way to see that nobody listens any more.
	for deadline := time.Now().Add(2 * time.Second); ; {
		conn, err := s.gw.Addr.Dial()
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("still accepts 2 s after SIGTERM")
		}
	}
	if err := q.Stdout("Content-Type: text/plain\r\n\r\nfinished"); err != nil {
		t.Fatal(err)
	}
	if err := q.End(); err != nil {
		t.Fatal(err)
	}
	if reply := s.Reply(client); !reply.Ended || string(reply.Body) != "finished" {
		t.Errorf("complete %v, body %q", reply.Ended, reply.Body)
	}
	code, err := s.gw.ExitCode(5 * time.Second)
	if err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestSIGTERMEndsAnIdleDaemonAtOnce(t *testing.T) {
	s := openBench(t, nil, nil)
	idle := s.Connect(s.gw.Addr) // connected, as a web server with keep-alive is, and silent
	defer idle.Close()
	if err := s.gw.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := s.gw.ExitCode(3 * time.Second); err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
}
