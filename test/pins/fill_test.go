package pins

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"realdocd/test/stack"
)

var filling = attack{
	name: "into a slot that is being filled", counted: "ended",
	does: "until the deploy fills it the pin is followed, and from then on " + live,
}

// deployed is a shop whose deploys go to slots, or to new directories.
type deployed struct {
	*shop
	dir, source string
}

// openDeployed makes one, with the first deploy live. The site says where its deploys go.
func openDeployed(t *testing.T, keys stack.Keys) *deployed {
	t.Helper()
	s := &deployed{shop: &shop{Stack: stack.For(t, "nginx", "php-fpm")}}
	s.dir, s.source = filepath.Join(s.Dir, "shop"), filepath.Join(s.Dir, "source")
	must(t, os.MkdirAll(s.dir, 0o755))
	site := stack.Keys{"docroot": s.dir + "/current/public", "pin": "page"}
	for key, value := range keys {
		site[key] = value
	}
	for _, slot := range []string{"slots"} {
		if names, is := site[slot].([]string); is {
			var slots []string
			for _, name := range names {
				slots = append(slots, filepath.Join(s.dir, name))
			}
			site[slot] = slots
		}
	}
	if site["releases"] != nil {
		site["releases"] = s.dir + "/releases"
	}
	fpm := s.FPM(stack.FPMConfig{})
	s.gw = s.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}}},
		Sites: map[string]stack.Keys{"shop": site},
	})
	s.web = s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: s.dir + "/current/public", Backend: s.gw.Addr, KeepAlive: 8}}})
	s.deploy(t, 0)
	return s
}

// deploy makes the n-th build live, which says that it is.
func (s *deployed) deploy(t *testing.T, n int, flags ...string) {
	t.Helper()
	s.build(t, n)
	s.Command(s.gw, 0, append([]string{"deploy", "shop", s.source}, flags...)...)
}

func (s *deployed) build(t *testing.T, n int) {
	t.Helper()
	must(t, os.MkdirAll(s.source+"/public", 0o755))
	for name, text := range map[string]string{
		"page.php": fmt.Sprintf("<?php header('X-Release: %d'); header('Content-Type: text/html');", n),
		"says.php": fmt.Sprintf("<?php echo json_encode(['release' => '%d', 'code' => '%d']);", n, n),
	} {
		must(t, os.WriteFile(filepath.Join(s.source, "public", name), []byte(text), 0o644))
	}
}

// wantPinned wants what a page with this pin asks for to come from a build.
func (s *deployed) wantPinned(t *testing.T, pin, build string) {
	t.Helper()
	if a := s.says(t, "", "X-Release-Pin", pin); a.Release != build {
		t.Errorf("a page's pin leads to build %s, want %s", a.Release, build)
	}
}

// With two slots the next deploy but one fills the slot that a page is of; with three there is a whole deploy's
// grace more.
func TestDeploy_EndsThePinsToTheSlotThatItFills(t *testing.T) {
	for _, slots := range [][]string{{"A", "B"}, {"A", "B", "C"}} {
		t.Run(fmt.Sprint(len(slots), " slots"), func(t *testing.T) {
			s := openDeployed(t, stack.Keys{"slots": slots})
			_, pin := s.page(t, "")
			for n := 1; n < len(slots); n++ {
				s.deploy(t, n)
				s.wantPinned(t, pin, "0")
			}
			s.deploy(t, len(slots))
			s.wantPinned(t, pin, fmt.Sprint(len(slots)))
			_, again := s.page(t, "")
			s.deploy(t, len(slots)+1)
			s.wantPinned(t, again, fmt.Sprint(len(slots)))
			s.wantPinned(t, pin, fmt.Sprint(len(slots)+1))
		})
	}
}

func TestDeploy_WaitsForPinsIfItIsTold(t *testing.T) {
	s := openDeployed(t, stack.Keys{"slots": []string{"A", "B"}, "pin_max_age": "3s"})
	_, pin := s.page(t, "")
	s.deploy(t, 1)
	s.wantPinned(t, pin, "0")
	s.build(t, 2)
	s.Command(s.gw, 1, "deploy", "shop", s.source, "--pins=wait", "--timeout", "1ms")
	s.wantPinned(t, pin, "0")
	s.deploy(t, 2, "--pins=wait")
	s.wantPinned(t, pin, "2")
	s.Command(s.gw, 2, "deploy", "shop", s.source, "--pins=keep")
}

// A release beyond keep stays while a pin leads there, and goes with a deploy afterwards.
func TestDeploy_RemovesNoReleaseThatAPinLeadsTo(t *testing.T) {
	s := openDeployed(t, stack.Keys{"releases": "", "keep": 1})
	_, pin := s.page(t, "")
	for n := 1; n <= 3; n++ {
		s.deploy(t, n)
	}
	s.wantPinned(t, pin, "0")
	out := s.Command(s.gw, 0, "status", "shop")
	t.Log(out)
	dirs, err := filepath.Glob(s.dir + "/releases/*")
	must(t, err)
	if len(dirs) != 4 {
		t.Fatalf("there are %q", dirs)
	}
	s.Command(s.gw, 1, "drain", "shop", filepath.Base(dirs[0]), "--pins=wait", "--timeout", "10ms")
	s.wantPinned(t, pin, "0")
	s.Command(s.gw, 0, "drain", "shop", filepath.Base(dirs[0]))
	s.wantPinned(t, pin, "3")
	s.deploy(t, 4)
	if _, err := os.Stat(dirs[0]); !os.IsNotExist(err) {
		t.Errorf("the release without pins is not removed: %v", err)
	}
}

// fillUnderAttack asks by a pin all the time while the slot that it names is filled.
func fillUnderAttack(t *testing.T) {
	s := openDeployed(t, stack.Keys{"slots": []string{"A", "B"}})
	_, pin := s.page(t, "")
	s.deploy(t, 1)
	must(t, os.MkdirAll(s.source+"/lib", 0o755))
	for i := range 500 {
		must(t, os.WriteFile(fmt.Sprintf("%s/lib/%d.php", s.source, i), []byte("<?php // filled"), 0o644))
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.deploy(t, 2)
	}()
	seen := map[string]int{}
	for running := true; running; {
		select {
		case <-over:
			running = false
		default:
		}
		a := ask(t, http.MethodGet, s.web.URL(0, "/says.php"), fromPage, "X-Release-Pin", pin)
		seen[fmt.Sprint(a.status, " build ", a.Release)]++
	}
	t.Logf("while the slot was filled: %v", seen)
	for what, n := range seen {
		if what != "200 build 0" && what != "200 build 1" && what != "200 build 2" {
			t.Errorf("%d answers are %s", n, what)
		}
	}
	if n, err := s.gw.Metric("realdocd_pins_total", "result", filling.counted); err != nil || n == 0 {
		t.Errorf("%v pins are counted as %s, %v", n, filling.counted, err)
	}
}
