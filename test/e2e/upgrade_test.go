package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// ends waits until a process that was replaced has ended, with nothing cut off.
func ends(t *testing.T, before *stack.Process) {
	t.Helper()
	if code, err := before.ExitCode(15 * time.Second); err != nil || code != 0 {
		t.Fatalf("the process before: exit code %d, %v", code, err)
	}
}

// What everything else here is for. The second virtual host keeps its connections to realdocd.
func TestUpgradesAndReloadsUnderLoadFailAndTearNothing(t *testing.T) {
	for _, reuse := range []string{"off", "auto"} {
		t.Run("reuse "+reuse, func(t *testing.T) {
			s := stack.For(t, "nginx", "php-fpm")
			shop, blog := s.Site(stack.SiteConfig{Name: "shop"}), s.Site(stack.SiteConfig{Name: "blog", First: 11})
			config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), shop, blog)
			config.Pools["www"]["max_conns"] = 6
			config.Pools["www"]["reuse"] = reuse
			gw := s.Gateway(config)
			web := s.Nginx(stack.NginxConfig{Workers: 2, Servers: []stack.NginxServer{
				{Root: shop.DocRoot(), Backend: gw.Addr},
				{Root: blog.DocRoot(), Backend: gw.Addr, KeepAlive: 8},
			}})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			load := stack.Load{
				URLs: []string{web.URL(0, "/index.php?pause=0&parts=5"), web.URL(1, "/index.php?pause=0&parts=5")},
				Post: true, Rate: 560, Clients: 24,
			}
			began := time.Now()
			traffic := load.Start(ctx)
			flips := stack.FlipEvery(20*time.Millisecond, shop, blog)
			for range 10 {
				s.More(traffic, 50)
				before := s.Upgrade(gw)
				s.More(traffic, 50)
				s.Reload(gw, config)
				ends(t, before)
			}
			stop()
			tally := traffic.Wait()
			n, err := flips.Stop()
			t.Logf("10 upgrades, 10 reloads, %d flips, %.0f requests/s: %v", n, float64(tally.Total)/time.Since(began).Seconds(), tally)
			if err != nil || n == 0 {
				t.Errorf("after %d flips: %v", n, err)
			}
			if tally.Failed > 0 || tally.Torn > 0 || tally.Unnamed > 0 {
				t.Error("want none failed and none torn")
			}
		})
	}
}

// With a socket of systemd's, connections wait in the kernel meanwhile, and those that the web server keeps are
// left with systemd. nginx sends a POST once only: a connection that was closed under it would be a 502.
func TestARestartUnderSystemdFailsNothing(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
	config.Activated = true
	gw := s.Gateway(config)
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: site.DocRoot(), Backend: gw.Addr, KeepAlive: 8},
		{Root: site.DocRoot(), Backend: gw.Addr},
	}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0"), web.URL(1, "/index.php?pause=0")}, Post: true}.Start(ctx)
	kept := 0
	for range 10 {
		s.More(traffic, 50)
		kept += s.RestartGateway(gw)
	}
	s.More(traffic, 50)
	t.Logf("10 restarts, over which %d connections were kept", kept)
	wantNoneFailed(t, traffic, stop)
	if kept == 0 {
		t.Error("no connection was kept")
	}
}

func TestAnIdleConnectionGoesOnWithTheSuccessor(t *testing.T) {
	for _, addr := range []string{"unix", "TCP"} {
		t.Run(addr, func(t *testing.T) {
			s := stack.For(t, "php-fpm")
			site := s.Site(stack.SiteConfig{Pages: pages()})
			config := stack.GatewayFor(s.FPM(stack.FPMConfig{}), site)
			config.TCP = true
			gw := s.Gateway(config)
			where := gw.Addr
			if addr == "TCP" {
				where = gw.TCP
			}
			kept := s.Connect(where) // as of a web server with keep-alive
			for range 3 {
				askOn(t, s, kept, site)
				ends(t, s.Upgrade(gw))
			}
			askOn(t, s, kept, site)
		})
	}
}

