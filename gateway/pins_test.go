package gateway

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/pin"
	"realdocd/test/stack"
)

// pinned makes a shop whose pages keep their release.
func pinned(t testing.TB, change func(*SiteConfig)) *bench {
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.cfg.Sites[0].Pin, b.cfg.Sites[0].PinMaxAge = PinPage, time.Hour
	if change != nil {
		change(&b.cfg.Sites[0])
	}
	return b.start()
}

// What a browser says of a navigation, and of a fetch of the page's.
var (
	toPage = []string{"HTTP_SEC_FETCH_DEST", "document", "HTTP_ACCEPT", "text/html"}
	fetch  = []string{"HTTP_SEC_FETCH_DEST", "empty", "HTTP_ACCEPT", "*/*"}
)

const htmlPage = "Content-Type: text/html; charset=utf-8\r\n\r\nthe page"

// asked sends a request, answers it, and gives what FPM got and the visitor.
func (b *bench) askedFor(answer string, params ...string) (*stack.FakeRequest, *stack.Reply) {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", b.params(params...)...)
	q := b.fpm.Next()
	q.Answer(answer)
	return q, b.reply(c)
}

// page loads a page and gives its pin, as PHP was told it.
func (b *bench) page(params ...string) (pin string) {
	b.t.Helper()
	q, _ := b.askedFor(htmlPage, append(params, toPage...)...)
	return valueOf(q, "REALDOC_PIN")
}

// wantOn wants a request to run on a release.
func (b *bench) wantOn(release string, params ...string) *stack.Reply {
	b.t.Helper()
	q, reply := b.askedFor(htmlPage, params...)
	if got := valueOf(q, "REALDOC_RELEASE"); got != release || valueOf(q, "DOCUMENT_ROOT") != b.release("shop", release)+"/public" {
		b.t.Errorf("%q: it runs on release %s in %s, want %s", params, got, valueOf(q, "DOCUMENT_ROOT"), release)
	}
	if reply.Status >= 500 {
		b.t.Errorf("%q: status %d", params, reply.Status)
	}
	return reply
}

func valueOf(q *stack.FakeRequest, name string) string {
	value, _ := q.Value(name)
	return value
}

func with(params []string, more ...string) []string {
	return append(append([]string{}, params...), more...)
}

func TestWhatAPageAsksForComesFromThePagesRelease(t *testing.T) {
	b := pinned(t, nil)
	first := b.page()
	b.flip("2")
	for name, carried := range map[string][]string{
		"header":           {"HTTP_X_RELEASE_PIN", first},
		"query":            {"QUERY_STRING", "a=b&_release=" + first + "&c=d"},
		"cookie":           {"HTTP_COOKIE", "a=b; release=" + first + "; c=d"},
		"secure cookie":    {"HTTP_COOKIE", "release=x; __Host-release=" + first, "HTTPS", "on"},
		"second cookie":    {"HTTP_COOKIE", "release=x;release=" + first},
		"the header first": {"HTTP_X_RELEASE_PIN", first, "HTTP_COOKIE", "release=" + b.page()},
		"the query then":   {"HTTP_X_RELEASE_PIN", "forged", "QUERY_STRING", "_release=" + first},
	} {
		t.Run(name, func(t *testing.T) {
			b.wantOn("1", with(fetch, carried...)...)
			b.wantOn("1", with([]string{"HTTP_ACCEPT", "text/html", "HTTP_X_REQUESTED_WITH", "XMLHttpRequest"}, carried...)...)
			b.wantOn("1", with(toPage, with(carried, "HTTP_SEC_PURPOSE", "prefetch;prerender")...)...)
			b.wantOn("1", with([]string{"HTTP_SEC_FETCH_DEST", "iframe", "HTTP_ACCEPT", "text/html"}, carried...)...)
			b.wantOn("2", with(toPage, carried...)...)
			b.wantOn("2", with([]string{"HTTP_ACCEPT", "text/html,*/*"}, carried...)...)
		})
	}
	b.wantOn("2", fetch...)
	b.wantOn("2", with(fetch, "QUERY_STRING", "x_release="+first)...)
	b.wantOn("2", with(fetch, "HTTP_COOKIE", "arelease="+first)...)
	if n := b.metric("realdocd_release_pinned_total", "release", b.release("shop", "1")); n < 20 {
		t.Errorf("%v requests were brought by a pin", n)
	}
}

