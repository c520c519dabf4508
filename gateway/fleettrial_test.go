package gateway

import (
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/judge"
	"realdocd/test/stack"
)

// many is a canary of many hosts on this one.
func (b *bench) many(p control.Plan) control.Trial {
	b.t.Helper()
	p.Fleet, p.Number = true, 4711
	if p.Steps == nil {
		p.Steps = []float64{50, 100}
	}
	return b.canary(p)
}

func (b *bench) step(to int) {
	b.t.Helper()
	st, err := b.server.StepTrial("shop", "", 4711, to)
	b.must(err)
	if st.Step != to+1 {
		b.t.Errorf("it is in step %d, want %d", st.Step, to+1)
	}
}

func figuresOf(t *testing.T, trial control.Trial) *judge.Figures {
	t.Helper()
	f, err := judge.ParseFigures(trial.Figures())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFleetCanary_NobodyGetsTheReleaseBeforeTheFirstStep(t *testing.T) {
	b := tried(t, func(string, string) string { return "" })
	trial := b.many(control.Plan{})
	for range 20 {
		if ran, _ := (&visitor{b: b}).get("/", toPage...); ran != "1" {
			t.Fatalf("a visitor gets release %s", ran)
		}
	}
	if st := trial.Status(); !st.Fleet || st.Percent != 0 || st.Step != 0 || st.Number != 4711 {
		t.Errorf("before the first step it is %+v", st)
	}
	b.step(1)
	if ran, _ := (&visitor{b: b}).get("/", toPage...); ran != "2" {
		t.Errorf("with 100 %% a visitor gets release %s", ran)
	}
	for _, wrong := range []struct {
		number uint16
		step   int
	}{{4712, 0}, {4711, 2}, {4711, -1}} {
		if _, err := b.server.StepTrial("shop", "", wrong.number, wrong.step); err == nil {
			t.Errorf("trial %d begins step %d", wrong.number, wrong.step)
		}
	}
}

// What this host alone would find decides nothing, and is told to whoever judges.
func TestFleetCanary_TheHostGivesItsFiguresAndNoVerdict(t *testing.T) {
	b := tried(t, func(release, uri string) string {
		if release == "2" && uri == "/checkout" {
			return "Status: 500\r\nX-Ran: 2\r\nContent-Type: text/html\r\n\r\nsorry"
		}
		return ""
	})
	trial := b.many(control.Plan{Every: time.Second})
	b.step(0)
	group := judge.NewGroup(judge.Canary)
	visit := func() {
		v := &visitor{b: b}
		v.get("/", toPage...)
		v.get("/checkout", toPage...)
		v.get("/checkout", toPage...)
	}
	stack.Until(t, "whoever judges finds it to be worse", func() bool {
		visit()
		group.Take("www1", figuresOf(t, trial))
		return group.Look().Worse
	})
	f := figuresOf(t, trial)
	failed := f.Candidate["GET /checkout"].Failed
	if failed < 5 || int(failed) != len(f.Failing) || f.Live["GET /"] == nil || !f.Failing[0].Candidate || f.Failing[0].Class != "GET /checkout" {
		t.Errorf("the figures are %+v", f)
	}
	seen := map[uint64]bool{}
	for _, one := range f.Failing {
		seen[one.Visitor] = true
	}
	if len(seen) != len(f.Failing) {
		t.Errorf("%d visitors have failed, and %d are told apart", len(f.Failing), len(seen))
	}
	stack.Until(t, "the host has looked, too", func() bool {
		visit() // what has failed last waits for what the live release does
		return trial.Status().Verdict.Candidate.Failed >= failed
	})
	if st := trial.Status(); st.Ended != "" || st.Verdict.Worse || strings.Contains(st.Verdict.String(), "worse") {
		t.Errorf("the host has judged: %+v", st)
	}
}

// One that was broken off on this host alone goes on: its visitors come back to the release, those
// of an earlier trial do not, and what is counted begins anew.
func TestFleetCanary_GoesOnForItsOwnVisitors(t *testing.T) {
	b := tried(t, func(string, string) string { return "" }, PinPage)
	began := time.Now()
	first := b.many(control.Plan{Since: began})
	b.step(1)
	there := &visitor{b: b}
	there.get("/", toPage...)
	if ran, _ := there.get("/data", fetch...); ran != "2" {
		t.Fatalf("a visitor gets release %s", ran)
	}
	broken := figuresOf(t, first)
	first.Leave()
	if ran, _ := there.get("/data", fetch...); ran != "1" {
		t.Errorf("when it is over, what a page asks for is of release %s", ran)
	}
	second := b.many(control.Plan{Since: began})
	b.step(1)
	if ran, _ := there.get("/data", fetch...); ran != "2" {
		t.Errorf("when it goes on, what a page asks for is of release %s", ran)
	}
	if f := figuresOf(t, second); f.Run == broken.Run {
		t.Error("what it counts cannot be told from what was counted before")
	}
	second.Leave()
	b.many(control.Plan{Since: time.Now().Add(time.Millisecond)})
	b.step(1)
	if ran, _ := there.get("/data", fetch...); ran != "1" {
		t.Errorf("a visitor of an earlier trial gets release %s", ran)
	}
}
