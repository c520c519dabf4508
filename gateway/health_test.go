package gateway

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"realdocd/gateway/control"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// probe asks for one of the paths for probes, where metrics are.
func (b *bench) probe(path string) (status int, text string) {
	w := httptest.NewRecorder()
	b.server.exporter().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// wantProbe asks until the answer has the status and the text, since what was found serves for a second.
func (b *bench) wantProbe(path string, status int, text string) {
	b.t.Helper()
	stack.Until(b.t, path+" says "+text, func() bool {
		code, said := b.probe(path)
		return code == status && strings.Contains(said, text)
	})
}

func TestReadyz_SaysWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(b *bench)
		want  string
	}{
		{"FPM is gone", func(b *bench) { b.fpm.Close() }, "[-] pool www: connect to FPM at"},
		{"the pool is paused", func(b *bench) { b.must(b.server.Pause("www")) }, "[-] pool www: it is paused: end that with realdocd resume www"},
		{"somebody has removed the socket", func(b *bench) { b.must(os.Remove(string(b.cfg.Listen[0]))) }, "[-] sockets: somebody has removed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t).start()
			if code, said := b.probe("/readyz"); code != http.StatusOK || said != "[+] process ok\n[+] sockets ok\n[+] pool www ok\n" {
				t.Fatalf("at first it says %d %q", code, said)
			}
			row.spoil(b)
			b.wantProbe("/readyz", http.StatusServiceUnavailable, row.want)
			if code, said := b.probe("/healthz"); code != http.StatusOK || said != "ok\n" {
				t.Errorf("/healthz says %d %q: the process is not to be killed for that", code, said)
			}
		})
	}
}

func TestReadyz_IsOfOnePoolIfItIsNamed(t *testing.T) {
	b := newBench(t)
	gone := b.cfg.Pools[0]
	gone.Name, gone.Servers = "gone", []sock.Addr{sock.Addr(b.dir + "/none")}
	b.cfg.Pools = append(b.cfg.Pools, gone)
	b.start()
	for path, want := range map[string]int{"/readyz": 503, "/readyz?pool=www": 200, "/readyz?pool=gone": 503, "/readyz?pool=none": 404, "/readyz?pol=www": 400, "/healthz?a=b": 400} {
		if code, said := b.probe(path); code != want {
			t.Errorf("%s says %d %q, want %d", path, code, said, want)
		}
	}
}

// hang listens as an FPM whose workers hang: connections are taken, and counted, and nobody answers.
func (b *bench) hang() (taken *atomic.Int32) {
	path := b.dir + "/hung"
	ln, err := net.Listen("unix", path)
	b.must(err)
	b.t.Cleanup(func() { ln.Close() })
	b.cfg.Pools[0].Servers = []sock.Addr{sock.Addr(path)}
	taken = new(atomic.Int32)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			taken.Add(1)
			defer conn.Close()
		}
	}()
	return taken
}

func TestReadyz_TellsAHungFPMFromABusyOne(t *testing.T) {
	b := newBench(t)
	b.hang()
	b.start()
	if code, said := b.probe("/readyz"); code != 503 || !strings.Contains(said, "has taken a connection, and did not answer") {
		t.Errorf("of an FPM that is hung it says %d %q", code, said)
	}
	b.send(b.connect(), "", b.params()...)
	b.poolNow("a request runs", func(p control.PoolStatus) bool { return p.Running == 1 })
	b.wantProbe("/readyz", http.StatusOK, "[+] pool www ok")
}

// However many ask, FPM is asked once a second.
func TestReadyz_AsksFPMOnceForAll(t *testing.T) {
	b := newBench(t)
	taken := b.hang()
	b.start()
	answers := make(chan int, 50)
	for range cap(answers) {
		go func() {
			code, _ := b.probe("/readyz")
			answers <- code
		}()
	}
	for range cap(answers) {
		if code := <-answers; code != 503 {
			t.Errorf("one says %d", code)
		}
	}
	if n := taken.Load(); n != 1 {
		t.Errorf("FPM was asked %d times", n)
	}
}

func TestReadyz_SaysThatTheProcessStops(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	over := shutDown(b, t.Context())
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "[-] process: it is stopping")
	q.Answer(page)
	b.wantPage(c)
	wantCut(b, over)
}

func TestRequests_AreTheLongestFirst(t *testing.T) {
	b := newLimited(t, 1)
	b.start()
	_, q := b.running(b.params("REQUEST_URI", "/first", "REQUEST_ID", "one")...)
	b.waiting(1, "shop")
	running, err := b.server.Requests("")
	b.must(err)
	if len(running.Requests) != 2 || running.Total != 2 {
		t.Fatalf("it has %+v", running)
	}
	first, second := running.Requests[0], running.Requests[1]
	if first.State != "php" || first.What != "GET /first" || first.RequestID != "one" || first.Site != "shop" ||
		first.Release != b.release("shop", "1") || first.Pool != "www" || first.Age < second.Age {
		t.Errorf("the first is %+v", first)
	}
	if second.State != "queue" {
		t.Errorf("the second is %+v", second)
	}
	if other, err := b.server.Requests("blog"); err != nil || len(other.Requests) != 0 || other.Total != 0 {
		t.Errorf("of another site it has %+v, %v", other, err)
	}
	if _, err := b.server.Requests("none"); err == nil {
		t.Error("a site that is not there has requests")
	}
	q.Answer(page)
}
