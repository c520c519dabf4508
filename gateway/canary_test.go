package gateway

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// tried makes a shop whose trials are looked at all the time, and whose FPM answers by the
// release and the path: what answer gives, or the page.
func tried(t *testing.T, answer func(release, uri string) string, pin ...PinRule) *bench {
	before := trialLooks
	trialLooks = 20 * time.Millisecond
	t.Cleanup(func() { trialLooks = before })
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.cfg.Control = b.dir + "/control"
	for _, rule := range pin {
		b.cfg.Sites[0].Pin, b.cfg.Sites[0].PinMaxAge = rule, time.Hour
	}
	b.start()
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case q := <-b.fpm.Requests:
				text := answer(valueOf(q, "REALDOC_RELEASE"), valueOf(q, "REQUEST_URI"))
				if text == "" {
					text = "X-Ran: " + valueOf(q, "REALDOC_RELEASE") + "\r\n" + htmlPage
				}
				q.Answer(text)
			case <-done:
				return
			}
		}
	}()
	return b
}

// a visitor has cookies, as a browser does.
type visitor struct {
	b      *bench
	cookie string
}

// get loads a page, or what a page asks for, and says which release it ran on.
func (v *visitor) get(uri string, kind ...string) (ran string, reply *stack.Reply) {
	v.b.t.Helper()
	c := v.b.connect()
	defer c.Close()
	params := append([]string{"REQUEST_URI", uri}, kind...)
	if v.cookie != "" {
		params = append(params, "HTTP_COOKIE", v.cookie)
	}
	v.b.send(c, "", v.b.params(params...)...)
	reply = v.b.reply(c)
	if cookie, _, _ := strings.Cut(reply.Header.Get("Set-Cookie"), ";"); cookie != "" {
		v.cookie = cookie
	}
	return reply.Header.Get("X-Ran"), reply
}

func (b *bench) canary(p control.Plan) control.Trial {
	b.t.Helper()
	p.Kind, p.Release = control.KindCanary, b.release("shop", "2")
	if p.Every == 0 {
		p.Every = time.Hour
	}
	b.must(p.Check())
	t, err := b.server.Try("shop", "", p)
	b.must(err)
	b.t.Cleanup(func() { b.server.EndTrial("shop", "") })
	return t
}

func TestCanary_NewVisitorsAreDrawnAndStayWhereTheyAre(t *testing.T) {
	b := tried(t, func(string, string) string { return "" })
	there := &visitor{b: b}
	there.get("/", toPage...)
	b.canary(control.Plan{Steps: []float64{50}})
	var on [2]int
	for range 60 {
		v := &visitor{b: b}
		first, reply := v.get("/", toPage...)
		if v.cookie == "" {
			t.Fatalf("a new visitor gets no pin: %v", reply.Header)
		}
		for range 3 {
			if ran, _ := v.get("/next", toPage...); ran != first {
				t.Fatalf("a visitor of release %s gets a page of %s", first, ran)
			}
			if ran, _ := v.get("/data", fetch...); ran != first {
				t.Fatalf("a page of release %s gets an answer of %s", first, ran)
			}
		}
		if first == "2" {
			on[1]++
			if _, reply := v.get("/", toPage...); !strings.Contains(reply.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("a cache may keep a page of the release that is tried: %v", reply.Header)
			}
		} else {
			on[0]++
		}
	}
	if on[0] < 12 || on[1] < 12 {
		t.Errorf("of 60 visitors %d got the release that is tried", on[1])
	}
	for range 20 {
		if ran, _ := (&visitor{b: b}).get("/data", fetch...); ran != "1" {
			t.Fatal("what no page of ours asks for is drawn")
		}
	}
	st := b.server.Status().Sites[0].Trials
	if len(st) != 1 || st[0].Percent != 50 || st[0].Visitors != int64(on[1]) || st[0].Requests == 0 {
		t.Errorf("the status has %+v", st)
	}
	b.wantMetric(`realdocd_canary_percent{site="shop"} 50`)
}

