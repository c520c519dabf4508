package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/fpm"
	"realdocd/test/stack"
)

// site is the shop as the control API has it, its newest release last.
func (b *bench) shop() []control.ReleaseStatus {
	b.t.Helper()
	d, err := b.server.Site("shop", "")
	b.must(err)
	return d.Docroots[0].Releases
}

func (b *bench) drainShop(ctx context.Context, n string) ([]control.Occupant, error) {
	return b.server.DrainRelease(ctx, "shop", "", b.release("shop", n), control.PinsEnd)
}

func TestASiteTellsWhoIsInsideWhichRelease(t *testing.T) {
	b := newBench(t).start()
	c, old := b.running(b.params("REQUEST_URI", "/long", "REQUEST_ID", "the-long-one")...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	failing, q := b.running(b.params()...)
	q.Close()
	b.wantRefused(failing, 502)
	broken, q := b.running(b.params()...)
	q.Answer("Status: 500\r\n\r\n")
	b.reply(broken)
	b.poolNow("one running", func(p control.PoolStatus) bool { return p.Running == 1 })
	releases := b.shop()
	if len(releases) != 2 {
		t.Fatalf("%d releases: %+v", len(releases), releases)
	}
	if r := releases[0]; r.Name != "1" || r.Live || r.Running != 1 || r.Requests != 1 ||
		len(r.Inside) != 1 || r.Inside[0].What != "GET /long" || r.Inside[0].Kind != "request" || r.Inside[0].Age <= 0 || r.Inside[0].RequestID != "the-long-one" {
		t.Errorf("release 1 is %+v", r)
	}
	if r := releases[1]; r.Name != "2" || !r.Live || r.Running != 0 || r.Requests != 3 || r.Failed != 2 || r.LastSeen.IsZero() {
		t.Errorf("release 2 is %+v", r)
	}
	old.Answer(page)
	b.wantPage(c)
	if event := b.logged("release is idle"); event.String("release") != b.release("shop", "1") {
		t.Errorf("the log has %v", event)
	}
}

// A body that is buffered is awaited before the request has a release; one that is streamed is inside.
func TestASlowUploadIsInsideAReleaseOnlyIfItIsStreamed(t *testing.T) {
	for _, buffering := range []bool{true, false} {
		t.Run(fmt.Sprintf("request_buffering = %v", buffering), func(t *testing.T) {
			b := newBench(t)
			b.cfg.Sites[0].RequestBuffering = buffering
			b.start()
			b.served(b.connect(), "", b.params()...)
			b.poolNow("rest", func(p control.PoolStatus) bool { return p.Running == 0 })
			stack.Until(t, "nobody is inside", func() bool { return len(b.shop()[0].Inside) == 0 })
			c := b.connect()
			b.must(c.Begin(true))
			b.must(c.Params(b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "10")...))
			b.must(c.Stdin(make([]byte, 5)))
			want := "2"
			if !buffering {
				want = "1"
				stack.Until(t, "the request is shown", func() bool { return len(b.shop()[0].Inside) > 0 })
			}
			b.flip("2")
			if buffering {
				if left, err := b.drainShop(t.Context(), "1"); err != nil || len(left) > 0 {
					t.Errorf("a drain waits for %+v, %v", left, err)
				}
			}
			b.must(c.Stdin(make([]byte, 5)))
			b.must(c.Stdin(nil))
			q := b.fpm.Next()
			if ran, _ := q.Value("REALDOC_RELEASE"); ran != want {
				t.Errorf("it runs on release %s, want %s", ran, want)
			}
			q.Answer(page)
			b.wantPage(c)
		})
	}
}

