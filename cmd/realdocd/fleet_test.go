package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/test/stack"
)

// wantDone wants exit code 0.
func wantDone(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if code != exitDone {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// wantNo wants exit code 1, and texts on stderr.
func wantNo(t *testing.T, code int, stdout, stderr string, wants ...string) {
	t.Helper()
	if code != exitNo {
		t.Errorf("exit code %d, want 1\n%s%s", code, stdout, stderr)
	}
	wantIn(t, stderr, wants...)
}

func TestFleetFlip_TellsItsStepsAndCanBeRolledBack(t *testing.T) {
	f := newFakeFleet(t, 3)
	code, stdout, stderr := f.run("fleet", "flip", "shop", "42")
	wantDone(t, code, stdout, stderr)
	wantSteps(t, stdout, "prepare", "clock", "promise", "flip")
	wantIn(t, stdout, "prepare   3 of 3 hosts (", "flip      42 is live on 3 hosts as number 1; from the first to the last one, web")
	if want := "realdocd: web1, web2, web3: the opcache was not asked\n"; stderr != want {
		t.Errorf("stderr is %q, want %q", stderr, want)
	}
	f.wantInStep("42")

	code, stdout, stderr = f.run("fleet", "flip", "shop", "42")
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, "42 is committed already, as number 1, and live on all hosts")

	code, stdout, stderr = f.run("fleet", "rollback", "shop")
	wantDone(t, code, stdout, stderr)
	wantSteps(t, stdout, "rollback", "prepare", "clock", "promise", "flip")
	f.wantInStep("41")

	code, stdout, stderr = f.run("fleet", "history", "shop")
	wantDone(t, code, stdout, stderr)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 4 {
		t.Fatalf("the history is\n%s", stdout)
	}
	for i, want := range []string{"NUMBER  RELEASE  WHAT      BY", "0       41       found ", "1       42       flip ", "2       41       rollback "} {
		wantIn(t, lines[i], want)
	}
	code, stdout, stderr = f.run("fleet", "rollback", "shop")
	wantNo(t, code, stdout, stderr, "shop has no commit before 41 in the history: name a release")
}

func TestFleetFlip_ThatIsRefusedNamesTheHostsAndExits1(t *testing.T) {
	f := newFakeFleet(t, 3)
	f.hosts["web2"].change(func() { delete(f.hosts["web2"].releases, "42") })
	code, stdout, stderr := f.run("fleet", "flip", "shop", "42")
	wantNo(t, code, stdout, stderr, "realdocd: web2: release 42 is not on this host\n", "realdocd: nothing has changed: 2 of 3 hosts could flip shop to 42, and 3 have to\n")
	f.wantInStep("41")

	code, stdout, _ = f.run("fleet", "flip", "shop", "42", "--json")
	var o outcome
	if err := json.Unmarshal([]byte(stdout), &o); err != nil || code != exitNo || o.OK || !strings.Contains(o.Error, "web2: ") || o.Fleet != nil {
		t.Errorf("exit code %d, %+v, %v", code, o, err)
	}

	code, stdout, stderr = f.run("fleet", "flip", "shop", "42", "--dry-run", "--at-least", "2/3")
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, "would have 2 hosts prepare 42 and flip to it; nothing is committed now; would leave behind web2")
	f.wantInStep("41")

	code, stdout, stderr = f.run("fleet", "flip", "shop", "42", "--at-least", "2/3", "--json")
	wantDone(t, code, stdout, stderr)
	o = outcome{}
	if err := json.Unmarshal([]byte(stdout), &o); err != nil || !o.OK || !o.Live || o.Fleet == nil || len(o.Fleet.Hosts) != 2 || o.Fleet.Behind[0].Host != "web2" || len(o.Fleet.Clocks) != 2 || o.Before != "41" {
		t.Errorf("%s (%v)", stdout, err)
	}
	wantIn(t, stderr, "web2 is left behind, and not ready until it has 42: release 42 is not on this host")

	stack.Until(t, "web2 is behind", func() bool {
		_, state := f.hosts["web2"].is()
		return state == fleet.Behind
	})
	stack.Until(t, "the status says so", func() bool {
		_, stdout, _ := f.run("fleet", "status", "shop")
		return strings.Contains(stdout, "web2  BEHIND   live  -\n") && strings.Contains(stdout, "web1  in step  here  live\n") && strings.Contains(stdout, "\nweb2: behind with shop: ")
	})
	code, stdout, stderr = f.run("fleet", "status")
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, "HOST  AGENT  VERSION", "web2  up     1 ", "shop  42         1 ", "2/3\n")
	code, stdout, _ = f.run("fleet", "status", "--json")
	var s fleetStatus
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != exitDone || len(s.Hosts) != 3 || s.Sites[0].Commit.Release != "42" || s.Group != "www" {
		t.Errorf("exit code %d, %s (%v)", code, stdout, err)
	}
}

