package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/test/stack"

	"github.com/rs/zerolog"

	"realdocd/cmd/realdocd/conf"
	"realdocd/deploy"
	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
)

// host is the site's host, as an agent works on it, and what it logs.
func (s *fakeSite) host() (*fleetHost, *bytes.Buffer) {
	s.t.Helper()
	c, err := conf.Load(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	var log bytes.Buffer
	return newFleetHost(s.config, c, zerolog.New(&log)), &log
}

// names are the releases of a look.
func names(seen fleet.Seen) (all []string) {
	for _, r := range seen.Releases {
		all = append(all, r.Name)
	}
	return all
}

func TestFleetHost_SeesTheReleasesThatAreComplete(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/new"`, `slots = []`)
	for _, dir := range []string{"new/7/public", "new/.8.partial/public", "new/without-a-docroot", "releases/.hidden/public"} {
		s.mkdir(dir)
	}
	s.write("new/file", "")
	half := s.mkdir("new/half/public")
	record := deploy.Record{Kind: deploy.KindRelease, Site: "shop", Begun: noon}
	if _, err := deploy.NewRecords(s.dir+"/state").Adopt(filepath.Dir(half), record); err != nil {
		t.Fatal(err)
	}
	h, _ := s.host()
	seen, err := h.Look(t.Context(), "shop", "")
	if err != nil || seen.Live != "1" || !slices.Equal(names(seen), []string{"1", "2", "7"}) {
		t.Errorf("live %q, releases %v (%v)", seen.Live, names(seen), err)
	}
	for _, r := range seen.Releases {
		if r.Hash == "" {
			t.Errorf("release %s has no hash", r.Name)
		}
	}
	if live, err := h.Live(t.Context(), "shop"); live != "1" || err != nil {
		t.Errorf("live is %q (%v)", live, err)
	}
}

// A host is behind if the committed release has other content there. Whoever brings what the others have
// need not say so.
func TestFleetHost_ReadsAnewWhatItShouldServeAndDoesNot(t *testing.T) {
	s := newFakeSite(t)
	s.write("releases/2/public/index.php", "others have this")
	h, _ := s.host()
	hash := func(anew string) string {
		t.Helper()
		seen, err := h.Look(t.Context(), "shop", anew)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(seen.Releases, func(r fleet.Release) bool { return r.Name == "2" })
		return seen.Releases[i].Hash
	}
	want := hash("2")
	s.write("releases/2/public/index.php", "it was spoiled")
	if hash("") != want {
		t.Error("a release that nobody wants is read each time")
	}
	if hash("2") == want {
		t.Error("its content is not read")
	}
	s.write("releases/2/public/index.php", "others have this")
	if hash("2") != want {
		t.Error("it is behind though its content is that of the others")
	}
}

func TestFleetHost_LeavesOutWhatMayBeSomethingElseThanAnotherRelease(t *testing.T) {
	s := newFakeSite(t, `slots = ["DIR/a/3", "DIR/b/3", "DIR/b/4"]`)
	for _, dir := range []string{"a/3/public", "b/3/public", "b/4/public", "b/5/public"} {
		s.mkdir(dir)
	}
	if err := deploy.Flip(s.link, s.dir+"/b/4"); err != nil {
		t.Fatal(err)
	}
	h, _ := s.host()
	// Of two directories called 3 nobody knows which is meant; and b is no directory of releases.
	if seen, err := h.Look(t.Context(), "shop", ""); err != nil || seen.Live != "4" || !slices.Equal(names(seen), []string{"4"}) {
		t.Errorf("live %q, releases %v (%v)", seen.Live, names(seen), err)
	}
}

func TestFleetHost_NamesTheSitesThatCanBeFlipped(t *testing.T) {
	s := newFakeSite(t)
	s.mkdir("all/one/releases/1/public")
	s.mkdir("all/two/public")
	if err := os.Symlink("releases/1", s.dir+"/all/one/current"); err != nil {
		t.Fatal(err)
	}
	s.edit("[site.shop]", fmt.Sprintf("[site.all]\ndocroot = '%[1]s/all/*/current/public'\n[site.plain]\ndocroot = '%[1]s/all/two/public'\n[site.new]\ndocroot = '%[1]s/new/current/public'\n[site.shop]", s.dir))
	h, _ := s.host()
	sites, err := h.Sites(t.Context())
	slices.Sort(sites)
	if err != nil || !slices.Equal(sites, []string{"all/one", "new", "shop"}) {
		t.Errorf("%q (%v)", sites, err)
	}
	if live, err := h.Live(t.Context(), "all/one"); live != "1" || err != nil {
		t.Errorf("live is %q (%v)", live, err)
	}
	// On an empty disk a tenant has a commit before it has a directory.
	if seen, err := h.Look(t.Context(), "all/three", ""); err != nil || seen.Live != "" || seen.Releases != nil {
		t.Errorf("%+v (%v)", seen, err)
	}
	for _, name := range []string{"other", "all", "all/a/b", "shop/x", ""} {
		if _, err := h.Look(t.Context(), name, ""); !errors.Is(err, fleet.ErrNoSite) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFleetHost_FlipsToNothingButANameOfARelease(t *testing.T) {
	s := newFakeSite(t)
	s.startDaemon()
	s.mkdir("elsewhere/public")
	h, _ := s.host()
	for _, name := range []string{"", ".", "..", "../elsewhere", s.dir + "/elsewhere", ".2", "2/", "9"} {
		if _, err := h.Prepare(t.Context(), "shop", name, fleet.Preparation{}); err == nil {
			t.Errorf("%q was prepared", name)
		}
		if _, err := h.Flip(t.Context(), "shop", name, time.Time{}, "flip"); err == nil {
			t.Errorf("the link was flipped to %q", name)
		}
	}
	s.wantLive(s.release("1"))
}

func TestFleetHost_PreparesAsFlipDoesAndChangesNothing(t *testing.T) {
	s := newFakeSite(t, `warm = ["/"]`, `before_flip = ["touch cache"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.daemon.headroom.Fits = false
	s.startDaemon()
	h, log := s.host()
	warnings, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "does not fit") {
		t.Errorf("%q, %v", warnings, err)
	}
	s.wantAsked("POST /headroom releases/2", "POST /warm releases/2", "POST /compile releases/2")
	s.wantLive(s.release("1"))
	if _, err := os.Stat(s.release("2") + "/cache"); err != nil {
		t.Errorf("before_flip was not run: %v", err)
	}
	wantIn(t, log.String(), `"level":"warn","site":"shop","release":"`+s.release("2")+`","message":"`, "does not fit", `"message":"prepared"`)
	if _, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{Strict: true, NoWarm: true}); err == nil {
		t.Error("--strict was not heeded")
	}
	s.wantAsked("POST /headroom releases/2")
}

func TestFleetHost_PreparesNothingWithoutADaemon(t *testing.T) {
	s := newFakeSite(t)
	h, _ := s.host()
	_, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{})
	if err == nil || !strings.Contains(err.Error(), "systemctl start realdocd") {
		t.Error(err)
	}
}

func TestFleetHost_GoesBackWithoutItsCommandsAndWarmsWhatIsLive(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["false"]`, `warm = ["/"]`)
	s.daemon.warm = []control.WarmResult{{URI: "/", Status: 200}}
	s.startDaemon()
	h, _ := s.host()
	if _, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{}); err == nil || !strings.Contains(err.Error(), "before_flip") {
		t.Error(err)
	}
	if _, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{Rollback: true}); err != nil {
		t.Error(err)
	}
	s.daemon.takeAsked()
	if _, err := h.Prepare(t.Context(), "shop", "1", fleet.Preparation{}); err != nil {
		t.Error(err)
	}
	s.wantAsked("POST /headroom releases/1", "POST /warm releases/1", "POST /compile releases/1")
}

func TestFleetHost_EndsAPreparationThatIsCalledOff(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["touch began; sleep 600"]`)
	s.startDaemon()
	h, _ := s.host()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.Prepare(ctx, "shop", "2", fleet.Preparation{})
		ended <- err
	}()
	for _, err := os.Stat(s.release("2") + "/began"); err != nil; _, err = os.Stat(s.release("2") + "/began") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if lock, err := deploy.LockDeploy(s.link); err != nil {
		t.Errorf("the link is locked still: %v", err)
	} else {
		lock.Unlock()
	}
}

