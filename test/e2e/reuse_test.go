package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// openReusing starts a shop that keeps its connections to FPM, and waits until it does.
func openReusing(t *testing.T, fpm stack.FPMConfig) *shop {
	t.Helper()
	s := openShopWith(t, settings{fpm: fpm, pool: stack.Keys{"reuse": "auto"}})
	s.Event(s.gw, 0, "connections to FPM are kept")
	s.getToKnow(t)
	return s
}

// getToKnow sends the first request: it shows realdocd whose listener it is, and realdocd asks once more.
func (s *shop) getToKnow(t *testing.T) {
	t.Helper()
	s.get(t, "/who.php")
	s.pool(t, func(p control.PoolStatus) bool { return p.Servers[0].Reuse == "on" })
	s.idle(t, 0)
}

// settled waits until nothing runs, for the counters of all that has ended.
func (s *shop) settled(t *testing.T) control.ServerStatus {
	t.Helper()
	return s.pool(t, func(p control.PoolStatus) bool { return p.Running == 0 }).Servers[0]
}

// idle waits until nothing runs and so many connections are kept.
func (s *shop) idle(t *testing.T, kept int) control.ServerStatus {
	t.Helper()
	return s.pool(t, func(p control.PoolStatus) bool { return p.Running == 0 && p.Servers[0].Kept == kept }).Servers[0]
}

func TestRequestsGoOverKeptConnections(t *testing.T) {
	s := openReusing(t, stack.FPMConfig{})
	for range 200 {
		s.get(t, "/who.php")
	}
	if fpm := s.settled(t); fpm.Reused <= 100 {
		t.Errorf("of 200 requests %d went over a kept connection: %+v", fpm.Reused, fpm)
	}
}

// Behind fastcgi_finish_request END_REQUEST comes while the script runs on, and its worker reads no request.
func TestAScriptThatWorksOnDelaysNoOther(t *testing.T) {
	s := openReusing(t, stack.FPMConfig{})
	for range 2 {
		s.get(t, "/finish.php?ms=1000")
		s.pool(t, func(p control.PoolStatus) bool { return p.Running == 0 && p.Servers[0].Kept > 0 })
		for range 5 {
			if a := s.get(t, "/who.php"); a.took > promptly {
				t.Errorf("a request behind a script that works on was answered after %v", a.took)
			}
		}
	}
}

func TestNoRequestIsLostToAWorkerThatHasHadItsRequests(t *testing.T) {
	s := openReusing(t, stack.FPMConfig{Pool: []string{"pm.max_requests = 5"}})
	urls := []string{s.web.URL(0, "/index.php?pause=0")}
	for name, load := range map[string]stack.Load{
		"one after the other": {URLs: urls, Clients: 1, Requests: 100},
		"at the same time":    {URLs: urls, Clients: 8, Requests: 200},
	} {
		if tally := load.Run(t.Context()); tally.Failed > 0 {
			t.Errorf("%s: %v", name, tally)
		}
	}
	if fpm := s.settled(t); fpm.Reused == 0 {
		t.Errorf("nothing went over a kept connection: %+v", fpm)
	}
}

func TestAKeptConnectionThatFPMHasClosedLosesNoRequest(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, s *shop, worker int)
	}{
		{"the worker was killed", func(t *testing.T, s *shop, worker int) {
			mark := s.fpm.Log.Mark()
			if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			s.Wait(s.fpm.Process, mark, stack.Containing(fmt.Sprintf("child %d exited", worker)))
		}},
		{"FPM was reloaded", func(t *testing.T, s *shop, _ int) {
			if err := s.fpm.Reload(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openReusing(t, stack.FPMConfig{})
			worker, err := strconv.Atoi(strings.TrimPrefix(s.get(t, "/who.php").body, "- "))
			if err != nil {
				t.Fatal(err)
			}
			s.idle(t, 1)
			c.end(t, s, worker)
			for range 20 {
				s.get(t, "/who.php")
			}
		})
	}
}

// What a script has left unread of a body lies on the connection, and older versions of FPM take it for the
// next request. This FPM does not, so what shows is where the next request goes.
func TestAConnectionThatHadABodyIsNotUsedAgain(t *testing.T) {
	s := openReusing(t, stack.FPMConfig{INI: map[string]string{"enable_post_data_reading": "0"}})
	marks := marksDir(t, s.Stack)
	smuggled := func(mark string) []byte {
		var b bytes.Buffer
		pairs := stack.ParamsFor(s.site.Release(1)+"/public", "GET", "/mark.php", "QUERY_STRING", "mark="+mark)
		for _, r := range []stack.Record{
			{Type: stack.BeginRequest, ID: 1, Content: []byte{0, 1, 1, 0, 0, 0, 0, 0}},
			{Type: stack.ParamsType, ID: 1, Content: stack.Pairs(pairs...)},
			{Type: stack.ParamsType, ID: 1},
			{Type: stack.StdinType, ID: 1},
		} {
			r.WriteTo(&b)
		}
		return b.Bytes()
	}
	for _, c := range []struct {
		name string
		pad  int // the body is so much longer
	}{
		{"a small body", 0},
		{"a body that is larger than a socket's buffers", 1 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.idle(t, 0)
			mark := filepath.Join(marks, strconv.Itoa(c.pad))
			fetch(t, post(t, s.web.URL(0, "/who.php"), bytes.NewReader(append(smuggled(mark), make([]byte, c.pad)...))))
			if after := s.settled(t); after.Kept != 0 || after.Opened != before.Opened+1 || after.Reused != before.Reused {
				t.Errorf("a request with a body: before %+v, after it %+v", before, after)
			}
			s.get(t, "/who.php")
			if after := s.settled(t); after.Opened != before.Opened+2 || after.Reused != before.Reused {
				t.Errorf("the next request did not go over a connection of its own: before %+v, after %+v", before, after)
			}
			if marked(mark) {
				t.Error("the body was run as a request")
			}
		})
	}
}