func TestAVisitKeepsItsReleaseUntilThePinEnds(t *testing.T) {
	b := pinned(t, func(s *SiteConfig) { s.Pin = PinVisit })
	first := b.page()
	b.flip("2")
	cookie := with(toPage, "HTTP_COOKIE", "release="+first)
	if reply := b.wantOn("1", cookie...); reply.Header.Get("Set-Cookie") != "" {
		t.Errorf("a pin to an old release is given anew: %q", reply.Header)
	}
	b.wantOn("1", with(fetch, "HTTP_X_RELEASE_PIN", first)...)
	b.wantOn("2", toPage...)
}

func TestWhatIsNotAPinOfOursRunsOnTheLiveRelease(t *testing.T) {
	b := pinned(t, nil)
	first := b.page()
	foreign, _ := pin.NewKeys().Append(nil, &pin.Token{Kind: pin.Page, Name: []byte("1"), Issued: time.Now()})
	own := func(change func(*pin.Token)) string {
		token, err := b.server.keys.Load().Verify([]byte(first))
		b.must(err)
		change(&token)
		text, _ := b.server.keys.Load().Append(nil, &token)
		return string(text)
	}
	body, _ := base64.RawURLEncoding.DecodeString(first[:64])
	body[40] ^= 1
	b.flip("2")
	for name, row := range map[string]struct{ text, result string }{
		"forged":           {base64.RawURLEncoding.EncodeToString(body) + ".1", "forged"},
		"truncated":        {first[:40], "malformed"},
		"8 KiB":            {strings.Repeat("A", 8<<10), "too_long"},
		"another's key":    {string(foreign), "unknown_key"},
		"another site's":   {own(func(t *pin.Token) { t.Site = pin.SiteOf("blog", "") }), "other_site"},
		"expired":          {own(func(t *pin.Token) { t.Issued = time.Now().Add(-time.Hour) }), "expired"},
		"of tomorrow":      {own(func(t *pin.Token) { t.Issued = time.Now().Add(24 * time.Hour) }), "expired"},
		"no release known": {own(func(t *pin.Token) { t.Release++ }), "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			b.wantOn("2", with(fetch, "HTTP_X_RELEASE_PIN", row.text)...)
			reply := b.wantOn("2", with(toPage, "HTTP_COOKIE", "release="+row.text)...)
			if reply.Header.Get("Set-Cookie") == "" {
				t.Errorf("there is no new pin: %q", reply.Header)
			}
			if n := b.metric("realdocd_pins_total", "result", row.result); n < 1 {
				t.Errorf("%v pins are counted as %s", n, row.result)
			}
		})
	}
	many := strings.Repeat("release=x; ", 10) + "release=" + first
	b.wantOn("2", with(fetch, "HTTP_COOKIE", many)...)
}

func TestAPinLeadsToNoOtherDirectoryOfThatName(t *testing.T) {
	for name, replace := range map[string]func(b *bench){
		"removed": func(b *bench) { b.must(os.RemoveAll(b.release("shop", "1"))) },
		"made again": func(b *bench) {
			b.must(os.Rename(b.release("shop", "1"), b.release("shop", "old")))
			b.must(os.MkdirAll(b.release("shop", "1")+"/public", 0o755))
		},
		"made again, and live in between": func(b *bench) {
			b.must(os.Rename(b.release("shop", "1"), b.release("shop", "old")))
			b.must(os.MkdirAll(b.release("shop", "1")+"/public", 0o755))
			b.flip("1")
			b.wantOn("1", fetch...)
			b.flip("2")
		},
		"its docroot": func(b *bench) { b.must(os.Rename(b.release("shop", "1")+"/public", b.release("shop", "1")+"/old")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := pinned(t, nil)
			old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
			b.flip("2")
			b.wantOn("1", old...)
			replace(b)
			b.wantOn("2", old...)
		})
	}
}