func TestCanary_ABadReleaseIsEndedAndItsVisitorsGoBack(t *testing.T) {
	b := tried(t, func(release, uri string) string {
		if release == "2" && uri == "/checkout" {
			return "Status: 500\r\nX-Ran: 2\r\nContent-Type: text/html\r\n\r\nsorry"
		}
		return ""
	})
	trial := b.canary(control.Plan{Steps: []float64{30}})
	var unlucky []*visitor
	stack.Until(t, "the release is found to be worse", func() bool {
		v := &visitor{b: b}
		if ran, _ := v.get("/", toPage...); ran == "2" {
			unlucky = append(unlucky, v)
		}
		v.get("/checkout", toPage...)
		select {
		case <-trial.Over():
			return true
		default:
			return false
		}
	})
	st := trial.Status()
	if st.Ended != "worse" || st.Verdict.Of != "failures" || st.Verdict.Class != "GET /checkout" || !strings.Contains(st.Why, "/checkout") {
		t.Errorf("it ended as %+v", st)
	}
	for _, v := range unlucky {
		for _, kind := range [][]string{toPage, fetch} {
			if ran, _ := v.get("/", kind...); ran != "1" {
				t.Errorf("a visitor still gets release %s", ran)
			}
		}
	}
	if ran, _ := (&visitor{b: b}).get("/", toPage...); ran != "1" {
		t.Errorf("a new visitor gets release %s", ran)
	}
	b.wantMetric(`realdocd_trials_total{ended="worse",kind="canary",site="shop"} 1`)
	d, err := b.server.Site("shop", "")
	if err != nil || len(d.Notes) != 2 || d.Notes[1].What != "canary" || !strings.Contains(d.Notes[1].Text, "worse") {
		t.Errorf("the history has %+v, %v", d.Notes, err)
	}
	if len(d.Trials) != 0 {
		t.Errorf("it is tried still: %+v", d.Trials)
	}
}

// A script that dies half way has said 200 already.
func TestCanary_AFatalErrorBehindA200IsAFailure(t *testing.T) {
	for text, want := range map[string]bool{
		"PHP message: PHP Fatal error:  Uncaught Error: x in /a.php:3":    true,
		"PHP Parse error:  syntax error in /a.php":                        true,
		"PHP message: PHP Warning:  Undefined variable $x in /a.php:3":    false,
		"PHP message: the visitor wrote: a fatal error. PHP Fatal errors": false,
	} {
		if isFatal([]byte(text)) != want {
			t.Errorf("%q", text)
		}
	}
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.start()
	trial := b.canary(control.Plan{Steps: []float64{100}})
	for _, text := range []string{"PHP message: PHP Fatal error:  Uncaught Error", "PHP message: PHP Warning:  x"} {
		c := b.connect()
		b.send(c, "", b.params(toPage...)...)
		q := b.fpm.Next()
		b.must(q.Stderr(text))
		q.Answer(htmlPage)
		b.reply(c)
	}
	stack.Until(t, "two requests are counted, and one of them failed", func() bool {
		var requests, failed uint32
		for _, s := range figuresOf(t, trial).Candidate {
			requests += s.Requests
			failed += s.Failed
		}
		return requests == 2 && failed == 1
	})
}

func TestCanary_GoesThroughItsStepsAndKeepsItsVisitorsUntilTheFlip(t *testing.T) {
	b := tried(t, func(string, string) string { return "" }, PinPage)
	trial := b.canary(control.Plan{Steps: []float64{50, 100}, Every: time.Second, Least: 5})
	var seen [3]bool
	var one, other *visitor
	stack.Until(t, "the release is found to be good", func() bool {
		v := &visitor{b: b}
		if ran, _ := v.get("/", toPage...); ran == "2" {
			one = v
		} else {
			other = v
		}
		st := trial.Status()
		seen[st.Step] = true
		return st.Ended == "good"
	})
	if !seen[1] || !seen[2] || one == nil {
		t.Errorf("the steps %v were seen", seen)
	}
	if ran, _ := one.get("/", toPage...); ran != "2" {
		t.Errorf("before the flip a visitor gets release %s", ran)
	}
	b.flip("2")
	_, err := b.server.Look("shop", "", "canary")
	b.must(err)
	stack.Receive(t, trial.Over(), "the end of the canary")
	if st := trial.Status(); st.Ended != "flip" {
		t.Errorf("it ended as %+v", st)
	}
	if ran, _ := other.get("/data", fetch...); ran != "1" {
		t.Errorf("a page of before the flip gets an answer of release %s", ran)
	}
	for _, v := range []*visitor{one, other, {b: b}} {
		if ran, _ := v.get("/", toPage...); ran != "2" {
			t.Errorf("after the flip a visitor gets release %s", ran)
		}
	}
}

