package pins

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/test/stack"
)

// An automatic client loads pages while the link is flipped every 20 ms, and asks for what a page asks for in
// each way. With pins no answer is of another release than the page's; without them, many are.
func TestClientGetsNothingOfAnotherReleaseThanThePages(t *testing.T) {
	for _, pin := range []string{"page", "off"} {
		t.Run("pin "+pin, func(t *testing.T) {
			n := number(t, "PAGES", 400)
			if pin == "off" {
				n = min(n, 400)
			}
			s := openShop(t, stack.Keys{"pin": pin}, stack.NginxConfig{})
			flips := stack.FlipEvery(20*time.Millisecond, s.site)
			var left, answers, foreign atomic.Int64
			left.Store(int64(n))
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() {
					cookie := ""
					for left.Add(-1) >= 0 {
						release, after := s.load(t, cookie)
						cookie = after
						for _, a := range s.fromPage(t, cookie) {
							answers.Add(1)
							if a.status != http.StatusOK {
								t.Errorf("%s?%s: %d %s", a.Method, a.Query, a.status, a.body)
							}
							if a.Release != release {
								foreign.Add(1)
							}
						}
					}
				})
			}
			clients.Wait()
			count, err := flips.Stop()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d pages, %d flips: of %d answers %d were of another release than the page", n, count, answers.Load(), foreign.Load())
			if pin == "page" && foreign.Load() > 0 {
				t.Errorf("%d answers were of another release than the page", foreign.Load())
			}
			if pin == "off" && foreign.Load() == 0 {
				t.Error("without pins none was: this test proves nothing")
			}
		})
	}
}

// load is page for a site whose pins may be off.
func (s *shop) load(t *testing.T, cookie string) (release, after string) {
	a := ask(t, http.MethodGet, s.web.URL(0, "/page.php"), toPage, "Cookie", "release="+cookie)
	if set := a.cookie(); set != "" {
		cookie = set
	}
	return a.header.Get("X-Release"), cookie
}

// fromPage asks for what a page with this pin asks for, in each way, for longer than a flip takes.
func (s *shop) fromPage(t *testing.T, pin string) []*answer {
	url := s.web.URL(0, "/says.php")
	elsewhere := "a=b; release=" + pin
	return []*answer{
		ask(t, http.MethodGet, url, fromPage, "Cookie", elsewhere),
		ask(t, http.MethodGet, url, fromPage, "X-Release-Pin", pin),
		ask(t, http.MethodGet, url+"?a=b&_release="+pin, fromPage),
		ask(t, http.MethodPost, url+"?_release="+pin, toPage),
		ask(t, http.MethodPost, url, toPage, "Cookie", elsewhere),
		ask(t, http.MethodGet, url, http.Header{"Accept": {"image/webp,*/*"}}, "Cookie", elsewhere),
	}
}