func TestFleetHost_RenamesAtTheInstantAndTellsTheDaemonWho(t *testing.T) {
	for by, told := range map[string]string{"flip": "fleet", "rollback": "rollback", "catch-up": "catch-up"} {
		s := newFakeSite(t)
		s.startDaemon()
		h, _ := s.host()
		at := time.Now().Add(50 * time.Millisecond)
		renamed, err := h.Flip(t.Context(), "shop", "2", at, by)
		if err != nil || renamed.Before(at) || renamed.Sub(at) > time.Second {
			t.Errorf("%s: %v after the instant, %v", by, renamed.Sub(at), err)
		}
		s.wantAsked("POST /look " + told)
		s.wantLive(s.release("2"))
		if again, err := h.Flip(t.Context(), "shop", "2", time.Time{}, by); err != nil || again.IsZero() {
			t.Errorf("%s again: %v, %v", by, again, err)
		}
	}
}

func TestFleetHost_FlipsWithoutADaemonAndWritesTheHistory(t *testing.T) {
	s := newFakeSite(t)
	h, _ := s.host()
	if _, err := h.Flip(t.Context(), "shop", "2", time.Time{}, "catch-up"); err != nil {
		t.Error(err)
	}
	s.wantLive(s.release("2"))
	s.wantHistory("1 link", "2 catch-up")
}