func TestFleet_HostsThatAreAbsentAreNamedAndCanBeTakenOut(t *testing.T) {
	f := newFakeFleet(t, 3)
	code, stdout, stderr := f.run("fleet", "leave", "web3")
	wantNo(t, code, stdout, stderr, "web3 is there: stop it first, on web3: systemctl disable --now realdocd-fleet")
	f.hosts["web3"].stop()
	code, stdout, stderr = f.run("fleet", "flip", "shop", "42")
	wantNo(t, code, stdout, stderr, "web3: it is absent since ", "or, if it is off, say so with --gone web3")
	_, stdout, _ = f.run("fleet", "status")
	wantIn(t, stdout, "web3  ABSENT  -", "\nweb3: it is absent since ")

	code, stdout, stderr = f.run("fleet", "flip", "shop", "42", "--gone", "web3")
	wantDone(t, code, stdout, stderr)
	_, stdout, _ = f.run("fleet", "history", "shop", "--json")
	wantIn(t, stdout, `"gone": [`, `"web3"`)
	if code, stdout, stderr = f.run("fleet", "leave", "web3"); code != exitDone || stdout+stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = f.run("fleet", "leave", "web3")
	wantNo(t, code, stdout, stderr, "the group has no host web3: it has web1, web2")
	delete(f.hosts, "web3")
	code, stdout, stderr = f.run("fleet", "flip", "shop", "41")
	wantDone(t, code, stdout, stderr)
}

func TestFleetForget_TakesASiteOutOfTheFleet(t *testing.T) {
	f := newFakeFleet(t, 2)
	code, stdout, stderr := f.run("fleet", "forget", "shop")
	wantNo(t, code, stdout, stderr, "nothing is committed for shop")
	code, stdout, stderr = f.run("fleet", "flip", "shop", "42")
	wantDone(t, code, stdout, stderr)
	f.hosts["web2"].change(func() { delete(f.hosts["web2"].releases, "42") })
	code, stdout, stderr = f.run("fleet", "forget", "shop")
	wantDone(t, code, stdout, stderr)
	_, stdout, _ = f.run("fleet", "status", "shop")
	wantIn(t, stdout, "site shop: nothing is committed, and each host serves what it has")
	f.wantInStep("42")
	code, stdout, stderr = f.run("fleet", "rollback", "shop")
	wantNo(t, code, stdout, stderr, "nothing is committed for shop")
	code, stdout, stderr = f.run("fleet", "flip", "shop", "41")
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, "41 is live on 2 hosts as number 3")
}

func TestFleetDrain_SaysOnWhichHostsSomebodyIsInside(t *testing.T) {
	f := newFakeFleet(t, 3)
	if code, stdout, stderr := f.run("fleet", "drain", "shop", "42"); code != exitDone || stdout+stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	f.hosts["web2"].change(func() { f.hosts["web2"].inside["42"] = "GET /long.php" })
	code, stdout, stderr := f.run("fleet", "drain", "shop", "42")
	wantNo(t, code, stdout, stderr, "release 42 of shop is not drained on 1 of 3 hosts")
	wantIn(t, stdout, "HOST  WHY\nweb2  1 request is left, GET /long.php\n")
	_, stdout, _ = f.run("fleet", "drain", "shop", "42", "--json")
	wantIn(t, stdout, `"error": "release 42 of shop is not drained`)
}

func TestFleet_SaysThatEtcdIsAwayAndWhatThatMeans(t *testing.T) {
	f := newFakeFleet(t, 1)
	f.hosts["web1"].stop()
	f.etcd.Stop()
	for _, args := range [][]string{{"status"}, {"flip", "shop", "42"}, {"rollback", "shop"}, {"history", "shop"}} {
		began := time.Now()
		code, stdout, stderr := f.run(append([]string{"fleet"}, args...)...)
		wantNo(t, code, stdout, stderr, "etcd", "all hosts serve what they have")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %v", args, took)
		}
	}
}

func TestFleet_WithoutAFleetSaysWhatToSet(t *testing.T) {
	s := newFakeSite(t)
	code, stdout, stderr := s.run("fleet", "status")
	wantNo(t, code, stdout, stderr, "there is no fleet: say where etcd is, as in [fleet] etcd = [")
}

