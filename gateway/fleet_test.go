package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/handover"
	"realdocd/gateway/standing"
	"realdocd/test/stack"
)

// newFleet is a gateway of a fleet that nobody has told anything yet.
func newFleet(t testing.TB) *bench {
	b := newBench(t)
	b.cfg.Fleet.On = true
	b.cfg.StateDir = t.TempDir()
	return b
}

// stands tells where the shop stands; the blog is in step.
func (b *bench) stands(state string, more ...func(*control.FleetStanding)) control.FleetStatus {
	b.t.Helper()
	shop := control.FleetStanding{Site: "shop", State: state, Release: "2", Seq: 7, Why: "release 2 is not here", Since: time.Now()}
	if state == control.FleetInStep {
		shop.Why = ""
	}
	for _, change := range more {
		change(&shop)
	}
	return b.stand(shop, control.FleetStanding{Site: "blog", State: control.FleetInStep})
}

func (b *bench) stand(standings ...control.FleetStanding) control.FleetStatus {
	b.t.Helper()
	st, err := b.server.Stand(b.t.Context(), control.FleetReport{Group: "www", Host: "www1", Standings: standings})
	b.must(err)
	return st
}

func followedBy(state string, after time.Duration) func(*control.FleetStanding) {
	return func(s *control.FleetStanding) {
		s.Next, s.NextWhy, s.For = state, "the outcome of a flip to 3 is not known", control.Seconds(after)
	}
}

// again starts another process on what the one before has left.
func (b *bench) again() *bench {
	b.t.Helper()
	b.cfg.Listen[0] += "-2"
	return b.start()
}

// wantBehind sends a request of the shop that is refused, and of which FPM hears nothing.
func (b *bench) wantBehind(cause string, params ...string) {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", b.params(params...)...)
	reply := b.wantRefused(c, http.StatusServiceUnavailable)
	if reply.Header.Get("Retry-After") == "" {
		b.t.Errorf("nobody is told when to come again: %v", reply.Header)
	}
	b.logged(`"cause":"` + cause + `"`)
}

func TestFleet_ASiteThatIsBehindServesNothing(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep)
	b.served(b.connect(), "", b.params()...)
	before, q := b.running(b.params()...)
	b.stands(control.FleetBehind)
	b.wantBehind("fleet_behind")
	if event := b.logged(`"cause":"fleet_behind"`); !strings.Contains(event.String("error"), "site shop is behind its fleet: release 2 is not here") {
		t.Errorf("the log has %v", event)
	}
	b.served(b.connect(), "", stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")...) // which is in step
	q.Answer(page)                                                                        // what ran goes on
	b.wantPage(before)
	b.wantMetric(`realdocd_refusals_total{cause="fleet_behind"} 1`)
	b.stands(control.FleetInStep)
	b.served(b.connect(), "", b.params()...)
}

// A body that nobody reads must not be taken for the next request.
func TestFleet_TheBodyOfAnUploadToASiteThatIsBehindIsPassedOver(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetBehind)
	c := b.connect()
	b.send(c, strings.Repeat("x", 100_000), b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "100000")...)
	b.wantRefused(c, http.StatusServiceUnavailable)
}

func TestFleet_AsConfiguredASiteThatIsBehindServesTheLastRelease(t *testing.T) {
	b := newFleet(t)
	b.cfg.Fleet.ServeBehind = true
	b.start()
	b.served(b.connect(), "", b.params()...) // nobody has told yet, and nobody waits
	b.stands(control.FleetBehind)
	b.served(b.connect(), "", b.params()...)
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "[-] fleet: site shop is behind its fleet: release 2 is not here")
}

