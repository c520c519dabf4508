package fpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// A listener that is asked says what the test gives it and waits until the
// other side has closed, or closes first.
type sayer struct {
	addr  sock.Addr
	asked chan struct{} // gets one for each connection that is asked on, if it does not close
	gone  chan struct{} // gets one for each connection that the other side has closed
}

func listenAndSay(t *testing.T, answer []byte, closes bool) *sayer {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rd") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &sayer{sock.Addr(filepath.Join(dir, "s")), make(chan struct{}, 8), make(chan struct{}, 8)}
	listener, err := net.Listen("unix", string(s.addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.say(conn, answer, closes)
		}
	}()
	return s
}

func (s *sayer) say(conn net.Conn, answer []byte, closes bool) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * patience))
	conn.Write(answer)
	if !closes {
		if _, err := io.ReadFull(conn, make([]byte, 1)); err == nil {
			s.asked <- struct{}{}
		}
		io.Copy(io.Discard, conn)
	}
	s.gone <- struct{}{}
}

// wantNothingLeft returns when the connection is closed and none of gofast's
// goroutines is left.
func (s *sayer) wantNothingLeft(t *testing.T) {
	t.Helper()
	stack.Receive(t, s.gone, "the end of the connection")
	if err := stack.Poll(func() error {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if bytes.Contains(stacks, []byte("yookoala/gofast.")) {
			return fmt.Errorf("a goroutine of gofast is there:\n%s", stacks)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func stdout(text string) []byte { return fcgi.AppendStream(nil, fcgi.Stdout, 1, []byte(text)) }

func whole(text string) []byte { return fcgi.AppendEnd(stdout(text), 1, 0, fcgi.RequestComplete) }

func TestAnAnswerThatIsNoStatusPageIsAnErrorThatSaysSo(t *testing.T) {
	const headers = "Content-Type: application/json\r\n\r\n"
	forever := stdout(headers + strings.Repeat(" ", maxAnswer+1))
	for _, row := range []struct {
		name   string
		answer []byte
		closes bool
		want   string
	}{
		{"nothing", nil, true, "no complete answer"},
		{"half a record", stdout(headers + "{}")[:20], true, "no complete answer"},
		{"half a page", stdout(headers + `{"processes":[{"pid":1`), true, "no complete JSON"},
		{"no FastCGI", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, "no complete answer"},
		{"no CGI", whole("hello"), false, "no complete answer"},
		{"no JSON", whole("Content-Type: text/plain\r\n\r\nhello"), false, `"hello" is no complete JSON`},
		{"other JSON", whole(headers + `{"pool":"www"}`), false, "names no processes"},
		{"other status", whole("Status: 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nAccess denied.\n"), false, `403 Forbidden, "Access denied."`},
		{"no status path", whole("Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\n"), false, "has no pm.status_path = /fpm-status"},
		{"too long", forever, false, "above 4194304 bytes"},
		{"too long on stderr", fcgi.AppendStream(nil, fcgi.Stderr, 1, make([]byte, maxAnswer+1)), false, "above 4194304 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := listenAndSay(t, row.answer, row.closes)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			workers, err := AskWorkers(ctx, s.addr, "/fpm-status")
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), string(s.addr)) {
				t.Errorf("got %v, %v; want %q", workers, err, row.want)
			}
			s.wantNothingLeft(t)
		})
	}
}

func TestAListenerThatHangsHoldsAQuestionNoLongerThanItsContext(t *testing.T) {
	for name, answer := range map[string][]byte{
		"silent":                             nil,
		"silent after the headers":           stdout("Content-Type: application/json\r\n\r\n"),
		"more than gofast reads, and no CGI": stdout(strings.Repeat("no header\r\n", 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			s := listenAndSay(t, answer, false)
			ctx, end := context.WithCancelCause(t.Context())
			asked := make(chan error, 1)
			go func() {
				_, err := AskWorkers(ctx, s.addr, "/fpm-status")
				asked <- err
			}()
			stack.Receive(t, s.asked, "a question")
			end(context.DeadlineExceeded)
			if err := stack.Receive(t, asked, "the end of the question"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v", err)
			}
			s.wantNothingLeft(t)
		})
	}
}

func TestAQuestionThatIsCancelledEnds(t *testing.T) {
	s := listenAndSay(t, nil, false)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := AskWorkers(ctx, s.addr, "/fpm-status")
		asked <- err
	}()
	cancel()
	err := stack.Receive(t, asked, "the end of the question")
	if !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "operation was canceled") {
		t.Errorf("got %v", err)
	}
}

func TestAListenerThatIsNotThereIsAnError(t *testing.T) {
	if _, err := AskWorkers(t.Context(), "/nowhere/sock", "/fpm-status"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}
