package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A deployment is one way to deploy a blog again and again, of which three releases are kept.
type deployment struct {
	name   string
	place  stack.Keys
	deploy func(t *testing.T, b *blog, n int)
}

func byRealdocd(t *testing.T, b *blog, _ int) {
	t.Helper()
	b.Command(b.gw, 0, "deploy", "blog", b.source)
}

// byHand is what many deploy scripts do. Nobody tells realdocd of it.
func byHand(t *testing.T, b *blog, n int) {
	t.Helper()
	release := fmt.Sprintf("%s/releases/%d", b.dir, n)
	run(t, "mkdir", "-p", release)
	run(t, "rsync", "-rlpD", b.source+"/", release+"/")
	run(t, "ln", "-s", release, b.dir+"/next")
	run(t, "mv", "-T", b.dir+"/next", b.docroot)
	if old := n - 3; old > 0 {
		run(t, "rm", "-r", fmt.Sprintf("%s/releases/%d", b.dir, old))
	}
}

var deployments = []deployment{
	{"new directories", stack.Keys{"releases": "DIR/releases", "keep": 3}, byRealdocd},
	{"slots", stack.Keys{"slots": []string{"DIR/A", "DIR/B"}}, byRealdocd},
	{"mv -T", nil, byHand},
}

// DEPLOYS=100 for a long run; PLOT=FILE has what opcache held drawn into a file.
func TestManyDeploysOnPHPsDefaultsKeepTheOpcacheWarm(t *testing.T) {
	t.Parallel()
	n := 4
	if os.Getenv("DEPLOYS") != "" {
		n = deploys(t)
	}
	var drawn plot
	for _, d := range deployments {
		ok := t.Run(d.name, func(t *testing.T) {
			curve := series{name: d.name}
			b := openBlog(t, d.place, stack.FPMConfig{}, nil)
			paid, atWarmUp, least := int64(0), int64(0), int64(1<<62)
			worst := int64(0)
			began := time.Now()
			for i := 1; i <= n; i++ {
				b.build(t, i)
				d.deploy(t, b, i)
				before := b.opcache(t)
				curve.add(before)
				b.visit(t, i)
				after := b.opcache(t)
				if after.Misses < before.Misses { // it began anew
					before.Misses = 0
				}
				if i > 1 {
					paid += after.Misses - before.Misses
					worst = max(worst, after.Misses-before.Misses)
					atWarmUp += before.Scripts
					least = min(least, before.Scripts)
				}
			}
			end := b.opcache(t)
			t.Logf("%s: %d deploys in %v; cached before the first visitor %d scripts on average, %d at least; visitors paid %.1f compilations a deploy, %d at most; "+
				"opcache began anew %d times by itself, %d times unseen", d.name, n, time.Since(began).Round(time.Second),
				atWarmUp/int64(n-1), least, float64(paid)/float64(n-1), worst, end.Restarts, end.Manual)
			drawn.add(curve)
			if d.name == "mv -T" {
				return // that is what the others are compared with
			}
			if least < scriptsOfABlog {
				t.Errorf("only %d scripts were cached before the first visitor", least)
			}
			if paid > 3*int64(n) { // what realdocd asks PHP is compiled each time
				t.Errorf("visitors paid %d compilations", paid)
			}
			if end.Restarts > 0 {
				t.Errorf("opcache ran out of room %d times", end.Restarts)
			}
		})
		if !ok {
			return
		}
	}
	if file := os.Getenv("PLOT"); file != "" {
		mustDo(t, os.WriteFile(file, drawn.svg(), 0o644))
	}
}

// A small opcache is full at the second release: it has to be emptied, and visitors must not notice.
func TestAFullOpcacheIsEmptiedUnseen(t *testing.T) {
	t.Parallel()
	b := openBlog(t, stack.Keys{"releases": "DIR/releases", "keep": 3}, stack.FPMConfig{INI: map[string]string{"opcache.memory_consumption": "48"}}, stack.Keys{"max_conns": 4})
	emptied := 0
	for i := 1; i <= 5; i++ {
		b.build(t, i)
		said := b.Command(b.gw, 0, "deploy", "blog", b.source)
		if strings.Contains(said, "began anew with") {
			emptied++
			t.Log("\n" + said)
		}
		before := b.opcache(t)
		if before.Scripts < scriptsOfABlog {
			t.Errorf("deploy %d: %d scripts are cached before the first visitor", i, before.Scripts)
		}
		b.visit(t, i)
		if paid := b.opcache(t).Misses - before.Misses; i > 1 && paid > 3 {
			t.Errorf("deploy %d: visitors paid %d compilations", i, paid)
		}
	}
	if end := b.opcache(t); emptied == 0 || end.Restarts > 0 || end.Manual != int64(emptied) {
		t.Errorf("emptied %d times, %+v", emptied, end)
	}
	left, _ := filepath.Glob(b.dir + "/releases/*")
	if len(left) != 5 { // the live one, the one before, and three more
		t.Errorf("left are %q", left)
	}
}

// Else they would stay for ever: PHP never asks whether a script is there still that nobody runs.
func TestScriptsOfAReleaseThatIsGoneAreDropped(t *testing.T) {
	t.Parallel()
	b := openBlog(t, stack.Keys{"releases": "DIR/releases", "keep": 1}, stack.FPMConfig{}, nil)
	var live []string
	deployOne := func() {
		b.build(t, len(live))
		b.Command(b.gw, 0, "deploy", "blog", b.source)
		dir, err := filepath.EvalSymlinks(b.docroot)
		mustDo(t, err)
		live = append(live, dir)
	}
	for range 4 {
		deployOne()
	}
	for i, want := range []bool{false, true, true, true} { // the first was removed, the second is kept, a rollback goes to the third
		if cached := b.opcacheOf(t, live[i]).Scripts > 0; cached != want {
			t.Errorf("release %d is cached: %v", i+1, cached)
		}
	}
	// Somebody else removes one; the next deploy drops what opcache has of it.
	mustDo(t, os.RemoveAll(live[1]))
	deployOne()
	if o := b.opcacheOf(t, live[1]); o.Scripts > 0 || o.Wasted == 0 {
		t.Errorf("of a release that somebody has removed opcache has %+v", o)
	}
}