func TestFleet_ASiteInAnyOtherStateServesAndIsNotReady(t *testing.T) {
	b := newFleet(t).start()
	for _, state := range []string{control.FleetInDoubt, control.FleetStrayed, control.FleetLost} {
		b.stands(state)
		b.served(b.connect(), "", b.params()...)
		b.wantProbe("/readyz", http.StatusServiceUnavailable, "[-] fleet: site shop is "+state)
		b.wantMetric(`realdocd_fleet_state{site="shop",state="` + state + `"} 1`)
		b.logged(`"state":"` + state + `"`)
	}
	b.stands(control.FleetInStep)
	b.wantProbe("/readyz", http.StatusOK, "[+] fleet ok")
	b.wantMetric(`realdocd_fleet_state{site="shop",state="in step"} 1`)
	b.wantMetric(`realdocd_fleet_state{site="shop",state="behind"} 0`)
	b.wantMetric(`realdocd_fleet_commit{site="shop"} 7`)
	b.wantMetric(`realdocd_fleet_store_up 1`)
}

func TestFleet_WhoAsksForOnePoolIsNotToldOfTheFleet(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetBehind)
	if code, said := b.probe("/readyz?pool=www"); code != http.StatusOK || strings.Contains(said, "fleet") {
		t.Errorf("it says %d %q", code, said)
	}
	r, err := b.server.Ready(t.Context(), "")
	if err != nil || r.Ready {
		t.Errorf("it is ready: %+v, %v", r, err)
	}
}

// Whoever promises counts on this: his daemon says by itself that it is in doubt, also if he dies.
func TestFleet_AStateFollowsByItself(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep, followedBy(control.FleetInDoubt, 300*time.Millisecond))
	b.wantProbe("/readyz", http.StatusOK, "[+] fleet ok")
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is in doubt: the outcome of a flip to 3 is not known")
	b.served(b.connect(), "", b.params()...)
	b.logged(`"state":"in doubt"`) // once a second somebody looks
	b.stands(control.FleetInStep, followedBy(control.FleetBehind, time.Millisecond))
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is behind its fleet")
	b.wantBehind("fleet_behind")
}

func TestFleet_AStateDoesNotFollowIfAnotherWasToldBefore(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep, followedBy(control.FleetBehind, 50*time.Millisecond))
	b.stands(control.FleetInStep)
	until := standing.Now().After(60 * time.Millisecond)
	stack.Until(t, "the time is over", func() bool { return until.Until(standing.Now()) < 0 })
	b.served(b.connect(), "", b.params()...)
}

// What a process was told, the next one goes by.
func TestFleet_ARestartGoesOnWithWhatWasTold(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep, followedBy(control.FleetInDoubt, time.Hour))
	b.again()
	b.served(b.connect(), "", b.params()...)
	b.wantProbe("/readyz", http.StatusOK, "[+] fleet ok")
	if st := b.server.Status().Fleet; st.Host != "www1" || len(st.Standings) != 2 || st.Standings[1].Next != control.FleetInDoubt || time.Duration(st.Standings[1].For) > time.Hour {
		t.Errorf("it knows %+v", st)
	}
	b.stands(control.FleetBehind)
	b.again()
	b.wantBehind("fleet_behind")
}

// The time goes on while nobody runs.
func TestFleet_WhatWasToFollowHasFollowedWhenTheNextProcessStarts(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep, followedBy(control.FleetInDoubt, time.Minute))
	b.inFile(func(kept map[string]any) { kept["boottime_ns"] = 1 }) // as early as can be
	b.again()
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is in doubt")
}

// inFile changes what the file has.
func (b *bench) inFile(change func(kept map[string]any)) {
	b.t.Helper()
	file := filepath.Join(b.cfg.StateDir, "fleet.json")
	text, err := os.ReadFile(file)
	b.must(err)
	var kept map[string]any
	b.must(json.Unmarshal(text, &kept))
	if kept["boot_id"] == "" || kept["boottime_ns"] == nil {
		b.t.Fatalf("the file has %s", text)
	}
	change(kept)
	text, err = json.Marshal(kept)
	b.must(err)
	b.must(os.WriteFile(file, text, 0o644))
}

func TestFleet_AfterAnotherBootNothingIsKnown(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep)
	b.inFile(func(kept map[string]any) { kept["boot_id"] = "0a4e7a3c-0000-4000-8000-000000000000" })
	b.again()
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is unknown: its agent has not told yet")
	b.wantUnknown()
}

