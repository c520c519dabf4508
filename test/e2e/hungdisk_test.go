package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// overlayOn mounts an overlay whose lowest layer is a directory.
func overlayOn(t *testing.T, s *stack.Stack, lower string) (dir string) {
	t.Helper()
	room := filepath.Join(s.Dir, "overlay")
	for _, name := range []string{"", "up", "work", "mounted"} {
		if err := os.Mkdir(filepath.Join(room, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir = room + "/mounted"
	if err := unix.Mount("overlay", dir, "overlay", 0, "lowerdir="+lower+",upperdir="+room+"/up,workdir="+room+"/work"); err != nil {
		t.Skipf("an overlay cannot be mounted: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A layer below an overlay that stops answering stopped the daemon for all sites, its status included.
func TestALayerThatHangsBelowAnOverlayStopsNoOtherSite(t *testing.T) {
	for _, processors := range []int{1, 8} {
		t.Run(fmt.Sprintf("GOMAXPROCS %d", processors), func(t *testing.T) {
			t.Setenv("GOMAXPROCS", fmt.Sprint(processors))
			t.Setenv("GOGC", "5") // garbage is collected all the time, and no goroutine may keep it from that
			s := stack.For(t, "nginx", "php-fpm", "bindfs")
			disk := s.SlowDisk()
			for _, release := range []string{"releases/1/public", "releases/2/public"} {
				if err := os.MkdirAll(filepath.Join(disk.Dir, release), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("releases/1", disk.Dir+"/current"); err != nil {
				t.Fatal(err)
			}
			hung := overlayOn(t, s, disk.Dir) + "/current/public"
			site := s.Site(stack.SiteConfig{Pages: pages()})
			fpm := s.FPM(stack.FPMConfig{})
			config := stack.GatewayFor(fpm, site)
			config.Sites["hung"] = stack.Keys{"docroot": hung, "max_conns": 2} // its scripts hang too, and leave workers to others
			gw := s.Gateway(config)
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr}}})
			ask := func() {
				c := s.Connect(gw.Addr)
				if err := c.Begin(false); err != nil {
					t.Fatal(err)
				}
				c.Params(stack.ParamsFor(hung, "GET", "/none.php")...)
				c.Stdin(nil)
			}
			ask()
			status(t, gw, func(st control.Status) bool {
				return len(st.Sites) == 2 && st.Sites[0].Release != "" && st.Sites[1].Release != ""
			})
			traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0")}, Clients: 4}.Start(t.Context())
			s.More(traffic, 50)
			if err := disk.Hang(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { disk.Recover() })
			slowest := time.Duration(0)
			for hangs := time.Now(); time.Since(hangs) < 4*time.Second; time.Sleep(50 * time.Millisecond) {
				ask()
				began := time.Now()
				status(t, gw, func(control.Status) bool { return true })
				slowest = max(slowest, time.Since(began))
			}
			if slowest > time.Second {
				t.Errorf("status took %v", slowest)
			}
			s.More(traffic, 200)
			disk.Recover()
			if tally := traffic.Tally(); tally.Failed > 0 {
				t.Errorf("%v", tally)
			}
		})
	}
}