func TestAConnectionWhoseRequestRunsGoesOnWithTheSuccessorThen(t *testing.T) {
	s := openShop(t)
	g := newGate(s.Stack)
	kept := s.Connect(s.gw.Addr)
	if err := kept.Begin(true); err != nil {
		t.Fatal(err)
	}
	if err := kept.Params(stack.ParamsFor(s.site.DocRoot(), "GET", "/gate.php", "QUERY_STRING", "gate="+g.file)...); err != nil {
		t.Fatal(err)
	}
	if err := kept.Stdin(nil); err != nil {
		t.Fatal(err)
	}
	s.holding(t, 1, 0)
	before := s.Upgrade(s.gw)
	g.open(t)
	if reply := s.Reply(kept); reply.Status != http.StatusOK || !reply.Ended {
		t.Fatalf("status %d, complete %v", reply.Status, reply.Ended)
	}
	ends(t, before)
	askOn(t, s.Stack, kept, s.site)
}

// A request of which a part has come belongs to the process that has read it.
func TestARequestThatIsOnItsWayIsServedByTheProcessThatHasReadItsBeginning(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 300<<10)
	s := openBench(t, nil, nil)
	c := s.begin(t, "POST", "CONTENT_LENGTH", fmt.Sprint(len(body)))
	if err := c.Stdin(body[:100<<10]); err != nil {
		t.Fatal(err)
	}
	before := s.Upgrade(s.gw)
	if err := c.Stdin(body[100<<10:]); err != nil {
		t.Fatal(err)
	}
	if err := c.Stdin(nil); err != nil {
		t.Fatal(err)
	}
	q := s.fpm.Next()
	if got, ended := q.Body(); len(got) != len(body) || !ended {
		t.Errorf("FPM got %d bytes (whole %v), want %d", len(got), ended, len(body))
	}
	q.Answer("Content-Type: text/plain\r\n\r\nhello")
	if reply := s.Reply(c); !reply.Ended {
		t.Error("the response is not whole")
	}
	ends(t, before)
}

func TestBothProcessesTogetherKeepToMaxConnsAndServeInTurn(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1}})
	g := newGate(s.Stack)
	first := s.visit(g.path())
	s.holding(t, 1, 0)
	marks := marksDir(t, s.Stack)
	mark := func(name string) <-chan answer { return s.visit("/mark.php?mark=" + filepath.Join(marks, name)) }
	second := mark("second")
	s.holding(t, 1, 1)
	before := s.Upgrade(s.gw)
	s.holding(t, 1, 1)
	third := mark("third")
	s.holding(t, 1, 2)
	again := s.Upgrade(s.gw)
	fourth := mark("fourth")
	s.holding(t, 1, 3)
	if made, _ := os.ReadDir(marks); len(made) > 0 {
		t.Fatal("a request ran beyond max_conns")
	}
	g.open(t)
	for _, a := range []<-chan answer{first, second, third, fourth} {
		wantServed(t, <-a)
	}
	if order := byTime(t, marks); !slices.Equal(order, []string{"second", "third", "fourth"}) {
		t.Errorf("served in the order %v", order)
	}
	ends(t, before)
	ends(t, again)
	s.holding(t, 0, 0)
}

// byTime are the marks of a directory by when their scripts ran, the first one first.
func byTime(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	when := map[string]int{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if when[e.Name()], err = strconv.Atoi(string(text)); err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(when[a], when[b]) })
	return names
}

func TestAPausedPoolStaysPausedAndResumesInBothProcesses(t *testing.T) {
	s := openShop(t)
	s.Command(s.gw, 0, "pause", "www")
	old := s.visit("/who.php")
	s.holding(t, 0, 1)
	before := s.Upgrade(s.gw)
	fresh := s.visit("/who.php")
	s.pool(t, func(p control.PoolStatus) bool { return p.Paused && p.Running == 0 && p.Waiting == 2 })
	s.Command(s.gw, 0, "resume", "www")
	wantServed(t, <-old)
	wantServed(t, <-fresh)
	ends(t, before)
}

