package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
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

// trialPage says which release it is of. In some releases one page of twenty fails, or each
// is slow until it was asked for a few times, as code is that opcache has not compiled.
const trialPage = `<?php
if (BROKEN || mt_rand(1, 1000) <= FAILS) { throw new Exception('this page is broken'); }
if (COLD > 0) {
    $f = fopen(__FILE__ . '.hits', 'c+');
    flock($f, LOCK_EX);
    $n = (int) fread($f, 9);
    rewind($f);
    fwrite($f, $n + 1);
    fclose($f);
    if ($n < COLD) { usleep(60000 + 3 * TAKES); }
}
if (TAKES > 0) { usleep((int) (TAKES * exp(0.5 * sqrt(-2 * log(mt_rand(1, 1000) / 1000)) * cos(2 * M_PI * mt_rand(0, 999) / 1000)))); }
header('Content-Type: text/html');
echo basename(dirname(__DIR__, 2));
`

// A releaseKind is how the pages of a release are.
type releaseKind struct {
	broken string // this page fails
	cold   int    // so many requests of each page are slow
	fails  int    // so many of a thousand requests fail
	takes  int    // microseconds that a page takes, as the median of a lognormal distribution
}

const trialPages = "abcdefghijklmnopqrst"

// writeTrial writes the twenty pages into a release.
func (s *shop) writeTrial(t *testing.T, n int, kind releaseKind) {
	t.Helper()
	dir := filepath.Join(s.site.Release(n), "public", "trial")
	mustDo(t, os.MkdirAll(dir, 0o777))
	mustDo(t, os.Chmod(dir, 0o777)) // PHP counts there
	for _, page := range trialPages {
		text := strings.NewReplacer("BROKEN", strconv.FormatBool(string(page) == kind.broken), "COLD", strconv.Itoa(kind.cold),
			"FAILS", strconv.Itoa(kind.fails), "TAKES", strconv.Itoa(kind.takes)).Replace(trialPage)
		mustDo(t, os.WriteFile(filepath.Join(dir, string(page)+".php"), []byte(text), 0o644))
	}
}

// visitors come until the context ends, each with a browser of his own, and load some pages.
func (s *shop) visitors(ctx context.Context, t *testing.T) (done func()) {
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				s.oneVisitor(ctx, t)
			}
		})
	}
	return all.Wait
}

// oneVisitor loads six pages, and fails the test if they are of two releases and nobody flipped.
func (s *shop) oneVisitor(ctx context.Context, t *testing.T) {
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	for range 6 {
		page := trialPages[rand.IntN(len(trialPages))]
		if _, _, err := s.load(browser, fmt.Sprintf("/trial/%c.php", page)); err != nil && ctx.Err() == nil {
			t.Errorf("page %c: %v", page, err)
			return
		}
		time.Sleep(5 * time.Millisecond) // he reads it
	}
}

// load loads a page as a browser does, and gives the release that it is of.
func (s *shop) load(browser *http.Client, path string) (release string, status int, err error) {
	rq, err := http.NewRequest(http.MethodGet, s.web.URL(0, path), nil)
	if err != nil {
		return "", 0, err
	}
	rq.Header.Set("Accept", "text/html")
	answer, err := browser.Do(rq)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), answer.StatusCode, err
}

func (s *shop) wantOn(t *testing.T, release string) {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	for range 10 {
		if got, _, err := s.load(&http.Client{Jar: jar}, "/trial/a.php"); err != nil || got != release {
			t.Errorf("a visitor is on release %q, want %s: %v", got, release, err)
		}
	}
}

// openTrial is a shop with a good first release, and a second one of a kind.
func openTrial(t *testing.T, kind releaseKind) *shop {
	t.Helper()
	s := openShop(t)
	s.writeTrial(t, 1, releaseKind{})
	s.writeTrial(t, 2, kind)
	return s
}