func TestFleet_WrongUseIsExitCode2(t *testing.T) {
	for args, want := range map[string]string{
		"fleet":                                "say which: agent, canary, content, drain, flip, forget, history, leave, rollback, status",
		"fleet flip shop":                      "flip needs RELEASE too",
		"fleet flip shop releases/43":          "RELEASE is a name here, such as 43, and not \"releases/43\"",
		"fleet flip shop 43 --at-least none":   "--at-least: want a number of hosts such as 14, or a share such as 9/10 or 90%, not \"none\"",
		"fleet flip shop 43 --timeout 0s":      "--timeout: want a duration above 0s",
		"fleet status a b":                     "status takes SITE, got \"b\" too",
		"fleet leave":                          "leave which host? realdocd fleet status lists them",
		"fleet drain shop 42 --pins=some":      "--pins: want end or wait, not \"some\"",
		"deploy shop . --at-least 3":           "--at-least is for --fleet: add it, or leave --at-least out",
		"deploy shop . --fleet --bake 1m":      "--bake is for one host: leave it or --fleet out",
		"deploy shop . --fleet --at-least 3/2": "--at-least: want a number of hosts",
		"fleet rollback shop 42":               "rollback takes SITE, got \"42\" too",
	} {
		code, stdout, stderr := run(t, strings.Fields(args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, stderr %q, want 2 and %q", args, code, stderr, want)
		}
	}
}

func TestFleet_CompletesSitesReleasesAndHosts(t *testing.T) {
	f := newFakeFleet(t, 2)
	for args, want := range map[string]string{
		"fleet flip ":       "shop\n:4\n",
		"fleet flip shop ":  "41\n42\n:4\n",
		"fleet leave ":      "web1\nweb2\n:4\n",
		"fleet history ":    "shop\n:4\n",
		"fleet drain shop ": "41\n42\n:4\n",
	} {
		words := append([]string{"__complete"}, strings.Split(args, " ")...)
		_, stdout, _ := run(t, append(words[:3:3], append([]string{"--config", f.config}, words[3:]...)...)...)
		if stdout != want {
			t.Errorf("%q proposes %q, want %q", args, stdout, want)
		}
	}
}

// deployTo is a site with releases, of which this host serves 41, in a fleet of its own.
func deployTo(t *testing.T, f *fakeFleet, keys ...string) (source string) {
	t.Helper()
	for _, dir := range []string{"releases/41/public", "source/public", "state"} {
		if err := os.MkdirAll(filepath.Join(f.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("releases/41", filepath.Join(f.dir, "current")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "source/public/index.php"), []byte("<?php echo 43;"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.config = f.configOf(keys...)
	text, err := os.ReadFile(f.config)
	if err == nil {
		err = os.WriteFile(f.config, append(text, "releases = '"+f.dir+"/releases'\n"...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(f.dir, "source")
}

// here has the first host have what is on disk, as its agent would see it.
func here(f *fakeFleet) {
	f.hosts["web1"].onDisk = filepath.Join(f.dir, "releases")
}

func TestDeployFleet_BringsTheReleaseByThePushCommandAndMakesItLiveOnAllHosts(t *testing.T) {
	f := newFakeFleet(t, 3)
	source := deployTo(t, f, `push = "mkdir -p $REALDOC_TARGET && cp -a $REALDOC_SOURCE/. $REALDOC_TARGET && echo $REALDOC_SITE $REALDOC_RELEASE > $REALDOC_TARGET.$REALDOC_HOST"`)
	here(f)
	for name, h := range f.hosts {
		h.change(func() { h.placed = filepath.Join(f.dir, "pushed-"+name) })
	}
	code, stdout, stderr := f.run("deploy", "--fleet", "shop", source)
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, "fill ", "bring     ", " is on 3 hosts (", "prepare   3 of 3 hosts", " is live on 3 hosts as number 1")
	for _, name := range []string{"web2", "web3"} {
		if _, err := os.Stat(filepath.Join(f.dir, "pushed-"+name, "public/index.php")); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(filepath.Join(f.dir, "pushed-"+name+"."+name)); err != nil || !strings.HasPrefix(string(text), "shop 20") {
			t.Errorf("%q, %v", text, err)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, "pushed-web1")); err == nil {
		t.Error("it was pushed to the host that it came from")
	}
}

func TestDeployFleet_ThatCannotPushToAHostNamesItAndChangesNothing(t *testing.T) {
	f := newFakeFleet(t, 3)
	source := deployTo(t, f, `push = "test $REALDOC_HOST != web3 || { echo no route to web3; exit 1; }"`)
	here(f)
	for _, h := range f.hosts {
		h.change(func() { h.placed = f.dir })
	}
	code, stdout, stderr := f.run("deploy", "--fleet", "shop", source)
	wantNo(t, code, stdout, stderr, "web3: push: ", "no route to web3", " is on 2 of 3 hosts, and nothing has changed for visitors")
	f.wantInStep("41")
	code, stdout, stderr = f.run("deploy", "--fleet", "shop", source, "--at-least", "2")
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, " is live on 2 hosts as number 1")
	wantIn(t, stderr, "web3: push: ")
}

func TestDeployFleet_HasTheHostsFetchWithoutAPushCommand(t *testing.T) {
	f := newFakeFleet(t, 2)
	source := deployTo(t, f)
	here(f)
	code, stdout, stderr := f.run("deploy", "--fleet", "shop", source)
	wantNo(t, code, stdout, stderr, "web2: no command is configured that fetches a release")
	f.hosts["web2"].change(func() { f.hosts["web2"].fetches = true })
	code, stdout, stderr = f.run("deploy", "--fleet", "shop", source)
	wantDone(t, code, stdout, stderr)
	wantIn(t, stdout, " is live on 2 hosts as number 1")
}