func TestADrainedReleaseHasNoPinsAnyMore(t *testing.T) {
	b := pinned(t, nil)
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	b.flip("2")
	b.wantOn("1", old...)
	if left, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Fatalf("%v, %v", left, err)
	}
	b.wantOn("2", old...)
	b.flip("1") // filled again, and live
	b.wantOn("1", toPage...)
	again := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	b.flip("2")
	b.wantOn("2", old...)
	b.wantOn("1", again...)
}

// The process after a restart, or after a kill, follows the pins of the one before.
func TestPinsOutliveTheProcess(t *testing.T) {
	b := pinned(t, nil)
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	b.flip("2")
	b.wantOn("1", old...)
	stack.Until(t, "the pins are written down", func() bool {
		_, err := os.Stat(b.dir + "/state/history/shop/pins.json")
		return err == nil
	})
	if end := b.pinsEnd("1"); time.Until(end) < 59*time.Minute || time.Until(end) > time.Hour {
		t.Errorf("the youngest pin ends in %v", time.Until(end))
	}
	// As it is after a kill: the files are there, and nothing has been told to anybody.
	b.cfg.Listen[0] += "2"
	b.start()
	b.wantOn("1", old...)
	if end := b.pinsEnd("1"); time.Until(end) < 59*time.Minute {
		t.Errorf("after a restart the youngest pin ends in %v", time.Until(end))
	}
	if left, err := b.drainShop(t.Context(), "1"); err != nil {
		t.Fatalf("%v, %v", left, err)
	}
	b.cfg.Listen[0] += "3"
	b.start()
	b.wantOn("2", old...)
	fi, err := os.Stat(filepath.Join(b.cfg.StateDir, pinKeyName))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the key file is %v, %v", fi, err)
	}
}

// A disk that hangs costs one goroutine a site, however long it does.
func TestPinsWaitForTheDiskOnce(t *testing.T) {
	b := pinned(t, nil)
	hangs := make(chan struct{})
	defer close(hangs)
	newest := func() chan struct{} {
		b.server.history.mu.Lock()
		defer b.server.history.mu.Unlock()
		return b.server.history.newest
	}
	b.server.history.mu.Lock()
	b.server.history.stepLocked(func() { <-hangs })
	b.server.history.mu.Unlock()
	now := b.server.setup.Load()
	st := now.sites.named("shop")
	st.releases.KeepAgain()
	b.server.watchPins(now)
	waits := newest()
	for range 3 {
		st.releases.KeepAgain()
		b.server.watchPins(now)
	}
	if newest() != waits {
		t.Error("another write waits behind one that hangs")
	}
}

// pinsEnd is when status says that the youngest pin to a release ends.
func (b *bench) pinsEnd(release string) (end time.Time) {
	b.t.Helper()
	for _, r := range b.shop() {
		if r.Name == release {
			end = r.PinsEnd
		}
	}
	return end
}

func TestKeysThatOthersCanReadAreRefused(t *testing.T) {
	b := newBench(t)
	b.cfg.PinKeyFile = b.dir + "/key"
	b.cfg.Sites[0].Pin, b.cfg.Sites[0].PinMaxAge = PinPage, time.Hour
	for name, row := range map[string]struct {
		make func(file string) error
		want string
	}{
		"none":       {func(string) error { return nil }, "no such file"},
		"readable":   {func(file string) error { return os.WriteFile(file, pin.NewKeys().Text(), 0o644) }, "chmod 600"},
		"a symlink":  {func(file string) error { return os.Symlink("/etc/hostname", file) }, "symlink"},
		"not a key":  {func(file string) error { return os.WriteFile(file, []byte("secret"), 0o600) }, "line 1"},
		"as it must": {func(file string) error { return os.WriteFile(file, pin.NewKeys().Text(), 0o600) }, ""},
	} {
		os.Remove(b.cfg.PinKeyFile)
		b.must(row.make(b.cfg.PinKeyFile))
		err := b.newServer().readKeys(&b.cfg)
		if got := ""; err != nil {
			got = err.Error()
			if row.want == "" || !strings.Contains(got, row.want) || strings.Contains(got, "secret") {
				t.Errorf("%s: %v", name, err)
			}
		} else if row.want != "" {
			t.Errorf("%s is not refused", name)
		}
	}
}