func TestCanary_AGoodReleaseGoesLiveAlsoOverAnUpgrade(t *testing.T) {
	s := openTrial(t, releaseKind{cold: 10})
	ctx, stop := context.WithCancel(t.Context())
	done := s.visitors(ctx, t)
	ended := make(chan string, 1)
	go func() {
		code, output, err := s.gw.Command("canary", "shop", "2", "--steps", "30,60", "--every", "2s", "--least", "20", "--no-headroom")
		ended <- fmt.Sprintf("%d %v %s", code, err, output)
	}()
	stack.Until(t, "visitors are on the release", func() bool { return s.detail(t).Trials != nil && s.detail(t).Trials[0].Visitors > 3 })
	if _, err := s.gw.Upgrade(); err != nil {
		t.Fatal(err)
	}
	if said := stack.Receive(t, ended, "the end of the canary"); !strings.HasPrefix(said, "0 ") {
		t.Errorf("the canary of a good release: %s", said)
	}
	stop()
	done()
	s.wantOn(t, "2")
}

func TestCanary_ABadReleaseIsEndedAndItsVisitorsGoBack(t *testing.T) {
	s := openTrial(t, releaseKind{broken: "e"})
	ctx, stop := context.WithCancel(t.Context())
	done := s.visitors(ctx, t)
	said := s.Command(s.gw, 1, "canary", "shop", "2", "--percent", "30", "--every", "2m", "--no-headroom")
	if !strings.Contains(said, "/trial/e.php") {
		t.Errorf("the canary does not name the page: %s", said)
	}
	stop()
	done()
	s.wantOn(t, "1")
	if len(s.detail(t).Notes) < 2 {
		t.Error("the history does not have it")
	}
}

// Whatever becomes of the command or of the daemon: nobody stays on a release that nobody judges.
func TestCanary_ThatIsKilledLeavesNoHalf(t *testing.T) {
	s := openTrial(t, releaseKind{})
	binary, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, killed := range []string{"command", "daemon"} {
		cmd := exec.Command(binary, "canary", "shop", "2", "--config", s.gw.Config, "--percent", "100", "--every", "1h", "--no-headroom")
		mustDo(t, cmd.Start())
		jar, _ := cookiejar.New(nil)
		visitor := &http.Client{Jar: jar}
		stack.Until(t, "a visitor is on the release", func() bool {
			release, _, _ := s.load(visitor, "/trial/a.php")
			return release == "2"
		})
		if killed == "command" {
			mustDo(t, cmd.Process.Kill())
		} else {
			mustDo(t, s.gw.Signal(syscall.SIGKILL))
			s.StartGatewayAgain(s.gw)
		}
		cmd.Wait()
		stack.Until(t, "the visitor is back", func() bool {
			release, _, _ := s.load(visitor, "/trial/a.php")
			return release == "1"
		})
		s.wantOn(t, "1")
		if trials := s.detail(t).Trials; len(trials) > 0 {
			t.Errorf("it is tried still: %+v", trials)
		}
	}
}

func TestBake_AReleaseThatFailsOnOnePageOfTwentyIsRolledBack(t *testing.T) {
	s := openTrial(t, releaseKind{broken: "e"})
	ctx, stop := context.WithCancel(t.Context())
	done := s.visitors(ctx, t)
	s.haveVisitors(t)
	said := s.Command(s.gw, 1, "flip", "shop", "2", "--bake", "60s", "--no-headroom")
	if !strings.Contains(said, "was rolled back to 1") || !strings.Contains(said, "/trial/e.php") {
		t.Errorf("the flip said: %s", said)
	}
	s.wantOn(t, "1")
	stop()
	done()
	if h := s.detail(t).History; len(h) < 3 || h[len(h)-1].By != "rollback" {
		t.Errorf("the history is %+v", h)
	}
}

func TestBake_AColdReleaseIsNotRolledBack(t *testing.T) {
	s := openTrial(t, releaseKind{cold: 15})
	ctx, stop := context.WithCancel(t.Context())
	done := s.visitors(ctx, t)
	s.haveVisitors(t)
	s.Command(s.gw, 0, "flip", "shop", "2", "--bake", "18s", "--no-headroom")
	stop()
	done()
	s.wantOn(t, "2")
}

// haveVisitors waits until the first release has had some more requests: what it did is what
// the next one is compared with.
func (s *shop) haveVisitors(t *testing.T) {
	t.Helper()
	had := requestsOf(s.detail(t), "1")
	stack.Until(t, "the release before has had some visitors", func() bool { return requestsOf(s.detail(t), "1") > had+400 })
}

func requestsOf(d control.SiteDetail, release string) int64 {
	for _, r := range d.Docroots[0].Releases {
		if r.Name == release {
			return r.Requests
		}
	}
	return 0
}