func TestCanary_ThatIsTooSmallToJudgeIsEnded(t *testing.T) {
	b := tried(t, func(string, string) string { return "" })
	trial := b.canary(control.Plan{Steps: []float64{50}, Every: 1 * time.Second, Least: 100})
	stack.Receive(t, trial.Over(), "the end of the canary")
	if st := trial.Status(); st.Ended != "few" || !strings.Contains(st.Why, "0 requests") {
		t.Errorf("it ended as %+v", st)
	}
}

// Whoever flips, rolls back, aborts or dies leaves no half of a canary.
func TestCanary_EndsWholeWhateverEndsIt(t *testing.T) {
	for name, end := range map[string]func(b *bench, trial control.Trial){
		"client":   func(_ *bench, trial control.Trial) { trial.Leave() },
		"operator": func(b *bench, _ control.Trial) { b.server.EndTrial("shop", "") },
		"flip": func(b *bench, _ control.Trial) {
			b.must(os.MkdirAll(b.release("shop", "3")+"/public", 0o755))
			b.flip("3")
			b.server.Look("shop", "", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := tried(t, func(string, string) string { return "" }, PinVisit) // which follows any pin
			trial := b.canary(control.Plan{Steps: []float64{100}})
			v := &visitor{b: b}
			if ran, _ := v.get("/", toPage...); ran != "2" {
				t.Fatalf("with 100 %% a visitor gets release %s", ran)
			}
			if left, err := b.drainShop(t.Context(), "2"); err == nil || !strings.Contains(err.Error(), "--abort") {
				t.Errorf("a drain of the release that is tried: %v, %v", left, err)
			}
			if _, err := b.server.Try("shop", "", control.Plan{Kind: control.KindCanary, Release: b.release("shop", "2"), Steps: []float64{1}, Every: time.Second}); err == nil {
				t.Error("a second canary began")
			}
			end(b, trial)
			stack.Receive(t, trial.Over(), "the end of the canary")
			if st := trial.Status(); st.Ended != name {
				t.Errorf("it ended as %+v", st)
			}
			for _, v := range []*visitor{v, {b: b}} {
				for _, kind := range [][]string{fetch, toPage} {
					if ran, _ := v.get("/", kind...); ran == "2" {
						t.Errorf("a visitor still gets release %s", ran)
					}
				}
			}
			if name != "flip" {
				if _, err := b.drainShop(t.Context(), "2"); err != nil {
					t.Errorf("a drain: %v", err)
				}
			}
		})
	}
}

func TestCanary_EndsWithTheConnectionOfItsCommand(t *testing.T) {
	b := tried(t, func(string, string) string { return "" })
	client := control.NewClient(b.cfg.Control)
	p := control.Plan{Kind: control.KindCanary, Release: b.release("shop", "2"), Steps: []float64{100}, Every: time.Hour}
	begun := make(chan control.TrialStatus, 100)
	done := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		_, _, err := client.Try(ctx, control.SiteAddress{Site: "shop"}, p, func(st control.TrialStatus) { begun <- st })
		done <- err
	}()
	if st := stack.Receive(t, begun, "a status"); st.Percent != 100 {
		t.Errorf("the canary is %+v", st)
	}
	leave()
	if err := stack.Receive(t, done, "the end of the command"); err == nil {
		t.Error("the command has an end of the canary")
	}
	stack.Until(t, "nothing is tried", func() bool { return len(b.server.Status().Sites[0].Trials) == 0 })
	p.Manual = true
	st, _, err := client.Try(t.Context(), control.SiteAddress{Site: "shop"}, p, func(control.TrialStatus) {})
	if err != nil || !st.Manual || len(b.server.Status().Sites[0].Trials) != 1 {
		t.Errorf("an operator's canary is %+v, %v", st, err)
	}
	if _, err := client.EndTrial(t.Context(), control.SiteAddress{Site: "shop"}); err != nil || len(b.server.Status().Sites[0].Trials) != 0 {
		t.Errorf("it cannot be ended: %v", err)
	}
	if _, err := client.EndTrial(t.Context(), control.SiteAddress{Site: "shop"}); err == nil {
		t.Error("what is not tried was ended")
	}
}