func TestAPauseThatDrainsWaitsForBothProcesses(t *testing.T) {
	s := openShop(t)
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	drained := s.command("pause", "www", "--drain", "--timeout", "20s")
	s.pool(t, func(p control.PoolStatus) bool { return p.Paused })
	before := s.Upgrade(s.gw)
	s.pool(t, func(p control.PoolStatus) bool { return p.Paused && p.Running == 1 })
	select {
	case got := <-drained:
		t.Fatalf("drained with a request inside: %v", got)
	default:
	}
	g.open(t)
	wantServed(t, <-runs)
	if got := <-drained; got.code != 0 {
		t.Errorf("pause --drain: exit code %d: %s", got.code, got.output)
	}
	s.pool(t, func(p control.PoolStatus) bool { return p.Paused && p.Running == 0 })
	ends(t, before)
}

// outcome is how a command ended.
type outcome struct {
	code   int
	output string
}

// command runs a verb of realdocd beside the test.
func (s *shop) command(args ...string) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		code, output, err := s.gw.Command(args...)
		if err != nil {
			code, output = -1, err.Error()
		}
		done <- outcome{code, output}
	}()
	return done
}

func TestADrainCountsWhatTheProcessBeforeStillRuns(t *testing.T) {
	s := openReleases(t, nil)
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	s.get(t, "/who.php")
	seen := s.detail(t).Docroots[0].Releases[0]
	mark := s.gw.Log.Mark()
	before := s.Upgrade(s.gw)
	if said := s.Command(s.gw, 0, "status"); !strings.Contains(said, fmt.Sprintf("pid %d, which it has replaced, finishes 1 request\n", before.Pid())) {
		t.Errorf("status says\n%s", said)
	}
	if now := s.detail(t).Docroots[0].Releases[0]; now.Running != 1 || now.Requests != seen.Requests || !now.FirstSeen.Equal(seen.FirstSeen) || len(now.Inside) != 1 {
		t.Errorf("release before and after the upgrade:\n%+v\n%+v", seen, now)
	}
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	if said := s.Command(s.gw, 1, "drain", "shop", "1", "--timeout", "200ms"); !strings.Contains(said, "GET /gate.php") {
		t.Errorf("drain says %s", said)
	}
	drained := s.command("drain", "shop", "1", "--timeout", "20s")
	again := s.Upgrade(s.gw) // the drain goes on with the next
	s.get(t, "/who.php")
	g.open(t)
	wantServed(t, <-runs)
	if got := <-drained; got.code != 0 {
		t.Errorf("drain: exit code %d: %s", got.code, got.output)
	}
	s.logged(t, mark, "release is idle", s.site.Release(1))
	ends(t, before)
	ends(t, again)
	live := 0
	for _, line := range s.gw.Log.Lines(mark) {
		if e := stack.ParseEvent(line); e.String("message") == "release is live" {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d flips were logged, want the one", live)
	}
	s.Command(s.gw, 0, "rollback", "shop")
	if got := s.detail(t).Release; got != s.site.Release(1) {
		t.Errorf("rolled back to %s", got)
	}
}

func TestACommandIsCountedByTheProcessThatTakesOver(t *testing.T) {
	s := openReleases(t, nil)
	g := newGate(s.Stack)
	ran := s.command("exec", "shop", "--", "sh", "-c", "until test -e "+g.file+"; do sleep 0.02; done")
	inside := func() bool {
		releases := s.detail(t).Docroots[0].Releases
		return len(releases[0].Inside) == 1 && releases[0].Inside[0].Kind == "command"
	}
	stack.Until(t, "the command is inside", inside)
	for range 2 {
		ends(t, s.Upgrade(s.gw)) // which it does not while somebody is inside
		if !inside() {
			t.Fatal("the command was lost")
		}
	}
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	s.Command(s.gw, 1, "drain", "shop", "1", "--timeout", "100ms")
	g.open(t)
	if got := <-ran; got.code != 0 {
		t.Errorf("exec: exit code %d: %s", got.code, got.output)
	}
	s.Command(s.gw, 0, "drain", "shop", "1", "--timeout", "5s")
}

func TestACommandThatRestartsOnFlipSeesItAfterAnUpgrade(t *testing.T) {
	s := openReleases(t, nil)
	ran := s.command("exec", "shop", "--restart-on-flip", "--", "sleep", "60")
	stack.Until(t, "the command is inside", func() bool { return len(s.detail(t).Docroots[0].Releases[0].Inside) == 1 })
	ends(t, s.Upgrade(s.gw))
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	if got := <-ran; got.code != 128+int(syscall.SIGTERM) {
		t.Errorf("exec: exit code %d: %s", got.code, got.output)
	}
}

func TestAnUpgradeThatFailsChangesNothing(t *testing.T) {
	s := openShop(t)
	kept := s.visit("/who.php")
	wantServed(t, <-kept)
	for name, break_ := range map[string]func(){
		"a configuration with a fault": func() { s.write(t, "listen = 3\n") },
		"an address that is taken": func() {
			text, err := os.ReadFile(s.gw.Config)
			if err != nil {
				t.Fatal(err)
			}
			s.write(t, "metrics = \""+strings.TrimPrefix(strings.TrimSuffix(s.web.URL(0, ""), "/"), "http://")+"\"\n"+string(text))
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(s.gw.Config)
			if err != nil {
				t.Fatal(err)
			}
			defer s.write(t, string(text))
			traffic, stop := s.steady(t)
			break_()
			if _, err := s.gw.Upgrade(); err == nil || !strings.Contains(err.Error(), "upgrade failed") {
				t.Fatalf("the upgrade: %v", err)
			}
			s.More(traffic, 20)
			wantNoneFailed(t, traffic, stop)
			if code, said, err := s.gw.Command("status", "--control", string(s.gw.Control)); code != 0 || err != nil {
				t.Errorf("status: %d %v %s", code, err, said)
			}
		})
	}
	s.Reload(s.gw, s.config)
	ends(t, s.Upgrade(s.gw))
	wantServed(t, <-s.visit("/who.php"))
}