// wantUnknown sends a request that waits for the agent's word for as long as one does, and is refused.
func (b *bench) wantUnknown() {
	b.t.Helper()
	b.wantBehind("fleet_unknown")
}

// Nothing that a file says is believed that somebody else may have written.
func TestFleet_AFileThatIsNotOursIsNotBelieved(t *testing.T) {
	for name, row := range map[string]struct {
		spoil func(b *bench, file string)
		says  string
	}{
		"garbage":                  {func(b *bench, file string) { b.must(os.WriteFile(file, []byte("{{{"), 0o644)) }, "invalid character"},
		"an empty file":            {func(b *bench, file string) { b.must(os.Truncate(file, 0)) }, "unexpected end"},
		"a word that is not known": {func(b *bench, file string) { b.replaceInFile(`"in step"`, `"in order"`) }, "not \"in order\""},
		"a moment that is not over": {func(b *bench, file string) {
			b.inFile(func(kept map[string]any) { kept["boottime_ns"] = float64(standing.Now().After(time.Hour)) })
		}, "of a moment that is not over"},
		"a pipe": {func(b *bench, file string) {
			b.must(os.Remove(file))
			b.must(syscall.Mkfifo(file, 0o644))
		}, "is not a regular file"},
		"a symlink": {func(b *bench, file string) {
			b.must(os.Rename(file, file+".real"))
			b.must(os.Symlink(file+".real", file))
		}, "is a symlink"},
		"a second name":                  {func(b *bench, file string) { b.must(os.Link(file, file+".other")) }, "not a regular file with one name"},
		"a file that all can write":      {func(b *bench, file string) { b.must(os.Chmod(file, 0o666)) }, "can be written by others"},
		"a file of another user":         {func(b *bench, file string) { b.chown(file, 33) }, "belongs to uid 33"},
		"a directory that all can write": {func(b *bench, file string) { b.must(os.Chmod(filepath.Dir(file), 0o777)) }, "can be written by everybody"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFleet(t).start()
			b.stands(control.FleetInStep)
			row.spoil(b, filepath.Join(b.cfg.StateDir, "fleet.json"))
			b.again()
			if event := b.logged("is not believed"); !strings.Contains(event.String("error"), row.says) {
				t.Errorf("the log has %v, want %q", event, row.says)
			}
			b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is unknown")
		})
	}
}

func (b *bench) replaceInFile(old, next string) {
	b.t.Helper()
	file := filepath.Join(b.cfg.StateDir, "fleet.json")
	text, err := os.ReadFile(file)
	b.must(err)
	b.must(os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, next)), 0o644))
}

func (b *bench) chown(file string, uid int) {
	b.t.Helper()
	if os.Geteuid() != 0 {
		b.t.Skip("SKIPPED, NOT PROVEN: only root may give a file to another user")
	}
	b.must(os.Chown(file, uid, uid))
}

// An agent that is there tells within milliseconds: visitors wait for that, and see no error.
func TestFleet_RequestsWaitAMomentForTheFirstWord(t *testing.T) {
	b := newFleet(t).start()
	first, second := b.waitsForTheFleet(1), b.waitsForTheFleet(2)
	b.flip("2") // as the agent does before it tells
	b.stands(control.FleetInStep)
	for range 2 {
		q := b.fpm.Next()
		if ran := value(q, "REALDOC_RELEASE"); ran != "2" {
			t.Errorf("a request that has waited runs on release %s", ran)
		}
		q.Answer(page)
	}
	b.wantPage(first)
	b.wantPage(second)
	if n := b.server.setup.Load().sites.named("shop").unknown.Load(); n != 0 {
		t.Errorf("%d requests are counted as waiting", n)
	}
}

// waitsForTheFleet sends a request of the shop that waits for the agent's word, as the n-th.
func (b *bench) waitsForTheFleet(n int64, params ...string) *stack.Client {
	b.t.Helper()
	c := b.connect()
	b.send(c, "", b.params(params...)...)
	stack.Until(b.t, "the request waits", func() bool { return b.server.setup.Load().sites.named("shop").unknown.Load() == n })
	return c
}