func TestBake_AReleaseThatFailsOnOnePageIsFoundAndAGoodOneIsNot(t *testing.T) {
	for _, bad := range []bool{true, false} {
		t.Run(fmt.Sprint("bad is ", bad), func(t *testing.T) {
			var broken atomic.Bool
			b := tried(t, func(release, uri string) string {
				if broken.Load() && release == "2" && uri == "/page/e" {
					return "Status: 500\r\nContent-Type: text/html\r\n\r\nsorry"
				}
				return ""
			})
			if _, err := b.server.Try("shop", "", control.Plan{Kind: control.KindBake, Release: b.release("shop", "1"), Before: b.release("shop", "2"), Every: time.Hour}); err == nil {
				t.Error("a release bakes beside one of which nothing is known")
			}
			broken.Store(bad)
			browse := func(rounds int) {
				for i := range rounds * 20 {
					(&visitor{b: b}).get("/page/"+string(rune('a'+i%20)), toPage...)
				}
			}
			browse(30)
			b.flip("2")
			_, err := b.server.Look("shop", "", "flip")
			b.must(err)
			trial, err := b.server.Try("shop", "", control.Plan{Kind: control.KindBake, Release: b.release("shop", "2"), Before: b.release("shop", "1"), Every: 2 * time.Second})
			b.must(err)
			stack.Until(t, "the bake ends", func() bool {
				browse(1)
				return trial.Status().Ended != ""
			})
			st := trial.Status()
			if want := map[bool]string{true: "worse", false: "good"}[bad]; st.Ended != want || bad && st.Verdict.Class != "GET /page/e" {
				t.Errorf("it ended as %+v", st)
			}
			trial.Leave()
		})
	}
}

func TestPreview_ALinkShowsOneBrowserAReleaseThatIsNotLive(t *testing.T) {
	b := tried(t, func(string, string) string { return "" })
	link, err := b.server.Preview("shop", "", b.release("shop", "2"), 2*time.Second)
	b.must(err)
	v := &visitor{b: b}
	query := append([]string{"QUERY_STRING", "_release=" + link.Token}, toPage...)
	ran, reply := v.get("/?_release="+link.Token, query...)
	if ran != "2" || v.cookie == "" || reply.Header.Get("X-Robots-Tag") != "noindex" || !strings.Contains(reply.Header.Get("Cache-Control"), "no-store") {
		t.Fatalf("the link shows release %s, %v", ran, reply.Header)
	}
	for _, kind := range [][]string{toPage, fetch} {
		if ran, _ := v.get("/next", kind...); ran != "2" {
			t.Errorf("the browser is put on release %s", ran)
		}
	}
	if ran, reply := (&visitor{b: b}).get("/", toPage...); ran != "1" || reply.Header.Get("X-Robots-Tag") != "" {
		t.Errorf("another browser is on release %s", ran)
	}
	_, err = b.server.Maintain("shop", "", closedFor())
	b.must(err)
	if ran, reply := v.get("/next", toPage...); ran != "2" {
		t.Errorf("during a maintenance the browser gets %d", reply.Status)
	}
	if _, reply := (&visitor{b: b}).get("/", toPage...); reply.Status != http.StatusServiceUnavailable {
		t.Errorf("another browser gets %d", reply.Status)
	}
	stack.Until(t, "the link has ended", func() bool { ran, _ := v.get("/next", toPage...); return ran == "" })
	again, err := b.server.Preview("shop", "", b.release("shop", "2"), time.Hour)
	b.must(err)
	late := with(toPage, "HTTP_X_RELEASE_PIN", again.Token)
	if ran, _ := v.get("/", late...); ran != "2" {
		t.Errorf("another link shows release %q", ran)
	}
	_, err = b.drainShop(t.Context(), "2")
	b.must(err)
	if ran, reply := v.get("/", late...); reply.Status != http.StatusServiceUnavailable {
		t.Errorf("a link to a drained release lets its browser into release %q in a maintenance", ran)
	}
	for _, r := range b.shop() {
		if r.Running != 0 {
			t.Errorf("%d are inside release %s", r.Running, r.Name)
		}
	}
	_, err = b.server.Maintain("shop", "", nil)
	b.must(err)
	if ran, _ := v.get("/next", toPage...); ran != "1" {
		t.Errorf("after its time the link leads to release %s", ran)
	}
	if _, err := b.server.Preview("shop", "", b.release("shop", "1"), time.Hour); err == nil {
		t.Error("a link leads to the live release")
	}
	if _, err := b.server.Preview("shop", "", b.release("shop", "9"), time.Hour); err == nil {
		t.Error("a link leads to a release that is not there")
	}
}
