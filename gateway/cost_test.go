package gateway

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/rs/zerolog"

	"realdocd/fcgi"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// BenchmarkRequest is a small request with all of its log, from the web server's bytes to the response's,
// with an FPM that has the answer ready. What the two ends allocate is the same in every row.
func BenchmarkRequest(b *testing.B) {
	for _, row := range []struct {
		name  string
		pairs []string
	}{
		{"plain", nil},
		{"with an id and a trace", []string{
			"REQUEST_ID", "4bf92f3577b34da6a3ce929d0e0e4736",
			"HTTP_TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		}},
	} {
		b.Run(row.name, func(b *testing.B) { benchmarkRequest(b, row.pairs) })
	}
}

func benchmarkRequest(b *testing.B, pairs []string) {
	bench := newBench(b)
	bench.fpm.Close()
	fpm, err := net.ListenUnix("unix", &net.UnixAddr{Name: bench.dir + "/ready", Net: "unix"})
	bench.must(err)
	defer fpm.Close()
	go answerAll(fpm)
	bench.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(bench.dir + "/ready")}
	bench.logger = zerolog.New(io.Discard)
	bench.start()

	var request []byte
	request = fcgi.AppendBegin(request, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	request = fcgi.AppendStream(request, fcgi.Params, 1, stack.Pairs(bench.params(pairs...)...))
	request = fcgi.AppendHeader(request, fcgi.Params, 1, 0)
	request = fcgi.AppendHeader(request, fcgi.Stdin, 1, 0)
	web := bench.connect().Conn
	answer := make([]byte, len(readyAnswer()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := web.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(web, answer); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if !bytes.Contains(answer, []byte("the page")) {
		b.Errorf("the answer is %q", answer)
	}
}

func readyAnswer() []byte {
	return fcgi.AppendEnd(fcgi.AppendStream(nil, fcgi.Stdout, 1, []byte(page)), 1, 0, fcgi.RequestComplete)
}

// answerAll answers what fits one read, until the listener is closed.
func answerAll(listener *net.UnixListener) {
	answer, request := readyAnswer(), make([]byte, 64<<10)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if n, _ := conn.Read(request); n > 0 {
			conn.Write(answer)
		}
		conn.Close()
	}
}
