package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

// A webServer is the bench in the place of a web server: FastCGI connections
// that it keeps open.
type webServer []net.Conn

// connect opens n connections.
func connect(addr stack.Addr, n int) (webServer, error) {
	var w webServer
	for i := range n {
		conn, err := dial(addr)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		w = append(w, conn)
	}
	return w, nil
}

// dial waits if the backlog is full, since this end opens connections faster
// than a busy machine accepts them.
func dial(addr stack.Addr) (net.Conn, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		conn, err := addr.Dial()
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(deadline) {
			return conn, err
		}
		time.Sleep(time.Millisecond)
	}
}

func (w webServer) close() {
	for _, conn := range w {
		conn.Close()
	}
}

// inTurn sends one request through each connection, through so many at a time.
func (w webServer) inTurn(atOnce int, request func(n int) []byte) *answers {
	var a answers
	var next atomic.Int64
	var senders sync.WaitGroup
	for range atOnce {
		senders.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(w); n = int(next.Add(1)) - 1 {
				a.add(exchange(w[n], request(n)))
			}
		})
	}
	senders.Wait()
	return &a
}

// together sends requests through all connections at once, through each the
// next one when it has its answer, until there were so many.
func (w webServer) together(requests int, request func(n int) []byte) *answers {
	var a answers
	var next atomic.Int64
	var senders sync.WaitGroup
	for _, conn := range w {
		senders.Go(func() {
			for n := int(next.Add(1)) - 1; n < requests; n = int(next.Add(1)) - 1 {
				a.add(exchange(conn, request(n)))
			}
		})
	}
	senders.Wait()
	return &a
}

// answers counts what became of requests.
type answers struct {
	mu           sync.Mutex
	sent, served int
	failure      error // the first
}

func (a *answers) add(status int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent++
	switch {
	case err == nil && status == 200:
		a.served++
	case a.failure == nil && err != nil:
		a.failure = err
	case a.failure == nil:
		a.failure = fmt.Errorf("answered with status %d", status)
	}
}

// get is a whole request as web servers send it that keep the connection.
func get(docroot, script string) ([]byte, error) {
	out := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	var pairs []fcgi.Pair
	params := stack.ParamsFor(docroot, "GET", script)
	for i := 0; i < len(params); i += 2 {
		pairs = append(pairs, fcgi.Pair{Name: []byte(params[i]), Value: []byte(params[i+1])})
	}
	out, err := fcgi.AppendParams(out, 1, pairs)
	return fcgi.AppendHeader(out, fcgi.Stdin, 1, 0), err
}

// exchange sends a request and reads its response to END_REQUEST.
func exchange(conn net.Conn, request []byte) (status int, err error) {
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Write(request); err != nil {
		return 0, err
	}
	var in fcgi.Reader
	defer in.Discard()
	for {
		rec, ok, err := in.Next()
		if err != nil {
			return 0, err
		}
		if ok && rec.Type == fcgi.EndRequest {
			return status, nil
		}
		if ok {
			if rec.Type == fcgi.Stdout && status == 0 {
				status = statusOf(rec.Content)
			}
			continue
		}
		if err := in.Fill(conn); err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
	}
}

// statusOf reads the Status header, which FPM and realdocd put first if there
// is one.
func statusOf(head []byte) int {
	const field = "Status: "
	if len(head) < len(field)+3 || string(head[:len(field)]) != field {
		return 200
	}
	status, _ := strconv.Atoi(string(head[len(field) : len(field)+3]))
	return status
}