func TestFleet_ARequestThatWaitsIsToldWhatTheWordIs(t *testing.T) {
	b := newFleet(t).start()
	c := b.waitsForTheFleet(1)
	b.stands(control.FleetUnknown) // the agent compares still
	stack.Until(t, "it waits on", func() bool { return b.server.setup.Load().sites.named("shop").unknown.Load() == 1 })
	b.stands(control.FleetBehind)
	b.wantRefused(c, http.StatusServiceUnavailable)
	b.logged(`"cause":"fleet_behind"`)
}

func TestFleet_WithoutAWordRequestsAreRefusedAfterAMoment(t *testing.T) {
	b := newFleet(t).start()
	began := time.Now()
	b.wantUnknown()
	if took := time.Since(began); took < unknownGrace-time.Second || took > unknownGrace+2*time.Second {
		t.Errorf("the first one has waited for %v", took)
	}
	began = time.Now()
	b.wantUnknown() // and the next ones no more
	if took := time.Since(began); took > time.Second {
		t.Errorf("another one has waited for %v", took)
	}
	b.wantMetric(`realdocd_fleet_store_up 0`)
}

func TestFleet_ARequestThatWaitsEndsWithItsWebServer(t *testing.T) {
	b := newFleet(t).start()
	c := b.waitsForTheFleet(1)
	c.Close()
	stack.Until(t, "nobody waits", func() bool { return b.server.setup.Load().sites.named("shop").unknown.Load() == 0 })
	b.logged(`"status":499`)
}

func TestFleet_NotMoreWaitThanTheQueueHas(t *testing.T) {
	b := newFleet(t)
	b.cfg.Pools[0].Queue = 1
	b.start()
	c := b.waitsForTheFleet(1)
	b.wantBehind("queue_full")
	b.stands(control.FleetInStep)
	b.fpm.Next().Answer(page)
	b.wantPage(c)
}

func TestFleet_AWarmUpRunsOnASiteThatIsBehind(t *testing.T) {
	b := newFleet(t)
	b.cfg.Sites[0].Warm, b.cfg.Sites[0].WarmTimeout = []string{"/"}, patience
	b.start()
	b.stands(control.FleetBehind)
	go func() { b.fpm.Next().Answer(page) }()
	results, err := b.server.Warm(t.Context(), "shop", "", b.release("shop", "2"))
	if err != nil || len(results) != 1 || results[0].Error != "" {
		t.Errorf("%+v, %v", results, err)
	}
}

// A tenant is named as in commands, and each stands for itself.
func TestFleet_EachDocrootOfAPatternStandsForItself(t *testing.T) {
	b := newFleet(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}}
	b.start()
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site all is unknown: its agent has not told yet")
	st := b.stand(control.FleetStanding{Site: "all/shop", State: control.FleetBehind, Why: "x"}, control.FleetStanding{Site: "all/blog", State: control.FleetInStep},
		control.FleetStanding{Site: "shop", State: control.FleetBehind}, control.FleetStanding{Site: "all", State: control.FleetBehind})
	if len(st.Ignored) != 2 || st.Ignored[0] != "shop" || st.Ignored[1] != "all" || len(st.Standings) != 2 {
		t.Errorf("it answers %+v", st)
	}
	b.wantBehind("fleet_behind")
	b.served(b.connect(), "", stack.ParamsFor(b.docroot("blog"), "GET", "/index.php")...)
	b.wantMetric(`realdocd_fleet_state{site="all",state="behind"} 1`)
	b.wantMetric(`realdocd_fleet_state{site="all",state="in step"} 1`)
	b.stand(control.FleetStanding{Site: "all/blog", State: control.FleetInStep})
	b.wantUnknown() // the agent does not name it any more
	if event := b.logged(`"cause":"fleet_unknown"`); !strings.Contains(event.String("error"), "its agent has not named it") {
		t.Errorf("the log has %v", event)
	}
}

