package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// openReleases is a shop whose pool has a status listener; more keys are for its pool.
func openReleases(t *testing.T, pool stack.Keys, lines ...string) *shop {
	t.Helper()
	s := stack.For(t, "nginx", "php-fpm")
	fpm := s.FPM(stack.FPMConfig{Status: true})
	keys := stack.Keys{"status": string(fpm.Status)}
	for key, value := range pool {
		keys[key] = value
	}
	return openShopOn(s, fpm, settings{pool: keys, nginx: lines})
}

// detail is what realdocd status shop says.
func (s *shop) detail(t *testing.T) (d control.SiteDetail) {
	t.Helper()
	text := s.Command(s.gw, 0, "status", "shop", "--json")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// logged waits for an event about a release.
func (s *shop) logged(t *testing.T, after int, message, release string) {
	t.Helper()
	_, err := s.gw.WaitEvent(after, promptly*20, func(e stack.Event) bool {
		return e.String("message") == message && e.String("release") == release
	})
	if err != nil {
		t.Fatalf("%s %s: %v", message, release, err)
	}
}

func TestADrainWaitsForWorkBehindTheResponse(t *testing.T) {
	for _, reuse := range []string{"off", "auto"} {
		t.Run("reuse "+reuse, func(t *testing.T) {
			const works = 1500 * time.Millisecond
			s := openReleases(t, stack.Keys{"reuse": reuse})
			if reuse == "auto" {
				s.Event(s.gw, 0, "connections to FPM are kept")
			}
			s.get(t, fmt.Sprintf("/finish.php?ms=%d", works.Milliseconds()))
			began := time.Now()
			s.Command(s.gw, 0, "flip", "shop", s.site.Release(2), "--no-headroom") // which would wait for files to be older
			s.Command(s.gw, 1, "drain", "shop", "1", "--timeout", "300ms")
			s.Command(s.gw, 0, "drain", "shop", "1", "--timeout", "10s")
			if waited := time.Since(began); waited < works-promptly {
				t.Errorf("drained after %v, while a script that works for %v ran on", waited, works)
			}
		})
	}
}

// However a tool flips, it is noticed without a request, logged, kept and drained the same.
func TestEveryToolsFlipIsNoticed(t *testing.T) {
	sh := func(script string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			cmd := exec.Command("/bin/sh", "-ec", script)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
	}
	for name, flip := range map[string]func(*testing.T, string){
		"mv -T":                        sh("ln -s releases/2 next && mv -T next current"),
		"Deployer, relative":           sh("ln -s releases/2 release && mv -T release current"),
		"Deployer, absolute":           sh(`ln -s "$PWD/releases/2" release && mv -T release current`),
		"Capistrano, in releases":      sh(`ln -s "$PWD/releases/2" releases/current && mv releases/current "$PWD"`),
		"a link that is made anew":     sh("rm current && ln -s releases/2 current"),
		"a flip through another's API": func(t *testing.T, dir string) { mustDo(t, deploy.Flip(dir+"/current", dir+"/releases/2")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openReleases(t, nil)
			s.get(t, "/index.php?pause=0")
			g := newGate(s.Stack)
			runs := s.visit(g.path())
			s.holding(t, 1, 0)
			mark := s.gw.Log.Mark()
			flip(t, s.site.Dir)
			s.logged(t, mark, "release is live", s.site.Release(2))
			if said := s.Command(s.gw, 1, "drain", "shop", "1", "--timeout", "200ms"); !strings.Contains(said, "/gate.php") {
				t.Errorf("the drain did not name who is inside: %s", said)
			}
			g.open(t)
			wantServed(t, <-runs)
			s.logged(t, mark, "release is idle", s.site.Release(1))
			s.Command(s.gw, 0, "drain", "shop", s.site.Release(1))
			history := s.detail(t).History
			if n := len(history); n != 2 || history[1].Release != s.site.Release(2) || history[1].By != "link" {
				t.Errorf("the history is %+v", history)
			}
		})
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFlipThatWouldBreakTheSiteStopsBeforeIt(t *testing.T) {
	s := openReleases(t, nil)
	s.config.Sites["shop"]["warm"] = []string{"/index.php?pause=0", "/broken.php"}
	s.Reload(s.gw, s.config)
	broken := s.site.Release(2) + "/public/broken.php"
	mustDo(t, os.WriteFile(broken, []byte("<?php http_response_code(500); echo 'the build is broken';"), 0o644))
	if said := s.Command(s.gw, 1, "flip", "shop", s.site.Release(2)); !strings.Contains(said, "the build is broken") {
		t.Errorf("the command did not show the response: %s", said)
	}
	// What FPM cannot read would be a site of errors.
	mustDo(t, os.Remove(broken))
	if os.Getuid() == 0 {
		mustDo(t, os.Chmod(s.site.Release(2), 0o700))
		if said := s.Command(s.gw, 1, "flip", "shop", s.site.Release(2)); !strings.Contains(said, "PHP-FPM cannot read") {
			t.Errorf("the command said %s", said)
		}
		mustDo(t, os.Chmod(s.site.Release(2), 0o755))
	}
	if live, err := os.Readlink(s.site.Link()); err != nil || live != "releases/1" {
		t.Errorf("the link leads to %s, %v", live, err)
	}
	mustDo(t, os.WriteFile(broken, []byte("<?php echo 'mended';"), 0o644))
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	if live, err := os.Readlink(s.site.Link()); err != nil || live != "releases/2" {
		t.Errorf("the link leads to %s, %v", live, err)
	}
}

func TestARollbackGoesToTheReleaseBeforeAlsoAfterARestart(t *testing.T) {
	s := openReleases(t, nil)
	s.get(t, "/index.php?pause=0")
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2), "--drain")
	s.Command(s.gw, 0, "rollback", "shop")
	if live, err := os.Readlink(s.site.Link()); err != nil || live != "releases/1" {
		t.Fatalf("the link leads to %s, %v", live, err)
	}
	if said := s.Command(s.gw, 1, "rollback", "shop"); !strings.Contains(said, "further back than") {
		t.Errorf("the command said %s", said)
	}
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	mustDo(t, s.gw.Stop())
	// Without a daemon it works too, and says what it left out.
	if said := s.Command(s.gw, 0, "rollback", "shop"); !strings.Contains(said, "realdocd does not run") {
		t.Errorf("the command said %s", said)
	}
	if live, _ := os.Readlink(s.site.Link()); live != "releases/1" {
		t.Errorf("the link leads to %s", live)
	}
}

func TestACommandRunsInsideTheReleaseThatItBeganOn(t *testing.T) {
	stack.Need(t, "php")
	s := openReleases(t, nil)
	release := s.site.Release(1)
	said := s.Command(s.gw, 7, "exec", "shop", "--", "php", "-r",
		`echo getcwd(), " ", get_include_path(), " ", getenv("DOCUMENT_ROOT"), " ", getenv("REALDOC_RELEASE"); exit(7);`)
	if want := fmt.Sprintf("%s .:%s/lib %s/public 1", release, release, release); said != want {
		t.Errorf("the command saw %q, want %q", said, want)
	}
	binary, err := stack.Binary()
	mustDo(t, err)
	ready := filepath.Join(s.Dir, "ready")
	worker := exec.Command(binary, "exec", "shop", "--restart-on-flip", "--config", s.gw.Config, "--", "/bin/sh", "-c",
		`trap 'exit 9' TERM; touch "$0"; while :; do sleep 0.05; done`, ready)
	mustDo(t, worker.Start())
	mustDo(t, stack.Poll(func() error { _, err := os.Stat(ready); return err }))
	inside := s.detail(t).Docroots[0].Releases[0].Inside
	if len(inside) != 1 || inside[0].Kind != "command" || !strings.Contains(inside[0].What, "while :") {
		t.Errorf("inside are %+v", inside)
	}
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2), "--drain")
	worker.Wait()
	if code := worker.ProcessState.ExitCode(); code != 9 {
		t.Errorf("the worker's exit code is %d, want that of its own end", code)
	}
}