// What a response says of pins, by what PHP answers.
func TestTheCookieIsSetWhereItChangesSomething(t *testing.T) {
	b := pinned(t, nil)
	first := b.page()
	const has, none = true, false
	for name, row := range map[string]struct {
		answer string
		params []string
		want   bool
	}{
		"a page":                         {htmlPage, toPage, has},
		"of an error":                    {"Status: 404 Not Found\r\n" + htmlPage, toPage, has},
		"XHTML":                          {"Content-Type: application/xhtml+xml\r\n\r\nx", toPage, has},
		"with private":                   {"Cache-Control: private, max-age=5\r\n" + htmlPage, toPage, has},
		"that the visitor has a pin of":  {htmlPage, with(toPage, "HTTP_COOKIE", "release="+first), none},
		"with another's pin":             {htmlPage, with(toPage, "HTTP_COOKIE", "release=other"), has},
		"a redirect":                     {"Status: 302 Found\r\nLocation: /\r\n" + htmlPage, toPage, none},
		"a picture":                      {"Content-Type: image/png\r\n\r\nx", toPage, none},
		"what a page asks for":           {htmlPage, fetch, none},
		"a form that is posted":          {htmlPage, with(toPage, "REQUEST_METHOD", "POST"), none},
		"with public":                    {"Cache-Control: max-age=5, Public\r\n" + htmlPage, toPage, none},
		"with s-maxage":                  {"cache-control: s-maxage=5\r\n" + htmlPage, toPage, none},
		"that nginx keeps":               {"X-Accel-Expires: 5\r\n" + htmlPage, toPage, none},
		"that a CDN keeps":               {"CDN-Cache-Control: max-age=5\r\n" + htmlPage, toPage, none},
		"that no CDN keeps":              {"CDN-Cache-Control: no-store\r\n" + htmlPage, toPage, has},
		"whose header is in two records": {"Content-Type: text/html\r\n", toPage, none},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.connect()
			b.send(c, "", b.params(row.params...)...)
			q := b.fpm.Next()
			if !strings.Contains(row.answer, "\r\n\r\n") {
				q.Stdout(row.answer)
				row.answer = "\r\nx"
			}
			q.Answer(row.answer)
			reply := b.reply(c)
			cookie := reply.Header.Get("Set-Cookie")
			if (cookie != "") != row.want {
				t.Fatalf("the cookie is %q", cookie)
			}
			if row.want && !strings.HasPrefix(cookie, "release="+valueOf(q, "REALDOC_PIN")+"; Path=/; Max-Age=3") {
				t.Errorf("the cookie is %q, and PHP has %q", cookie, valueOf(q, "REALDOC_PIN"))
			}
			if row.want && !strings.HasSuffix(cookie, "; HttpOnly; SameSite=Lax") {
				t.Errorf("the cookie is %q", cookie)
			}
		})
	}
	_, reply := b.askedFor(htmlPage, with(toPage, "HTTPS", "on")...)
	if cookie := reply.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-release=") || !strings.HasSuffix(cookie, "; Secure") {
		t.Errorf("over https the cookie is %q", cookie)
	}
}