func TestFleetHost_RefusesAnInstantThatIsFarAhead(t *testing.T) {
	s := newFakeSite(t)
	h, _ := s.host()
	if _, err := h.Flip(t.Context(), "shop", "2", time.Now().Add(2*time.Minute), "flip"); err == nil || !strings.Contains(err.Error(), "compare the clocks") {
		t.Error(err)
	}
	s.wantLive(s.release("1"))
}

func TestFleetHost_SaysWhetherTheLinkWasRenamedIfTheDaemonSeesAnother(t *testing.T) {
	s := newFakeSite(t)
	s.seen(control.ReleaseStatus{Path: s.release("1"), Name: "1"})
	s.startDaemon()
	h, _ := s.host()
	renamed, err := h.Flip(t.Context(), "shop", "2", time.Time{}, "flip")
	if renamed.IsZero() || err == nil || !strings.Contains(err.Error(), "does not see this flip") {
		t.Errorf("renamed at %v, %v", renamed, err)
	}
}

func TestFleetHost_WaitsForACommandThatHasTheLink(t *testing.T) {
	s := newFakeSite(t)
	h, _ := s.host()
	lock, err := deploy.LockDeploy(s.link)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Flip(ctx, "shop", "2", time.Time{}, "flip"); !errors.Is(err, deploy.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("pid ", os.Getpid())) {
		t.Errorf("the holder is not named: %v", err)
	}
	s.wantLive(s.release("1"))
	time.AfterFunc(50*time.Millisecond, func() { lock.Unlock() })
	if _, err := h.Flip(t.Context(), "shop", "2", time.Time{}, "flip"); err != nil {
		t.Error(err)
	}
	s.wantLive(s.release("2"))
}

