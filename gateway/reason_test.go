package gateway

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

func TestWhoDoesNotSpeakFastCGIIsNamedOnce(t *testing.T) {
	for said, name := range map[string]string{"GET /ping HTTP/1.0\r\n\r\n": "HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01": "TLS"} {
		b := newBench(t).start()
		for range 20 {
			c := b.connect()
			_, err := c.Conn.Write([]byte(said))
			b.must(err)
			b.wantClosed(c)
		}
		event := b.logged("this is " + name)
		if event.String("client") != fmt.Sprintf("process %d of uid %d", os.Getpid(), os.Getuid()) {
			t.Errorf("the log has %v", event)
		}
		lines, _ := b.log.now()
		if n := strings.Count(strings.Join(lines, "\n"), "this is "+name); n != 1 {
			t.Errorf("%d events, want one", n)
		}
	}
}

func TestRequestsThatAReloadOfPHPFPMBreaksOffNameIt(t *testing.T) {
	b := newBench(t).start()
	var clients []*stack.Client
	var all []*stack.FakeRequest
	for range 3 {
		c, q := b.running(b.params()...)
		clients, all = append(clients, c), append(all, q)
	}
	for _, q := range all {
		q.Close()
	}
	for _, c := range clients {
		b.wantRefused(c, 502)
	}
	b.logged("it is one of 3 that this listener broke off within a second, as PHP-FPM does when it is reloaded")
}

func TestAPageThatWaitsForItselfIsNamed(t *testing.T) {
	for from, named := range map[string]bool{"192.0.2.1": true, "127.0.0.1": true, "198.51.100.7": false} {
		b := newLimited(t, 1)
		b.cfg.Pools[0].QueueTimeout = shortTimeout
		b.start()
		b.running(b.params()...)
		c := b.connect()
		b.send(c, "", b.params("REMOTE_ADDR", from, "SERVER_ADDR", "192.0.2.1")...)
		b.wantRefused(c, 503)
		if event := b.logged("waited for queue_timeout"); strings.Contains(event.String("error"), "waits for itself") != named {
			t.Errorf("from %s: %v", from, event)
		}
		b.poolNow("one refused", func(p control.PoolStatus) bool { return p.Refused == 1 })
	}
}