// No fleet can flip what has no link, and no agent can tell of it.
func TestFleet_ADocrootWithoutALinkIsServed(t *testing.T) {
	b := newFleet(t)
	b.must(os.MkdirAll(b.dir+"/tool", 0o755))
	b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: "tool", Docroot: b.dir + "/tool", Pool: "www", RequestBuffering: true})
	b.start()
	b.stands(control.FleetInStep)
	b.served(b.connect(), "", stack.ParamsFor(b.dir+"/tool", "GET", "/index.php")...)
	b.wantProbe("/readyz", http.StatusOK, "[+] fleet ok")
}

func TestFleet_AReloadThatTakesOrEndsTheFleetHolds(t *testing.T) {
	b := newFleet(t)
	b.cfg.Fleet.On = false
	b.start()
	if _, err := b.server.Stand(t.Context(), control.FleetReport{}); !errors.Is(err, control.ErrNoFleet) {
		t.Errorf("a gateway without a fleet says %v", err)
	}
	b.served(b.connect(), "", b.params()...)
	b.reload(func(c *Config) { c.Fleet.On = true })
	c := b.waitsForTheFleet(1)
	b.stands(control.FleetInStep)
	b.fpm.Next().Answer(page)
	b.wantPage(c)
	b.stands(control.FleetBehind)
	b.reload(func(c *Config) { c.Fleet.On, c.SlowLog = true, time.Hour }) // which changes nothing here
	b.wantBehind("fleet_behind")
	b.reload(func(c *Config) { c.Fleet.On = false })
	b.served(b.connect(), "", b.params()...)
	if _, err := os.Lstat(filepath.Join(b.cfg.StateDir, "fleet.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was told is kept for a fleet that nobody is in: %v", err)
	}
	if st := b.server.Status().Fleet; st != nil {
		t.Errorf("the status has %+v", st)
	}
}

// A request that waits goes by what a reload has.
func TestFleet_AReloadThatServesLetsThoseGoThatWait(t *testing.T) {
	b := newFleet(t).start()
	c := b.waitsForTheFleet(1)
	b.reload(func(c *Config) { c.Fleet.On = false })
	b.fpm.Next().Answer(page)
	b.wantPage(c)
}

func TestFleet_TheSuccessorIsToldWhatThisProcessWasTold(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetBehind, followedBy(control.FleetUnknown, time.Hour))
	f, failed := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	f.Send(handover.Message{Prepared: os.Getpid()})
	var told *handover.Standings
	f.until(func(m handover.Message) bool {
		if m.Standings != nil {
			told = m.Standings
		}
		return m.Begin
	})
	f.Close()
	<-failed
	next := newFleet(t) // whose state_dir has no file
	peer, file, err := handover.Pair()
	next.must(err)
	t.Cleanup(peer.Close)
	peer.Send(handover.Message{Sockets: &handover.Sockets{PID: 7}})
	p, err := NewPredecessor(file)
	next.must(err)
	server := next.newServer()
	peer.Send(handover.Message{Standings: told})
	peer.Send(handover.Message{Begin: true})
	next.must(server.Succeed(p))
	next.serve(server)
	next.wantBehind("fleet_behind")
	if st := next.server.Status().Fleet.Standings[1]; st.Next != control.FleetUnknown || time.Duration(st.For) > time.Hour || time.Duration(st.For) < time.Hour-patience {
		t.Errorf("it knows %+v", st)
	}
}

// What the successor was not told would be lost.
func TestFleet_DuringAHandoverTheAgentIsSentToTheSuccessor(t *testing.T) {
	b := newFleet(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	f, failed := b.handOver(t.Context())
	f.until(func(m handover.Message) bool { return m.Sockets != nil })
	f.Send(handover.Message{Prepared: 1})
	f.until(func(m handover.Message) bool { return m.Begin })
	told := make(chan error, 1)
	go func() {
		_, err := control.NewClient(b.cfg.Control).Fleet(t.Context(), control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetInStep}}})
		told <- err
	}()
	select {
	case err := <-told:
		t.Errorf("this process answers, with %v", err)
	case <-time.After(300 * time.Millisecond): // the client asks again meanwhile
	}
	f.Close() // the handover fails, and this process serves on
	<-failed
	b.must(stack.Receive(t, told, "the answer"))
	b.served(b.connect(), "", b.params()...)
}

