package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// Capistrano's cleanup does this, and so does rm. The daemon knows what was live.
func TestASiteWhoseLiveReleaseWasRemovedIsPutRightWhileTheDaemonRuns(t *testing.T) {
	for name, verb := range map[string][]string{
		"flip":     {"flip", "shop", "2"},
		"rollback": {"rollback", "shop"},
		"deploy":   {"deploy", "shop", "SOURCE"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openReleases(t, nil)
			s.config.Sites["shop"]["releases"] = s.site.Dir + "/releases"
			s.config.Sites["shop"]["warm"] = []string{"/index.php?pause=0"}
			s.Reload(s.gw, s.config)
			s.Command(s.gw, 0, "flip", "shop", "2")
			s.Command(s.gw, 0, "flip", "shop", "1")
			s.get(t, "/index.php?pause=0")
			source := s.Dir + "/source"
			run(t, "cp", "-r", s.site.Release(2), source)
			mustDo(t, os.RemoveAll(s.site.Release(1)))
			mustDo(t, stack.Poll(func() error { // it is noticed within a second
				said := s.Command(s.gw, 0, "status")
				if gone := strings.Index(said, "GONE"); gone < 0 || gone > strings.Index(said, "POOL") {
					return fmt.Errorf("the status does not show it first:\n%s", said)
				}
				return nil
			}))
			s.Command(s.gw, 0, "status", "shop")
			s.Command(s.gw, 0, "drain", "shop", "2")
			for i, arg := range verb {
				verb[i] = strings.ReplaceAll(arg, "SOURCE", source)
			}
			t.Log("\n" + s.Command(s.gw, 0, verb...))
			if page := s.get(t, "/index.php?pause=0"); strings.Contains(page.body, `"release":"1"`) {
				t.Errorf("served is %s", page.body)
			}
			if text, _ := os.Readlink(s.site.Link()); strings.HasPrefix(text, "/") {
				t.Errorf("the link's text is %q, and was relative before", text)
			}
		})
	}
}

// A rollback in need must not wait for the visitors whom it is to save.
func TestAWayBackWorksWhileThePoolIsPausedAndWhileItIsOverloaded(t *testing.T) {
	s := stack.For(t, "nginx", "php-fpm")
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 2, Status: true})
	sh := openShopOn(s, fpm, settings{pool: stack.Keys{"max_conns": 2, "queue": 50, "queue_timeout": "2s"}})
	sh.config.Sites["shop"]["warm"] = []string{"/index.php?pause=0"}
	s.Reload(sh.gw, sh.config)
	sh.Command(sh.gw, 0, "flip", "shop", sh.site.Release(2))

	s.Command(sh.gw, 0, "pause", "www")
	said := sh.Command(sh.gw, 0, "rollback", "shop")
	if !strings.Contains(said, "/index.php?pause=0 200") {
		t.Errorf("in a paused pool: %s", said)
	}
	s.Command(sh.gw, 0, "resume", "www")

	ctx, stop := context.WithCancel(t.Context())
	load := stack.Load{URLs: []string{sh.web.URL(0, "/index.php?pause=20000")}, Clients: 60}.Start(ctx) // a second each
	mustDo(t, stack.Poll(func() error {
		waiting, err := sh.gw.Metric("realdocd_pool_waiting", "pool", "www")
		if err == nil && waiting < 40 {
			err = fmt.Errorf("%v wait", waiting)
		}
		return err
	}))
	for _, release := range []int{2, 1, 2} {
		said := sh.Command(sh.gw, 0, "flip", "shop", sh.site.Release(release))
		if !strings.Contains(said, "/index.php?pause=0 200") || strings.Contains(said, "was not run") {
			t.Errorf("under overload: %s", said)
		}
	}
	stop()
	load.Wait()
}