func (s *shop) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.gw.Config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheEndOfTheSuccessorEndsTheProcessBeforeToo(t *testing.T) {
	s := openShopWith(t, settings{})
	s.config.Top["shutdown_timeout"] = "300ms"
	s.Reload(s.gw, s.config)
	g := newGate(s.Stack)
	defer g.open(t)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	before := s.Upgrade(s.gw)
	if err := s.gw.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*stack.Process{before, s.gw.Process} {
		if _, err := p.ExitCode(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
	if a := <-runs; a.status == http.StatusOK {
		t.Error("the request was not cut off")
	}
}

// A crash of the new process must not leave the old one's visitors waiting for places.
func TestWhoWaitsInTheProcessBeforeIsServedWhenTheSuccessorDies(t *testing.T) {
	s := openShopWith(t, settings{pool: stack.Keys{"max_conns": 1}})
	g := newGate(s.Stack)
	runs := s.visit(g.path())
	s.holding(t, 1, 0)
	waits := s.visit("/who.php")
	s.holding(t, 1, 1)
	before := s.Upgrade(s.gw)
	s.gw.Kill()
	if _, err := s.gw.ExitCode(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	g.open(t)
	wantServed(t, <-runs)
	wantServed(t, <-waits)
	ends(t, before)
}

func TestAnUpgradeMovesTheListener(t *testing.T) {
	s := openShop(t)
	moved := stack.Addr(filepath.Join(filepath.Dir(string(s.gw.Addr)), "moved"))
	s.config.Top["listen"] = []string{string(moved)}
	text, err := os.ReadFile(s.gw.Config)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, strings.Replace(string(text), `"`+string(s.gw.Addr)+`"`, `"`+string(moved)+`"`, 1))
	ends(t, s.Upgrade(s.gw))
	if reply := s.Ask(moved, nil, stack.ParamsFor(s.site.DocRoot(), "GET", "/who.php")...); reply.Status != http.StatusOK {
		t.Errorf("at the new address: status %d", reply.Status)
	}
	if _, err := os.Stat(string(s.gw.Addr)); err == nil {
		t.Error("the old socket's file is there still")
	}
}