// A release is idle when no site runs in it: the scripts of another may be below the same link.
func TestADrainWaitsForEachSiteOfTheRelease(t *testing.T) {
	b := newBench(t)
	b.must(os.Mkdir(b.release("shop", "1")+"/cgi", 0o755))
	b.must(os.Mkdir(b.release("shop", "2")+"/cgi", 0o755))
	scripts := b.link("shop") + "/cgi"
	b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: "cgi", Docroot: scripts, Pool: "www", RequestBuffering: true})
	b.start()
	c, q := b.running(stack.ParamsFor(scripts, "GET", "/said.pl")...)
	b.flip("2")
	ctx, cancel := context.WithTimeout(t.Context(), 3*drainEvery)
	defer cancel()
	if left, err := b.drainShop(ctx, "1"); !errors.Is(err, context.DeadlineExceeded) || len(left) != 1 || left[0].What != "GET /said.pl" {
		t.Errorf("drained with %+v inside, %v", left, err)
	}
	q.Answer(page)
	b.wantPage(c)
	if _, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Errorf("drain: %v", err)
	}
}

// Two links may lead to one release; it is live while one of them does.
func TestADrainOfAReleaseThatIsLiveByAnotherLinkFails(t *testing.T) {
	b := newBench(t)
	b.must(os.Remove(b.link("blog")))
	b.must(os.Symlink(b.release("shop", "1"), b.link("blog")))
	b.start()
	b.served(b.connect(), "", b.params()...)
	b.served(b.connect(), "", stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")...)
	b.flip("2")
	if _, err := b.drainShop(t.Context(), "1"); !errors.Is(err, deploy.ErrLive) || !strings.Contains(err.Error(), "site blog") {
		t.Errorf("drain: %v", err)
	}
}

func TestADrainWaitsForWhoIsInside(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params("REQUEST_URI", "/long")...)
	if _, err := b.drainShop(t.Context(), "1"); !errors.Is(err, deploy.ErrLive) {
		t.Errorf("drain of the live release: %v", err)
	}
	b.flip("2")
	ctx, cancel := context.WithTimeout(t.Context(), 3*drainEvery)
	defer cancel()
	if left, err := b.drainShop(ctx, "1"); !errors.Is(err, context.DeadlineExceeded) || len(left) != 1 || left[0].What != "GET /long" {
		t.Errorf("drained with %+v inside, %v", left, err)
	}
	drained := make(chan error, 1)
	go func() {
		_, err := b.drainShop(t.Context(), "1")
		drained <- err
	}()
	q.Answer(page)
	b.wantPage(c)
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
	if _, err := b.drainShop(t.Context(), "never"); err != nil {
		t.Errorf("drain of a release that was never seen: %v", err)
	}
}

func TestAFlipIsLoggedThoughNoRequestFollows(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	for _, text := range []string{`releases/2","message":"release is live"`, "release is idle"} {
		b.logged(text)
	}
}

// warmBench has a release 2 with the site's pages.
func warmBench(t *testing.T, uris ...string) *bench {
	b := newBench(t)
	b.cfg.Sites[0].Warm, b.cfg.Sites[0].WarmTimeout = uris, patience
	b.must(os.WriteFile(b.release("shop", "2")+"/public/a.php", nil, 0o644))
	return b.start()
}