func TestSettingsOfTheCookie(t *testing.T) {
	const cacheable = "Cache-Control: public\r\n" + htmlPage
	for name, row := range map[string]struct {
		change func(*SiteConfig)
		want   string
	}{
		"a name":    {func(s *SiteConfig) { s.PinCookie, s.PinCached = "shop", true }, "shop="},
		"none":      {func(s *SiteConfig) { s.PinCookie, s.PinCached = NoCookie, true }, ""},
		"off":       {func(s *SiteConfig) { s.Pin, s.PinCached = PinOff, true }, ""},
		"as it was": {func(s *SiteConfig) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := pinned(t, row.change)
			_, reply := b.askedFor(cacheable, toPage...)
			if cookie := reply.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, row.want) || (cookie == "") != (row.want == "") {
				t.Errorf("the cookie is %q", cookie)
			}
		})
	}
}

// A pin past half its age is replaced, one of the live release only.
func TestAPinIsGivenAnewBeforeItEnds(t *testing.T) {
	b := pinned(t, nil)
	token, err := b.server.keys.Load().Verify([]byte(b.page()))
	b.must(err)
	aged := func(age time.Duration) string {
		token.Issued = time.Now().Add(-age)
		text, _ := b.server.keys.Load().Append(nil, &token)
		return string(text)
	}
	for _, row := range []struct {
		age  time.Duration
		anew bool
	}{{29 * time.Minute, false}, {31 * time.Minute, true}} {
		sent := aged(row.age)
		q, reply := b.askedFor(htmlPage, with(toPage, "HTTP_COOKIE", "release="+sent)...)
		if anew := reply.Header.Get("Set-Cookie") != ""; anew != row.anew || (valueOf(q, "REALDOC_PIN") != sent) != row.anew {
			t.Errorf("after %v: the cookie is %q, PHP has %s", row.age, reply.Header.Get("Set-Cookie"), valueOf(q, "REALDOC_PIN"))
		}
	}
}

// Nobody keeps what a pin has brought from a release that is not live: neither nginx, which
// does as X-Accel-Expires says first, nor others.
func TestNobodyKeepsWhatAnOldReleaseSays(t *testing.T) {
	b := pinned(t, nil)
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	kept := func() bool {
		_, reply := b.askedFor("Cache-Control: public, max-age=60\r\n"+htmlPage, old...)
		return reply.Header.Get("X-Accel-Expires") != "0" || reply.Header["Cache-Control"][0] != "private, no-store"
	}
	if !kept() {
		t.Error("what the live release says is not kept")
	}
	b.flip("2")
	if kept() {
		t.Error("what an old release says is kept")
	}
}

// A release to which pins lead is idle when the last one has ended, and that is logged once.
func TestAReleaseIsIdleWhenItsPinsHaveEnded(t *testing.T) {
	b := pinned(t, func(s *SiteConfig) { s.PinMaxAge = 2 * time.Second })
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	b.flip("2")
	for range 3 {
		b.wantOn("1", old...)
	}
	for _, line := range func() []string { lines, _ := b.log.now(); return lines }() {
		if strings.Contains(line, "release is idle") {
			t.Errorf("it is idle though a pin leads there: %s", line)
		}
	}
	b.logged("release is idle")
	b.wantOn("2", old...)
}

func TestTheNextProcessFollowsPins(t *testing.T) {
	b := pinned(t, nil)
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	b.flip("2")
	b.wantOn("1", old...)
	states := b.server.setup.Load().sites.all[0].releases.State()
	b.cfg.StateDir += "2" // so that it has nothing but what it is told
	b.must(os.CopyFS(b.cfg.StateDir, os.DirFS(b.dir+"/state")))
	b.must(os.Chmod(b.cfg.StateDir+"/"+pinKeyName, 0o600))
	os.RemoveAll(b.cfg.StateDir + "/history")
	b.cfg.Listen[0] += "2"
	next := b.newServer()
	for _, state := range states {
		next.restore("shop", state)
	}
	b.must(next.Listen())
	b.serve(next)
	b.wantOn("1", old...)
}

func TestDrainOfALiveReleaseLeavesItsPins(t *testing.T) {
	b := pinned(t, nil)
	old := with(fetch, "HTTP_X_RELEASE_PIN", b.page())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := b.drainShop(ctx, "1"); err == nil {
		t.Fatal("the live release was drained")
	}
	b.flip("2")
	b.wantOn("1", old...)
}