func TestFleetHost_RunsBeforeFlipOnceForWhatItCatchesUpWith(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["echo ran >> DIR/ran"]`, `after_flip = ["echo $REALDOC_BEFORE >> DIR/after"]`)
	s.startDaemon()
	h, _ := s.host()
	for _, release := range []string{"2", "1"} {
		s.addHistory("1", "flip")
		if _, err := h.Flip(t.Context(), "shop", release, time.Time{}, "catch-up"); err != nil {
			t.Error(err)
		}
	}
	if text, _ := os.ReadFile(s.dir + "/ran"); string(text) != "ran\n" {
		t.Errorf("it ran as %q", text)
	}
	if warnings := h.After(t.Context(), "shop", "1"); warnings != nil {
		t.Error(warnings)
	}
	if text, _ := os.ReadFile(s.dir + "/after"); string(text) != s.release("2")+"\n" {
		t.Errorf("after_flip was told that %q was live before", text)
	}
}

func TestFleetHost_KeepsItsEnvironmentFromCommands(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["env > DIR/before"]`, `after_flip = ["env > DIR/after"]`)
	t.Setenv("ETCD_PASSWORD", "secret")
	s.startDaemon()
	h, _ := s.host()
	if _, err := h.Prepare(t.Context(), "shop", "2", fleet.Preparation{}); err != nil {
		t.Error(err)
	}
	h.After(t.Context(), "shop", "2")
	for _, file := range []string{"before", "after"} {
		text, err := os.ReadFile(s.dir + "/" + file)
		if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), "REALDOC_RELEASE=2\n") {
			t.Errorf("%s: %v, it had\n%s", file, err, text)
		}
	}
}

func TestFleetHost_TellsOfAfterFlipThatFails(t *testing.T) {
	s := newFakeSite(t, `after_flip = ["echo out of order; false"]`)
	h, _ := s.host()
	warnings := h.After(t.Context(), "shop", "1")
	if len(warnings) != 1 || !strings.Contains(warnings[0], "out of order") {
		t.Error(warnings)
	}
}

func TestFleetHost_BoundsItsWarnings(t *testing.T) {
	var many []string
	for range 30 {
		many = append(many, strings.Repeat("ä", 400))
	}
	got := bounded(many)
	if len(got) != mostWarnings+1 || len(got[0]) > longWarning+10 || !strings.HasPrefix(got[mostWarnings], "and 10 more") {
		t.Errorf("%d of them, the first with %d bytes, the last is %q", len(got), len(got[0]), got[len(got)-1])
	}
}

// A canary that goes live is prepared twice, and its commands may be migrations of a database.
func TestFleetHost_RunsBeforeFlipOnceForACanaryThatGoesLive(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["echo ran >> DIR/ran"]`)
	s.daemon.trial = []control.TrialStatus{{Step: 1}}
	s.startDaemon()
	h, _ := s.host()
	ran := func() int {
		text, _ := os.ReadFile(s.dir + "/ran")
		return strings.Count(string(text), "ran")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked, err := json.Marshal(trialAsked{Number: 7, Began: time.Now(), Steps: []float64{5}, Every: time.Minute, Step: -1, Tell: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	begun, ended := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(begun) })
	go func() {
		defer close(ended)
		h.Ask(ctx, fleet.Ask{ID: "a", Kind: fleet.AskTrial, Site: "shop", Release: "2", Data: string(asked)}, func(string) { once() })
	}()
	stack.Receive(t, begun, "the trial")
	prepare := func(release string) {
		t.Helper()
		if _, err := h.Prepare(t.Context(), "shop", release, fleet.Preparation{}); err != nil {
			t.Fatal(err)
		}
	}
	prepare("2")
	if n := ran(); n != 1 {
		t.Errorf("it ran %d times for the release that is tried", n)
	}
	s.mkdir("releases/3/public")
	prepare("3")
	if n := ran(); n != 2 {
		t.Errorf("it ran %d times, and another release is none that is tried", n)
	}
	cancel()
	stack.Receive(t, ended, "the end of the trial")
	stack.Until(t, "nothing is tried", func() bool {
		h.trials.mu.Lock()
		defer h.trials.mu.Unlock()
		return len(h.trials.all) == 0
	})
	prepare("2")
	if n := ran(); n != 3 {
		t.Errorf("it ran %d times, and nothing is tried any more", n)
	}
}