// A promise counts on it that the next process knows.
func TestFleet_WhatCannotBeKeptIsAnErrorAndNotKnownToTheNextProcess(t *testing.T) {
	b := newFleet(t).start()
	b.stands(control.FleetInStep)
	next := filepath.Join(b.cfg.StateDir, ".fleet.json.next")
	b.must(os.MkdirAll(next+"/x", 0o755)) // so that nothing can be written
	behind := control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetBehind}}}
	for range 2 { // the second time nothing is new, but that it is not kept
		if _, err := b.server.Stand(t.Context(), behind); err == nil || !strings.Contains(err.Error(), "fleet.json") {
			t.Errorf("it says %v", err)
		}
	}
	b.logged("is not kept")
	b.wantBehind("fleet_behind") // but it holds
	b.must(os.RemoveAll(next))
	b.again()
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is unknown") // and not in step, as it was before
	_, err := b.server.Stand(t.Context(), behind)
	b.must(err)
	b.again()
	b.wantProbe("/readyz", http.StatusServiceUnavailable, "site shop is behind its fleet")
}

// An agent tells again and again that it is there: that costs no disk.
func TestFleet_WhatIsNotNewIsNotWritten(t *testing.T) {
	b := newFleet(t).start()
	report := control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetStrayed}}}
	tell := func() os.FileInfo {
		_, err := b.server.Stand(t.Context(), report)
		b.must(err)
		fi, err := os.Stat(filepath.Join(b.cfg.StateDir, "fleet.json"))
		b.must(err)
		return fi
	}
	first := tell()
	told := b.server.Status().Fleet.Told
	if !os.SameFile(first, tell()) || !b.server.Status().Fleet.Told.After(told) {
		t.Error("it is written again, or nobody knows that it was told again")
	}
	report.Standings[0].State = control.FleetInStep
	if os.SameFile(first, tell()) {
		t.Error("what is new is not written")
	}
	report.Standings[0].Next, report.Standings[0].For = control.FleetInDoubt, control.Seconds(time.Hour)
	next := tell()
	if os.SameFile(next, tell()) {
		t.Error("the time for what follows begins anew, and is not written")
	}
}

// Only what has changed is logged, and few lines tell of many sites.
func TestFleet_EachChangeIsLoggedOnce(t *testing.T) {
	b := newFleet(t)
	b.cfg.Sites = nil
	var standings []control.FleetStanding
	for _, name := range strings.Fields(strings.Repeat("a ", 30)) {
		name += string(rune('a' + len(b.cfg.Sites)))
		b.must(os.MkdirAll(b.dir+"/"+name+"/releases/1", 0o755))
		b.must(os.Symlink("releases/1", b.dir+"/"+name+"/current"))
		b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: name, Docroot: b.dir + "/" + name + "/current", Pool: "www"})
		standings = append(standings, control.FleetStanding{Site: name, State: control.FleetInStep})
	}
	b.start()
	b.logged("more sites stand elsewhere")
	b.stand(standings...)
	b.stand(standings...)
	standings[3].State = control.FleetStrayed
	b.stand(standings...)
	b.logged(`"state":"strayed"`)
	lines, _ := b.log.now()
	if n := strings.Count(strings.Join(lines, "\n"), "site is in step"); n != maxNamed {
		t.Errorf("%d events tell of sites that are in step, want %d", n, maxNamed)
	}
}

