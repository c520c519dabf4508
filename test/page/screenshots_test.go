package page

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"realdocd/test/browser"
	"realdocd/test/stack"
)

// TestPage_IsShownInScreenshots writes those of the documentation if PAGE_WRITE is set. In any
// case it sees that the page can be shown so.
func TestPage_IsShownInScreenshots(t *testing.T) {
	sites := 3
	if os.Getenv("PAGE_WRITE") != "" {
		sites = 300
	}
	s := openShop(t, sites)
	for n := range min(sites, 6) {
		defer s.traffic(t, n, "/serves.php")()
	}
	defer s.traffic(t, 0, "/fails.php")()
	slow, err := http.NewRequest("GET", s.web.URL(0, "/wait.php?report=2026"), nil)
	if err != nil {
		t.Fatal(err)
	}
	go http.DefaultClient.Do(slow.WithContext(t.Context()))
	v := view(t, browser.Start(t), s.site(0))
	v.await("it is live", isLive)
	for _, release := range []int{s.sites[0].Releases[1], s.sites[0].Releases[0], s.sites[0].Releases[1]} {
		if os.Getenv("PAGE_WRITE") != "" {
			v.await("some steps have ended", `drawn && drawn.from > (window.since ??= drawn.from) + 14 && delete window.since`)
		}
		if err := s.sites[0].Flip(release); err != nil {
			t.Fatal(err)
		}
	}
	v.await("the chart has both releases", `drawn && drawn.bands.length === 2 && drawn.bands.every((b) => b.requests.some((n) => n > 0))`)
	v.keep("site-light", browser.Look{Width: 1200, Height: 1250})
	v.keep("site-dark", browser.Look{Width: 1200, Height: 1250, Dark: true})
	v.keep("site-phone", browser.Look{Width: 390, Height: 1100})
	v.Load(s.page)
	v.await("it is live", isLive)
	v.keep(fmt.Sprintf("sites-%d", sites), browser.Look{Width: 1200, Height: 1100})
	if err := os.Rename(s.sites[1].Release(s.sites[1].Releases[0]), s.sites[1].Release(9)); err != nil {
		t.Fatal(err)
	}
	if err := s.fpm.Stop(); err != nil {
		t.Fatal(err)
	}
	v.await("the outage is told", `/DOWN/.test(document.getElementById("troubles").textContent) && /GONE|STALE/.test(document.getElementById("troubles").textContent)`)
	v.keep("outage", browser.Look{Width: 1200, Height: 900})
}

// keep writes a screenshot if PAGE_WRITE is set.
func (v *viewer) keep(name string, look browser.Look) {
	v.t.Helper()
	v.Show(look)
	v.Eval(`new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(() => shown(1))))`, nil)
	png := v.Screenshot()
	if len(png) < 10_000 {
		v.t.Errorf("the screenshot %s has %d bytes", name, len(png))
	}
	if os.Getenv("PAGE_WRITE") == "" {
		return
	}
	file := stack.InModule(v.t, filepath.Join("test/page/screenshots", name+".png"))
	if err := os.WriteFile(file, png, 0o644); err != nil {
		v.t.Fatal(err)
	}
}
