package stack_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

// The proof that the harness can find what it looks for: without a gateway there must be torn requests.
// With PHP's realpath cache a worker is torn at most while it fills the cache, and then never sees a flip.
func TestPlainNginxTearsRequestsOrMissesTheFlip(t *testing.T) {
	for name, c := range map[string]stack.FPMConfig{
		"opcode cache":                    {FreshPaths: true},
		"no opcode cache":                 {FreshPaths: true, NoOpcache: true},
		"opcode cache and realpath cache": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "nginx", "php-fpm")
			site := s.Site(stack.SiteConfig{})
			fpm := s.FPM(c)
			// Two servers, because an include_path that one sends sticks to the worker that got it.
			web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
				{Root: site.DocRoot(), Backend: fpm.Addr, Params: []string{`PHP_VALUE "include_path=` + site.IncludePath() + `"`}},
				{Root: site.DocRoot(), Backend: fpm.Addr},
			}})
			for _, url := range []string{web.URL(0, "/index.php"), web.URL(1, "/own.php")} {
				tally := s.Run(stack.FlipEvery(20*time.Millisecond, site), stack.Load{URLs: []string{url}, Duration: time.Second})[0]
				if tally.Failed > 0 || c.FreshPaths && tally.Torn == 0 {
					t.Errorf("%s: want torn requests and no failed one", url)
				}
				if follows := followsFlips(s, t, site, url); follows != c.FreshPaths {
					t.Errorf("%s: follows flips: %v, want %v", url, follows, c.FreshPaths)
				}
			}
		})
	}
}

// followsFlips tells whether all requests after a flip see the new release, for both of the site's.
func followsFlips(s *stack.Stack, t *testing.T, site *stack.Site, url string) bool {
	follows := true
	for _, n := range site.Releases {
		s.Flip(site, n)
		tally := stack.Load{URLs: []string{url}, Requests: 50}.Run(t.Context())
		t.Logf("release %d is live: %v", n, tally)
		follows = follows && tally.Releases[fmt.Sprint(n)] == tally.Total
	}
	return follows
}

func TestALinkThatStaysGivesWholeRequests(t *testing.T) {
	for name, c := range map[string]struct {
		fpm stack.FPMConfig
		mpm string
	}{
		"event, unix socket":      {stack.FPMConfig{}, "event"},
		"prefork, TCP, dynamic":   {stack.FPMConfig{TCP: true, PM: "dynamic"}, "prefork"},
		"worker, no opcode cache": {stack.FPMConfig{NoOpcache: true, PM: "ondemand"}, "worker"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "apache2", "php-fpm")
			site := s.Site(stack.SiteConfig{Absolute: true})
			fpm := s.FPM(c.fpm)
			web := s.Apache(stack.ApacheConfig{MPM: c.mpm, Hosts: []stack.ApacheHost{
				{Root: site.DocRoot(), Backend: fpm.Addr},
				{Root: site.DocRoot(), Backend: fpm.Addr, PassMatch: true},
			}})
			tally := stack.Load{URLs: []string{web.URL(0, "/own.php"), web.URL(1, "/own.php")}, Requests: 50}.Run(context.Background())
			if tally.Torn > 0 || tally.Failed > 0 || tally.Releases["1"] != tally.Total {
				t.Errorf("want all by release 1: %v", tally)
			}
		})
	}
}

func TestForwardersPassFastCGIOn(t *testing.T) {
	s := stack.For(t, "nginx", "nginx-stream", "haproxy", "php-fpm")
	site := s.Site(stack.SiteConfig{})
	fpm := s.FPM(stack.FPMConfig{})
	haproxy, stream := s.FreeAddr(), s.FreeAddr()
	s.HAProxy(stack.Forward{Listen: haproxy, Backend: fpm.Addr})
	s.Nginx(stack.NginxConfig{Streams: []stack.Forward{{Listen: stream, Backend: haproxy}}})
	reply := s.Ask(stream, nil, stack.ParamsFor(site.DocRoot(), "GET", "/own.php")...)
	if !reply.Ended || reply.Status != 200 || !strings.Contains(string(reply.Body), `"parts":{"1":50}`) {
		t.Errorf("got %d, ended %v: %s", reply.Status, reply.Ended, reply.Body)
	}
}

func TestFPMReloadsInTheSameProcess(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{})
	before := fpm.Workers()
	if err := fpm.Reload(); err != nil {
		t.Fatal(err)
	}
	after := fpm.Workers()
	if len(before) == 0 || len(after) == 0 || before[0] == after[0] {
		t.Errorf("workers before the reload %v, after it %v", before, after)
	}
	if version, err := stack.Version(); err != nil || !strings.Contains(version, ".") {
		t.Errorf("version %q, %v", version, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	stack.Need(t, "php-fpm")
	var pids []int
	var dir string
	if err := stack.Run(func(s *stack.Stack) error {
		fpm := s.FPM(stack.FPMConfig{})
		pids, dir = append(fpm.Workers(), fpm.Pid()), s.Dir
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(pids) < 2 {
		t.Fatalf("PHP-FPM had only the processes %v", pids)
	}
	for _, pid := range pids {
		if syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d still runs", pid)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func TestAPartThatCannotStartSaysWhy(t *testing.T) {
	stack.Need(t, "php-fpm")
	err := stack.Run(func(s *stack.Stack) error {
		s.FPM(stack.FPMConfig{Pool: []string{"no_such_setting = 1"}})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "unknown entry 'no_such_setting'") {
		t.Errorf("got %v", err)
	}
}

func TestFCGIWrapEndsWithItsChildren(t *testing.T) {
	s := stack.For(t, "fcgiwrap")
	wrap := s.FCGIWrap(3)
	var pids []int
	if err := stack.Poll(func() error {
		pids = nil
		for _, pid := range wrap.Workers() {
			pids = append(append(pids, pid), stack.ChildrenOf(pid)...)
		}
		if len(pids) != 4 {
			return fmt.Errorf("fcgiwrap and its three children are %v", pids)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := wrap.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if err := stack.Poll(func() error { return stillRuns(pid) }); err != nil {
			t.Error(err)
		}
	}
}

// stillRuns takes a process that nobody has waited for yet, which has no command line any more, for ended.
func stillRuns(pid int) error {
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		return fmt.Errorf("process %d still runs", pid)
	}
	return nil
}