// What an agent says of itself it has to be held to.
func TestFleet_AnAgentThatIsSilentIsSaidSo(t *testing.T) {
	b := newFleet(t).start()
	report := control.FleetReport{Again: control.Seconds(20 * time.Millisecond), Standings: []control.FleetStanding{{Site: "shop", State: control.FleetInStep}}}
	_, err := b.server.Stand(t.Context(), report)
	b.must(err)
	stack.Until(t, "the agent is silent", func() bool { return b.server.Status().Fleet.Silent > 0 })
	report.Again = control.Seconds(time.Hour)
	st, err := b.server.Stand(t.Context(), report)
	if err != nil || st.Silent != 0 {
		t.Errorf("it says %+v, %v", st, err)
	}
}

// Whose right is to look must not close a site.
func TestFleet_OnlyWhoMayDeployTellsIt(t *testing.T) {
	b := newFleet(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	for _, role := range []control.Role{control.RoleNone, control.RoleLook, control.RoleOperate} {
		said := b.tells(role, `{"standings":[{"site":"shop","state":"behind"}]}`)
		if said.Code != http.StatusForbidden {
			t.Errorf("who may %s is answered %d %s", role, said.Code, said.Body)
		}
	}
	if st := b.server.Status().Fleet; !st.Told.IsZero() {
		t.Errorf("it was told: %+v", st)
	}
	for text, want := range map[string]string{
		`{`:                          "read where the sites stand",
		`[]`:                         "read where the sites stand",
		`{"standings":[{"site":1}]}`: "read where the sites stand",
		`{"standings":[{"site":"shop","state":"up"}]}`:                                                             `not \"up\"`,
		`{"standings":[{"site":"shop","state":"in step","next":"dead","for_seconds":1}]}`:                          `not \"dead\"`,
		`{"standings":[{"site":"shop","state":"in step","for_seconds":1}]}`:                                        "no state that follows",
		`{"standings":[{"site":"shop","state":"in step","next":"behind","for_seconds":-1}]}`:                       "want from 0",
		`{"standings":[{"site":"shop","state":"in step","next":"behind","for_seconds":1e300}]}`:                    "want from 0",
		`{"standings":[{"site":"","state":"in step"}]}`:                                                            "no name",
		`{"standings":[{"site":"a\nb","state":"in step"}]}`:                                                        "control characters",
		`{"standings":[{"site":"shop","state":"in step","seq":-1}]}`:                                               "below 0",
		`{"standings":[{"site":"shop","state":"in step"},{"site":"shop","state":"behind"}]}`:                       "there twice",
		`{"standings":[` + strings.TrimSuffix(strings.Repeat(`{"site":"a","state":"lost"},`, 100_001), ",") + `]}`: "may be 100000",
	} {
		said := b.tells(control.RoleDeploy, text)
		if said.Code != http.StatusBadRequest || !strings.Contains(said.Body.String(), want) {
			t.Errorf("%.100s is answered %d %.300s, want %s", text, said.Code, said.Body, want)
		}
	}
	if said := b.tells(control.RoleDeploy, `{"standings":[],"x":"`+strings.Repeat("x", 17<<20)+`"}`); said.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("what is too long is answered %d", said.Code)
	}
	if st := b.server.Status().Fleet; !st.Told.IsZero() {
		t.Errorf("it was told: %+v", st)
	}
	long := strings.Repeat("é", 5000)
	if said := b.tells(control.RoleDeploy, `{"standings":[{"site":"shop","state":"strayed","why":"the hook says\n`+long+`"}]}`); said.Code != http.StatusOK {
		t.Errorf("it answers %d %s", said.Code, said.Body)
	}
	if why := b.server.Status().Fleet.Standings[1].Why; !strings.HasPrefix(why, "the hook says é") || len(why) > 5000 {
		t.Errorf("the reason is %.50q, of %d bytes", why, len(why))
	}
}

// tells sends what an agent would, as somebody with a role.
func (b *bench) tells(role control.Role, text string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/fleet", strings.NewReader(text))
	b.server.api.ServeHTTP(w, r.WithContext(control.WithRole(r.Context(), role)))
	return w
}

// asks asks for a path of the API, as somebody with a role.
func (b *bench) asks(role control.Role, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, nil)
	b.server.api.ServeHTTP(w, r.WithContext(control.WithRole(r.Context(), role)))
	return w
}
