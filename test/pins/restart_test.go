package pins

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A live upgrade, a restart and a kill leave a page its release, and its pins their end.
func TestPinsOutliveRealdocd(t *testing.T) {
	s := openShop(t, nil, stack.NginxConfig{})
	_, old := s.page(t, "")
	s.Flip(s.site, 2)
	_, now := s.page(t, "")
	written := filepath.Join(filepath.Dir(s.gw.Config), "state/history/shop/pins.json")
	stack.Until(t, "what is known of pins is written down", func() bool {
		text, err := os.ReadFile(written)
		return err == nil && strings.Contains(string(text), s.site.Release(1)+`"`) && strings.Contains(string(text), s.site.Release(2)+`"`)
	})
	for _, what := range []struct {
		name string
		do   func()
	}{
		{"upgrade", func() { s.Upgrade(s.gw) }},
		{"kill", func() { s.gw.Kill(); s.StartGatewayAgain(s.gw) }},
		{"restart", func() {
			must(t, s.gw.Stop())
			s.StartGatewayAgain(s.gw)
		}},
		{"reload", func() { s.Reload(s.gw, s.config) }},
	} {
		what.do()
		for pin, release := range map[string]string{old: "1", now: "2"} {
			for _, way := range [][]string{{"X-Release-Pin", pin}, {"Cookie", "release=" + pin}} {
				if a := s.says(t, "", way...); a.Release != release {
					t.Errorf("after %s: a page of release %s gets release %s", what.name, release, a.Release)
				}
			}
		}
		if end, err := s.gw.Metric("realdocd_release_pins_end_timestamp_seconds", "release", s.site.Release(1)); err != nil || end < float64(time.Now().Add(59*time.Minute).Unix()) {
			t.Errorf("after %s: the youngest pin ends at %v, %v", what.name, end, err)
		}
	}
	s.Command(s.gw, 0, "drain", "shop", "1")
	s.gw.Kill() // at once
	s.StartGatewayAgain(s.gw)
	s.Flip(s.site, 1)
	s.says(t, "")
	s.Flip(s.site, 2)
	if a := s.says(t, "", "X-Release-Pin", old); a.Release != "2" {
		t.Errorf("after a drain and a kill a page gets release %s", a.Release)
	}
}
