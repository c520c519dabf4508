package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/test/stack"
)

// deploys is how many are made in a row; DEPLOYS=100 for a long run.
func deploys(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("DEPLOYS")); err == nil {
		return n
	}
	return 10
}

// Each deploy overwrites the slot that was live two deploys ago, as soon as nothing runs in it.
func TestDeploysInARowUnderLoadDamageNothing(t *testing.T) {
	s := openSlotted(t, nil, stack.FPMConfig{MaxChildren: 32}, 0)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen, clients := s.load(ctx)
	began := time.Now()
	for n := 1; n <= deploys(t); n++ {
		s.build(t, n)
		s.Command(s.gw, 0, "deploy", "shop", s.source, "--timeout", "15s")
	}
	took := time.Since(began)
	stop()
	clients.Wait()
	t.Logf("%d deploys in %v; %v", deploys(t), took, seen)
	if seen.any() || seen.requests.Load() < 50 {
		t.Error(seen)
	}
}

// The same with nobody waiting: were there no damage, the test above would prove nothing.
func TestDeploysThatDoNotWaitDamageRequests(t *testing.T) {
	s := openSlotted(t, nil, stack.FPMConfig{MaxChildren: 32}, 0)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen, clients := s.load(ctx)
	for n := 1; n <= 20; n++ {
		s.build(t, n)
		slot := filepath.Join(s.dir, string(rune('A'+n%2)))
		if out, err := exec.Command("rsync", "-rlp", "--checksum", "--delete", s.source+"/", slot+"/").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := deploy.Flip(s.dir+"/current", slot); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	clients.Wait()
	t.Log(seen)
	if !seen.any() {
		t.Errorf("no damage: %v", seen)
	}
}

// runKilled starts a verb of realdocd and kills it after the delay; done is whether it had ended before.
func (s *slotted) runKilled(t *testing.T, after time.Duration, args ...string) (done bool) {
	t.Helper()
	binary, err := stack.Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append(args, "--config", s.gw.Config)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer kill.Stop()
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.Sys().(syscall.WaitStatus).Exited()
	}
	return err == nil
}

// whole fails the test unless the link leads to a release that is all of one deploy.
func (s *slotted) whole(t *testing.T, when string) {
	t.Helper()
	var d damage
	d.judge(ask(t.Context(), s.web.URL(0, "/index.php")))
	if d.any() {
		target, _ := os.Readlink(s.dir + "/current")
		t.Errorf("%s: the link leads to %s, and the page is broken: %v", when, target, &d)
	}
}

// Nobody can tell at which step a kill comes; so there are many, at all of them.
func TestADeployThatIsKilledLeavesAWholeSiteAndTheNextOneSucceeds(t *testing.T) {
	for name, place := range map[string]stack.Keys{"slots": nil, "releases": {"releases": "DIR/releases", "keep": 2}} {
		t.Run(name, func(t *testing.T) {
			keys := stack.Keys{"shared": []string{"storage/"}, "before_flip": []string{"echo cached > lib/cache.php"}}
			maps.Copy(keys, place)
			s := openSlotted(t, keys, stack.FPMConfig{}, 0)
			precious := s.dir + "/shared/storage/photo.jpg"
			mustDo(t, os.WriteFile(precious, []byte("precious"), 0o644))
			n, done := 0, false
			for after := 2 * time.Millisecond; !done; after += max(12*time.Millisecond, after/10) {
				n++
				s.build(t, n)
				done = s.runKilled(t, after, "deploy", "shop", s.source)
				s.whole(t, fmt.Sprintf("killed after %v", after))
			}
			t.Logf("killed %d times", n-1)
			n++
			s.build(t, n)
			s.Command(s.gw, 0, "deploy", "shop", s.source)
			s.whole(t, "at the end")
			if a := ask(t.Context(), s.web.URL(0, "/index.php")); !strings.Contains(a.body, fmt.Sprintf(`"own":"%d"`, n)) {
				t.Errorf("live is %s, want deploy %d", a.body, n)
			}
			for _, path := range []string{precious, s.dir + "/current/storage/photo.jpg"} {
				if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
					t.Errorf("%s is %q, %v", path, text, err)
				}
			}
		})
	}
}

