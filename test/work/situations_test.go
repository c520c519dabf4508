package work

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

// The page does what it is told, and leaves files that say how far it has come.
const page = `<?php
$dir = $_GET['dir'];
touch("$dir/began");
$writes = function () { for ($i = 0; $i < 40; $i++) { echo str_repeat(' ', 9000); flush(); usleep(10000); } };
switch ($_GET['do'] ?? '') {
case 'silent': usleep(500000); break;
case 'writes': $writes(); break;
case 'ignores': ignore_user_abort(true); $writes(); break;
case 'shutdown': register_shutdown_function(function () use ($dir) { usleep(300000); touch("$dir/ended"); }); $writes(); exit;
case 'exec': exec('sleep 1 >/dev/null 2>&1 &'); usleep(300000); break;
case 'head': echo 'x'; flush(); usleep(300000); echo 'y'; flush(); break;
case 'length': header('Content-Length: 3'); echo 'abc'; flush(); usleep(300000); echo 'more'; flush(); break;
case '204': http_response_code(204); flush(); usleep(300000); break;
case '304': http_response_code(304); flush(); usleep(300000); break;
case 'range': http_response_code(206); header('Content-Range: bytes 0-2/9'); header('Content-Length: 3'); echo 'abc'; flush(); usleep(300000); break;
case 'accel': header('X-Accel-Redirect: /plain.txt'); flush(); usleep(300000); break;
case 'finish': echo 'x'; fastcgi_finish_request(); usleep(300000); break;
case 'large': for ($i = 0; $i < 400; $i++) { echo str_repeat('x', 10000); } break;
}
touch("$dir/ended");
`

// A situation is what a visitor does, and what becomes of the script: through PHP-FPM alone, and
// through realdocd.
type situation struct {
	name        string
	method, do  string
	visit       func(*visitor)
	plain, here string
}

// visitor is one side of the comparison.
type visitor struct {
	t    *testing.T
	web  string // of the site
	host string
	dir  string // of marks
	s    situation
}

func (v *visitor) has(mark string) bool {
	_, err := os.Stat(filepath.Join(v.dir, mark))
	return err == nil
}

func (v *visitor) url(do string) string {
	return fmt.Sprintf("%s/work.php?do=%s&dir=%s", v.web, do, url.QueryEscape(v.dir))
}

// request sends one, and leaves when ctx ends.
func (v *visitor) request(ctx context.Context, method, do string, body io.Reader, reads int64) {
	request, err := http.NewRequestWithContext(ctx, method, v.url(do), body)
	if err != nil {
		panic(err) // the URL is the test's own
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if reads >= 0 {
		io.CopyN(io.Discard, resp.Body, reads)
		return
	}
	io.Copy(io.Discard, resp.Body)
}

// stays reads the whole response.
func stays(v *visitor) { v.request(v.t.Context(), v.s.method, v.s.do, nil, -1) }

// leaves goes when the script has begun.
func leaves(v *visitor) {
	ctx, leave := context.WithCancel(v.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); v.request(ctx, v.s.method, v.s.do, nil, -1) }()
	stack.Until(v.t, "the script begins", func() bool { return v.has("began") })
	time.Sleep(50 * time.Millisecond)
	leave()
	<-done
}

// leavesQueue goes while all workers are taken by others.
func leavesQueue(v *visitor) {
	other := *v
	other.dir = v.dir + "/others"
	if err := os.Mkdir(other.dir, 0o777); err != nil {
		v.t.Fatal(err)
	}
	os.Chmod(other.dir, 0o777)
	for range 2 {
		go other.request(v.t.Context(), "GET", "silent", nil, -1)
	}
	stack.Until(v.t, "the others run", func() bool { return other.has("began") })
	time.Sleep(100 * time.Millisecond)
	ctx, leave := context.WithTimeout(v.t.Context(), 100*time.Millisecond)
	defer leave()
	v.request(ctx, v.s.method, v.s.do, nil, -1)
}

// uploads sends a part of a body of 400,000 bytes and leaves.
func uploads(percent int) func(*visitor) {
	return func(v *visitor) {
		conn, err := stack.Addr(v.host).Dial()
		if err != nil {
			v.t.Fatal(err)
		}
		at, _ := url.Parse(v.url(v.s.do))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: text/plain\r\nContent-Length: 400000\r\n\r\n%s", at.RequestURI(), strings.Repeat("x", 4000*percent))
		time.Sleep(100 * time.Millisecond)
		conn.Close()
	}
}