// A kept connection counts as a busy worker, which pm = ondemand would never end.
func TestIdleConnectionsLetOnDemandWorkersEnd(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	fpm := s.FPM(stack.FPMConfig{PM: "ondemand", Pool: []string{"pm.process_idle_timeout = 1s"}})
	release := holdWorkers(t, s, fpm, 2) // while realdocd looks how many there are
	sh := openShopOn(s, fpm, settings{pool: stack.Keys{"reuse": "auto"}})
	s.Event(sh.gw, 0, "connections to FPM are kept")
	sh.getToKnow(t)
	release()
	for range 20 {
		sh.get(t, "/who.php")
	}
	if server := sh.settled(t); server.Reused == 0 {
		t.Fatalf("nothing went over a kept connection: %+v", server)
	}
	if err := fpm.WaitWorkers(0); err != nil {
		t.Error(err)
	}
}

// holdWorkers makes FPM have so many workers more than it needs, until they are released.
func holdWorkers(t *testing.T, s *stack.Stack, fpm *stack.FPM, n int) (release func()) {
	t.Helper()
	var held []*stack.Client
	for range n {
		c := s.Connect(fpm.Addr)
		if err := c.Begin(true); err != nil {
			t.Fatal(err)
		}
		// That there is no such script is an answer too.
		if err := c.Params(stack.ParamsFor(s.Dir, "GET", "/none.php")...); err != nil {
			t.Fatal(err)
		}
		if err := c.Stdin(nil); err != nil {
			t.Fatal(err)
		}
		s.Reply(c)
		held = append(held, c)
	}
	return func() {
		for _, c := range held {
			c.Close()
		}
	}
}

// The other clients of an FPM know nothing of realdocd's kept connections: a worker must be left to them.
func TestIdleConnectionsLeaveAWorkerToOthers(t *testing.T) {
	s := openReusing(t, stack.FPMConfig{MaxChildren: 2})
	stack.Load{URLs: []string{s.web.URL(0, "/index.php?pause=0")}, Clients: 2, Requests: 100}.Run(t.Context())
	s.pool(t, func(p control.PoolStatus) bool { return p.Running == 0 && p.Servers[0].Kept > 0 })
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			start := time.Now()
			reply, err := stack.Ask(s.fpm.Addr, nil, stack.ParamsFor(s.site.DocRoot(), "GET", "/who.php")...)
			if err != nil || reply.Status != http.StatusOK || !reply.Ended {
				t.Errorf("another client of FPM got %+v, %v", reply, err)
			}
			if took := time.Since(start); took > promptly {
				t.Errorf("another client of FPM waited %v", took)
			}
		})
	}
	others.Wait()
}

func TestConnectionsToAnUnknownFPMAreNotKept(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	// The script that tells the version is outside.
	fpm := s.FPM(stack.FPMConfig{Pool: []string{"php_admin_value[open_basedir] = " + filepath.Join(s.Dir, "shop")}})
	sh := openShopOn(s, fpm, settings{pool: stack.Keys{"reuse": "auto"}})
	event := s.Event(sh.gw, 0, "connections to FPM are not kept")
	if !strings.Contains(event.String("error"), "open_basedir") {
		t.Errorf("the log does not say why: %v", event)
	}
	for range 20 {
		sh.get(t, "/who.php")
	}
	if server := sh.settled(t); server.Opened != 20 || server.Reused != 0 || !strings.Contains(server.Reuse, "open_basedir") {
		t.Errorf("want 20 connections and why: %+v", server)
	}
}

// As TestNoRequestIsTornWhileReleasesFlip; here a worker gets the requests of both sites on one connection.
func TestNoRequestIsTornOnKeptConnections(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	shop := s.Site(stack.SiteConfig{Name: "shop"})
	blog := s.Site(stack.SiteConfig{Name: "blog", First: 11})
	c := stack.GatewayFor(s.FPM(stack.FPMConfig{}), shop, blog)
	c.Pools["www"]["reuse"] = "auto"
	gw := s.Gateway(c)
	s.Event(gw, 0, "connections to FPM are kept")
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: shop.DocRoot(), Backend: gw.Addr},
		{Root: blog.DocRoot(), Backend: gw.Addr, KeepAlive: 8},
	}})
	load := func(server int) stack.Load {
		return stack.Load{URLs: []string{web.URL(server, "/index.php"), web.URL(server, "/own.php")}, Clients: 4, Duration: 3 * time.Second}
	}
	tallies := s.Run(stack.FlipEvery(20*time.Millisecond, shop, blog), load(0), load(1))
	wantWhole(t, shop, tallies[0])
	wantWhole(t, blog, tallies[1])
	st := status(t, gw, func(control.Status) bool { return true })
	if server := st.Pools[0].Servers[0]; server.Reused < server.Opened {
		t.Errorf("most requests went over new connections: %+v", server)
	}
}