func TestAFlipThatIsKilledLeavesAWholeSiteAndTheNextOneSucceeds(t *testing.T) {
	s := openSlotted(t, nil, stack.FPMConfig{}, 0)
	s.build(t, 1)
	s.Command(s.gw, 0, "deploy", "shop", s.source)
	n, done := 0, false
	for after := time.Millisecond; !done; after += max(3*time.Millisecond, after/10) {
		slot := filepath.Join(s.dir, string(rune('A'+n%2)))
		done = s.runKilled(t, after, "flip", "shop", slot)
		s.whole(t, fmt.Sprintf("killed after %v", after))
		n++
	}
	t.Logf("killed %d times", n-1)
	s.Command(s.gw, 0, "flip", "shop", s.dir+"/A")
	s.whole(t, "at the end")
}

// misses asks FPM how often opcache had to compile since it started.
func (s *slotted) misses(t *testing.T) int {
	t.Helper()
	a := wantServed(t, ask(t.Context(), s.web.URL(0, "/opcache.php")))
	n, err := strconv.Atoi(a.body)
	if err != nil {
		t.Fatalf("opcache.php answered %q", a.body)
	}
	return n
}

// FILES=5000 for a large site.
func TestDeploysToSlotsKeepTheOpcacheOfWhatHasNotChanged(t *testing.T) {
	files := 600
	if n, err := strconv.Atoi(os.Getenv("FILES")); err == nil {
		files = n
	}
	const rounds = 10
	perDeploy, paid := map[string]int{}, map[string]int{} // compilations, and those that visitors paid for
	for name, place := range map[string]stack.Keys{"slots": nil, "releases": {"releases": "DIR/releases", "keep": 3}} {
		s := openSlotted(t, place, stack.FPMConfig{AsShipped: true, INI: map[string]string{
			"opcache.max_accelerated_files": "100000", "opcache.memory_consumption": "512",
		}}, files)
		s.write(t, "public/opcache.php", `<?php echo opcache_get_status(false)['opcache_statistics']['misses'];`)
		s.write(t, "public/all.php", `<?php foreach (glob($_SERVER['DOCUMENT_ROOT'] . '/../lib/extra_*.php') as $f) { require_once $f; } echo 'all';`)
		changed := files / 100
		deployOne := func(n int) {
			for i := range changed {
				at := (n*changed + i) % files
				s.write(t, fmt.Sprintf("lib/extra_%04d.php", at), fmt.Sprintf("<?php function extra_%d() { return '%d of %d'; }\n", at, at, n))
			}
			began := time.Now()
			said := s.Command(s.gw, 0, "deploy", "shop", s.source)
			before := s.misses(t)
			wantServed(t, ask(t.Context(), s.web.URL(0, "/index.php")))
			if n == rounds {
				t.Logf("%s: %d files of which %d changed are live after %v:\n%s", name, files, changed, time.Since(began), said)
			}
			wantServed(t, ask(t.Context(), s.web.URL(0, "/all.php")))
			if n > 2 {
				paid[name] += s.misses(t) - before
			}
		}
		deployOne(1)
		deployOne(2)
		before := s.misses(t)
		for n := 3; n < 3+rounds; n++ {
			deployOne(n)
		}
		perDeploy[name] = (s.misses(t) - before) / rounds
	}
	t.Logf("%d files, 1%% of them changed by each deploy: %d compilations a deploy between slots, %d with a new directory each; in ten deploys visitors paid for %d and %d",
		files, perDeploy["slots"], perDeploy["releases"], paid["slots"], paid["releases"])
	if perDeploy["slots"] > files/10 || perDeploy["releases"] < files*9/10 || paid["slots"]+paid["releases"] > files/10 {
		t.Errorf("%v compilations a deploy, %v paid for by visitors", perDeploy, paid)
	}
}