// readsSlowly reads a large response in small parts.
func readsSlowly(v *visitor) {
	request, _ := http.NewRequest("GET", v.url(v.s.do), nil)
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	for range 20 {
		io.CopyN(io.Discard, resp.Body, 100_000)
		time.Sleep(10 * time.Millisecond)
	}
	io.Copy(io.Discard, resp.Body)
}

const (
	whole = "runs to its end"
	isCut = "is cut"
	never = "never runs"
)

var situations = []situation{
	{"a silent script, and the visitor leaves", "GET", "silent", leaves, whole, whole},
	{"a script that writes, and the visitor leaves", "GET", "writes", leaves, isCut, isCut},
	{"an event stream by POST, and the visitor leaves", "POST", "writes", leaves, isCut, isCut},
	{"ignore_user_abort, and the visitor leaves", "GET", "ignores", leaves, whole, whole},
	{"register_shutdown_function, and the visitor leaves", "GET", "shutdown", leaves, whole, whole},
	{"a script that has begun another program, and the visitor leaves", "GET", "exec", leaves, whole, whole},
	{"a POST whose visitor leaves while all workers are taken", "POST", "silent", leavesQueue, whole, whole},
	{"a PUT whose visitor leaves while all workers are taken", "PUT", "silent", leavesQueue, whole, whole},
	{"a GET whose visitor leaves while all workers are taken", "GET", "silent", leavesQueue, whole, never},
	{"HEAD, and the script goes on and writes", "HEAD", "head", stays, isCut, whole},
	{"Content-Length, and the script goes on and writes", "GET", "length", stays, isCut, whole},
	{"204, and the script goes on", "GET", "204", stays, whole, whole},
	{"304, and the script goes on", "GET", "304", stays, whole, whole},
	{"a Range of a Content-Length, and the script goes on", "GET", "range", stays, whole, whole},
	{"X-Accel-Redirect, and the script goes on", "GET", "accel", stays, whole, whole},
	{"fastcgi_finish_request, and the script goes on", "GET", "finish", stays, whole, whole},
	{"a long poll that ends after its visitor has left", "GET", "silent", leaves, whole, whole},
	{"an upload that breaks off at 0 %", "POST", "silent", uploads(0), whole, never},
	{"an upload that breaks off at 50 %", "POST", "silent", uploads(50), whole, never},
	{"an upload that breaks off at 99 %", "POST", "silent", uploads(99), whole, never},
	{"a visitor who reads slowly", "GET", "large", readsSlowly, whole, whole},
}

// outcome waits for what becomes of the script.
func (v *visitor) outcome() string {
	ended := time.Now().Add(2500 * time.Millisecond)
	for time.Now().Before(ended) {
		if v.has("ended") {
			return whole
		}
		time.Sleep(5 * time.Millisecond)
	}
	if v.has("began") {
		return isCut
	}
	return never
}

func TestSituations(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{Pages: fstest.MapFS{"work.php": {Data: []byte(page)}, "plain.txt": {Data: []byte("plain")}}})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 2})
	config := stack.GatewayFor(fpm, site)
	config.Pools["www"]["max_conns"] = 2
	gw := s.Gateway(config)
	lines := []string{"fastcgi_keep_conn on;", "fastcgi_request_buffering off;", "fastcgi_buffering off;"}
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: fpm.Addr, Lines: lines},
		{Root: site.DocRoot(), Backend: gw.Addr, Lines: lines},
	}})
	draw := os.Getenv("WORK_TABLE") != ""
	for i, row := range situations {
		var got [2]string
		for side := range got {
			v := &visitor{t: t, s: row, web: web.URL(side, ""), host: string(web.Addrs[side]), dir: fmt.Sprintf("%s/%d-%d", s.Dir, i, side)}
			if err := os.Mkdir(v.dir, 0o777); err != nil {
				t.Fatal(err)
			}
			os.Chmod(v.dir, 0o777)
			row.visit(v)
			got[side] = v.outcome()
			time.Sleep(50 * time.Millisecond)
		}
		switch want := [2]string{row.plain, row.here}; {
		case draw:
			fmt.Printf("%-66s | %-16s | %s\n", row.name, got[0], got[1])
		case got != want:
			t.Errorf("%s: through PHP-FPM alone it %s, through realdocd it %s; want %q", row.name, got[0], got[1], want)
		}
	}
}