func TestWarmRequestsRunOnTheReleaseThatIsNotLive(t *testing.T) {
	b := warmBench(t, "/a.php/info?q=1", "https://shop.example/login")
	results := make(chan []control.WarmResult, 1)
	go func() {
		got, err := b.server.Warm(t.Context(), "shop", "", b.release("shop", "2"))
		if err != nil {
			t.Error(err)
		}
		results <- got
	}()
	public := b.release("shop", "2") + "/public"
	for _, want := range []map[string]string{
		{"SCRIPT_FILENAME": public + "/a.php", "PATH_INFO": "/info", "QUERY_STRING": "q=1", "HTTP_HOST": "localhost"},
		{"SCRIPT_FILENAME": public + "/index.php", "REQUEST_URI": "/login", "HTTP_HOST": "shop.example", "HTTPS": "on", "SERVER_PORT": "443", "REQUEST_SCHEME": "https", "SERVER_ADDR": "127.0.0.1"},
	} {
		q := b.fpm.Next()
		want["DOCUMENT_ROOT"], want["REALDOC_RELEASE"] = public, "2"
		for name, value := range want {
			if got, _ := q.Value(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		if got := b.server.setup.Load().sites.named("shop").releases.Live(b.docroot("shop")); got != b.release("shop", "1") {
			t.Errorf("%s is live", got)
		}
		q.Answer(page)
	}
	if got := <-results; len(got) != 2 || got[0].Status != 200 || got[0].Note != "" || got[1].Error != "" || got[1].Note != "no such file: index.php ran" {
		t.Errorf("got %+v", got)
	}
	// A request leaves its release when the whole response is out.
	stack.Until(t, "nobody is in release 2", func() bool { return b.shop()[1].Running == 0 })
	if r := b.shop()[1]; r.Name != "2" || r.Requests != 2 || r.Running != 0 {
		t.Errorf("release 2 is %+v", r)
	}
}

func TestAWarmUpEndsWithTheFirstRequestThatFails(t *testing.T) {
	b := warmBench(t, "/", "/never")
	go func() {
		q := b.fpm.Next()
		q.Stdout("Status: 500\r\n\r\nthe cause\n")
		q.Answer("")
	}()
	got, err := b.server.Warm(t.Context(), "shop", "", b.release("shop", "2"))
	if err != nil || len(got) != 1 || got[0].Status != 500 || !strings.Contains(got[0].Error, "500") || got[0].Head != "the cause\n" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := b.server.Warm(t.Context(), "shop", "", b.release("shop", "9")); err == nil {
		t.Error("a release that is not there was warmed")
	}
}

func TestTheHistorySurvivesARestartAndSaysWhoFlipped(t *testing.T) {
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.start()
	_, err := b.server.Look("shop", "", "") // or the first release might be live unseen
	b.must(err)
	b.flip("2")
	d, err := b.server.Look("shop", "", "rollback")
	b.must(err)
	if n := len(d.History); n != 2 || d.History[0].By != "link" || d.History[1].By != "rollback" || d.History[1].Release != b.release("shop", "2") {
		t.Errorf("the history is %+v", d.History)
	}
	events, err := deploy.NewHistory(b.cfg.StateDir, "shop").Events()
	if err != nil || len(events) != 2 {
		t.Errorf("on disk: %+v, %v", events, err)
	}
}

func TestHeadroomIsWhatTheLiveReleaseHasLessWhatIsCached(t *testing.T) {
	type dirs = map[string][2]int64
	for _, row := range []struct {
		name    string
		opcache *fpm.Opcache
		fits    bool
		known   bool
		restart bool
		memory  int64
		keys    int64
	}{
		{"room for both", &fpm.Opcache{Free: 100, Scripts: 10, Keys: 20, MaxKeys: 100, Valid: [2]int64{80, 10}, Dirs: dirs{"/live": {80, 10}}}, true, true, false, 80, 20},
		{"too little memory", &fpm.Opcache{Free: 79, Scripts: 10, Keys: 20, MaxKeys: 100, Valid: [2]int64{80, 10}, Dirs: dirs{"/live": {80, 10}}}, false, true, false, 80, 20},
		{"too few keys", &fpm.Opcache{Free: 100, Scripts: 10, Keys: 85, MaxKeys: 100, Valid: [2]int64{80, 10}, Dirs: dirs{"/live": {80, 10}}}, false, true, false, 80, 85},
		{"a slot that is cached", &fpm.Opcache{Free: 5, Scripts: 20, Keys: 20, MaxKeys: 30, Valid: [2]int64{159, 20}, Dirs: dirs{"/live": {80, 10}, "/next": {79, 10}}}, true, true, false, 1, 0},
		{"full of what was invalidated", &fpm.Opcache{Free: 40, Wasted: 60, Scripts: 20, Keys: 40, MaxKeys: 100, Valid: [2]int64{80, 10}, Dirs: dirs{"/live": {80, 10}}}, false, true, true, 80, 20},
		{"full of old releases", &fpm.Opcache{Free: 20, Scripts: 20, Keys: 40, MaxKeys: 100, Valid: [2]int64{160, 20}, Dirs: dirs{"/live": {80, 10}}}, false, true, true, 80, 20},
		{"nothing of the live one, and full", &fpm.Opcache{Free: 20, Full: true, Scripts: 20, Keys: 40, MaxKeys: 100, Valid: [2]int64{160, 20}, Dirs: dirs{}}, false, false, true, 0, 0},
		{"nothing of the live one", &fpm.Opcache{Free: 90, MaxKeys: 100, Dirs: dirs{}}, true, false, false, 0, 0},
		{"opcache is off", nil, true, false, false, 0, 0},
	} {
		h := headroomOf(fpm.Answer{HasOpcache: true, Opcache: row.opcache}, "/next", "/live", []string{"/live"})
		if h.Fits != row.fits || h.Known != row.known || h.Restart != row.restart || h.NeedsMemory != row.memory || h.NeedsKeys != row.keys {
			t.Errorf("%s: %+v", row.name, h)
		}
	}
}

func TestControl_SaysWhatIsWrongWithARequestAboutASite(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[1].Docroot = b.docroot("*")
	b.start()
	api := httptest.NewServer(b.server.api)
	defer api.Close()
	for _, row := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/v1/sites/none", 404, `there is no site "none"`},
		{"GET", "/v1/sites/shop?docroot=/other", 409, "does not match the docroot"},
		{"POST", "/v1/sites/blog/look", 409, "is the pattern"},
		{"POST", "/v1/sites/blog/look?docroot=/elsewhere", 409, "does not match"},
		{"POST", "/v1/sites/shop/look?by=me", 400, "by: want one of flip, rollback, deploy"},
		{"POST", "/v1/sites/shop/drain?release=1&timeout=1s", 400, "absolute path"},
		{"POST", "/v1/sites/shop/drain?release=/1", 400, "timeout: want a duration"},
		{"POST", "/v1/sites/shop/drain?release=" + b.release("shop", "1") + "&timeout=1s", 409, "the release is live"},
		{"POST", "/v1/sites/shop/warm?relase=/1", 400, `unknown parameter "relase"`},
		{"POST", "/v1/sites/shop/enter?command=x&pid=y", 400, "pid: want a number"},
		{"POST", "/v1/sites/none/enter?command=x&pid=1", 404, `there is no site "none"`},
		{"GET", "/v1/sites/shop/drain", 405, "use POST"},
	} {
		rq, err := http.NewRequest(row.method, api.URL+row.path, nil)
		b.must(err)
		resp, err := http.DefaultClient.Do(rq)
		b.must(err)
		var failure struct{ Error string }
		json.NewDecoder(resp.Body).Decode(&failure)
		resp.Body.Close()
		if resp.StatusCode != row.status || !strings.Contains(failure.Error, row.want) {
			t.Errorf("%s %s: %d %q, want %d with %q", row.method, row.path, resp.StatusCode, failure.Error, row.status, row.want)
		}
	}
}

func TestACommandIsInsideAReleaseUntilItsClientLeaves(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].IncludePath = ".:" + b.link("shop") + "/lib"
	b.start()
	api := httptest.NewServer(b.server.api)
	defer api.Close()
	resp, err := http.Post(api.URL+"/v1/sites/shop/enter?command=php+cron.php&pid=42", "", nil)
	b.must(err)
	lines := json.NewDecoder(resp.Body)
	var env control.CommandEnv
	b.must(lines.Decode(&env))
	if env.Release != b.release("shop", "1") || env.IncludePath != ".:"+b.release("shop", "1")+"/lib" || env.Name != "1" {
		t.Errorf("got %+v", env)
	}
	if who := b.shop()[0].Inside; len(who) != 1 || who[0].Kind != "command" || who[0].What != "php cron.php" || who[0].PID != 42 {
		t.Errorf("inside are %+v", who)
	}
	b.flip("2")
	var event map[string]string
	b.must(lines.Decode(&event))
	if event["flipped"] != b.release("shop", "2") {
		t.Errorf("told %v", event)
	}
	resp.Body.Close()
	if _, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Error(err)
	}
}

func TestADocrootThatIsSentResolvedIsTakenAsTheReleaseItNames(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	resolved := stack.ParamsFor(b.release("shop", "1")+"/public", "GET", "/index.php")
	b.served(b.connect(), "", resolved...)
	// A request leaves its release a moment after the visitor has the page.
	b.must(stack.Poll(func() error {
		if r := b.shop()[0]; r.Requests != 2 || r.Running != 0 {
			return fmt.Errorf("release 1 is %+v", r)
		}
		return nil
	}))
}