func TestTheLiveReleaseIsNotDrainedAndTwoDeploysKeepApart(t *testing.T) {
	s := openReleases(t, nil)
	if said := s.Command(s.gw, 1, "drain", "shop", "1"); !strings.Contains(said, "is live") {
		t.Errorf("the command said %s", said)
	}
	lock, err := deploy.LockDeploy(s.site.Link())
	mustDo(t, err)
	if said := s.Command(s.gw, 1, "flip", "shop", s.site.Release(2)); !strings.Contains(said, fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("the command said %s", said)
	}
	mustDo(t, lock.Unlock())
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
}

// What a web server sends there by the release's own path runs on the live one.
func TestADrainedReleaseStaysClosedOverALiveUpgrade(t *testing.T) {
	s := openReleases(t, nil)
	s.get(t, "/index.php?pause=0")
	s.Command(s.gw, 0, "flip", "shop", s.site.Release(2))
	s.get(t, "/index.php?pause=0")
	s.Command(s.gw, 0, "drain", "shop", "1")
	ask := func(when string) {
		t.Helper()
		reply := s.Ask(s.gw.Addr, nil, stack.ParamsFor(s.site.Release(1)+"/public", "GET", "/index.php", "QUERY_STRING", "pause=0")...)
		if body := string(reply.Body); !strings.Contains(body, s.site.Release(2)) || strings.Contains(body, s.site.Release(1)) {
			t.Errorf("%s it answers %d %s", when, reply.Status, body)
		}
	}
	ask("after the drain")
	s.Upgrade(s.gw)
	ask("after an upgrade")
	mustDo(t, os.RemoveAll(s.site.Release(1)))
	ask("after rm -r")
}
