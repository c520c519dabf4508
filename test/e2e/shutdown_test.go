package e2e

import (
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

func TestSIGTERMLetsRequestsFinish(t *testing.T) {
	s := openBench(t, nil, nil)
	client, q := s.get(t)
	if err := s.gw.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// A refused connect is the event: there is no other way to see that nobody listens any more.
	stack.Until(t, "nobody listens after SIGTERM", func() bool {
		conn, err := s.gw.Addr.Dial()
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	q.Answer("Content-Type: text/plain\r\n\r\nfinished")
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
