package judge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawSample draws what a class came to.
func drawSample(t *rapid.T) *Sample {
	s := &Sample{}
	for range rapid.IntRange(1, 40).Draw(t, "requests") {
		s.Observe(rapid.IntRange(0, 9).Draw(t, "fails") == 0, time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms"))*time.Millisecond, rapid.Bool().Draw(t, "cold"))
	}
	return s
}

func drawFigures(t *rapid.T) *Figures {
	f := &Figures{Run: rapid.Uint64().Draw(t, "run"), Live: map[string]*Sample{}, Candidate: map[string]*Sample{}}
	for i := range rapid.IntRange(0, 5).Draw(t, "classes") {
		class := fmt.Sprint("GET /", i)
		f.Candidate[class] = drawSample(t)
		if rapid.Bool().Draw(t, "both") {
			f.Live[class] = drawSample(t)
		}
		if rapid.Bool().Draw(t, "failing") {
			f.Failing = append(f.Failing, Failing{rapid.Bool().Draw(t, "arm"), class, rapid.Uint64().Draw(t, "visitor")})
		}
	}
	return f
}

func TestFigures_AreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawFigures(t)
		got, err := ParseFigures(want.Text())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-written +read):\n%s", diff)
		}
	})
}

func TestFigures_OfAHostWithAllClassesAreBounded(t *testing.T) {
	f := &Figures{Live: map[string]*Sample{}, Candidate: map[string]*Sample{}}
	for i := range MaxClasses {
		s := &Sample{Requests: 1<<32 - 1, Failed: 1<<31 - 1}
		for at := range s.Times {
			s.Times[at] = 1 << 24
		}
		class := fmt.Sprintf("%*d", MaxClassLen, i)
		f.Live[class], f.Candidate[class] = s, s
		for visitor := range 2 * MaxFailing / MaxClasses {
			f.Failing = append(f.Failing, Failing{true, class, uint64(visitor)})
		}
	}
	text := f.Text()
	if len(text) > MaxFigures {
		t.Errorf("%d bytes", len(text))
	}
	got, err := ParseFigures(text)
	if err != nil || len(got.Failing) != MaxFailing || len(got.Live) != MaxClasses {
		t.Errorf("%d failing, %d classes: %v", len(got.Failing), len(got.Live), err)
	}
}

func FuzzParseFigures(f *testing.F) {
	f.Add((&Figures{Run: 7, Candidate: map[string]*Sample{"GET /": {Requests: 2, Failed: 1}}, Failing: []Failing{{true, "GET /", 1}}}).Text())
	f.Add("AQAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFigures(text)
		if err != nil {
			return
		}
		again, err := ParseFigures(got.Text())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
	})
}

// However the requests are spread over hosts, and whenever hosts say what they have, and however
// often they begin anew: the sides are those of one host that had all of them.
func TestGroup_TheSumIsThatOfOneHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := rapid.IntRange(1, 5).Draw(t, "hosts")
		one, group := NewTrial(Canary), NewGroup(Canary)
		counts := make([]*Figures, hosts)
		runs := uint64(0)
		begin := func(host int) {
			runs++
			counts[host] = &Figures{Run: runs, Live: map[string]*Sample{"GET /": {}}, Candidate: map[string]*Sample{"GET /": {}}}
		}
		said := func(host int) {
			f, err := ParseFigures(counts[host].Text())
			if err != nil {
				t.Fatal(err)
			}
			group.Take(fmt.Sprint("www", host), f)
			if rapid.Bool().Draw(t, "twice") {
				group.Take(fmt.Sprint("www", host), f)
			}
		}
		for host := range hosts {
			begin(host)
			// So that each host has something to compare the others with.
			for _, s := range []*Sample{counts[host].Live["GET /"], counts[host].Candidate["GET /"]} {
				s.Observe(false, time.Millisecond, false)
			}
			one.Add([]Pair{{Class: "GET /", Live: Sample{Requests: 1, Times: counts[host].Live["GET /"].Times}, Candidate: Sample{Requests: 1, Times: counts[host].Live["GET /"].Times}}})
			said(host)
		}
		for range rapid.IntRange(0, 60).Draw(t, "requests") {
			host := rapid.IntRange(0, hosts-1).Draw(t, "host")
			p := Pair{Class: "GET /"}
			failed, took := rapid.Bool().Draw(t, "failed"), time.Duration(rapid.IntRange(1, 50).Draw(t, "ms"))*time.Millisecond
			for _, s := range []*Sample{&p.Live, counts[host].Live["GET /"], &p.Candidate, counts[host].Candidate["GET /"]} {
				s.Observe(failed, took, false)
			}
			one.Add([]Pair{p})
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				said(host)
				begin(host) // it was restarted
			case 1:
				said(host)
				group.Look()
			}
		}
		for host := range hosts {
			said(host)
		}
		want, got := one.Verdict(), group.Look()
		if got.Live != want.Live || got.Candidate != want.Candidate {
			t.Fatalf("the sum is %+v and %+v, and of one host %+v and %+v", got.Live, got.Candidate, want.Live, want.Candidate)
		}
		if group.Requests() != uint64(want.Candidate.Requests) {
			t.Fatalf("%d requests, want %d", group.Requests(), want.Candidate.Requests)
		}
	})
}

// With one host, the verdict is what that would have said itself.
func TestGroup_OfOneHostJudgesAsItDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	one, group := NewTrial(Canary), NewGroup(Canary)
	f := &Figures{Run: 1, Live: map[string]*Sample{"GET /": {}}, Candidate: map[string]*Sample{"GET /": {}}}
	for range 400 {
		p := Pair{Class: "GET /"}
		for range 3 {
			p.Live.Observe(r.IntN(100) == 0, time.Duration(r.IntN(9))*time.Millisecond, false)
			p.Candidate.Observe(r.IntN(25) == 0, time.Duration(r.IntN(9))*time.Millisecond, false)
		}
		f.Live["GET /"].Add(&p.Live)
		f.Candidate["GET /"].Add(&p.Candidate)
		one.Add([]Pair{p})
		text, _ := ParseFigures(f.Text())
		group.Take("www1", text)
		if want, got := one.Verdict(), group.Look(); got != want {
			t.Fatalf("it says %+v, and the host %+v", got, want)
		}
	}
	if !one.Verdict().Worse {
		t.Error("nothing was found, so that nothing was compared")
	}
}

// A visitor who asks for what fails on one host after the other is one failure.
func TestGroup_AVisitorFailsOnceOnAllHostsTogether(t *testing.T) {
	group := NewGroup(Canary)
	for host := range 16 {
		group.Take(fmt.Sprint("www", host), &Figures{
			Run: uint64(host), Live: map[string]*Sample{"GET /": {Requests: 10}},
			Candidate: map[string]*Sample{"GET /": {Requests: 2, Failed: 1}},
			Failing:   []Failing{{true, "GET /", 4711}},
		})
	}
	if v := group.Look(); v.Candidate.Failed != 1 || v.Candidate.Requests != 17 || v.Live.Requests != 160 {
		t.Errorf("the verdict has %+v and %+v", v.Live, v.Candidate)
	}
}

// A host whose answers are slow or fail on both releases, and which has a larger share of the
// candidate's visitors than the others for a while, does not speak against the candidate.
func TestGroup_AHostThatIsWorseIsNotTheCandidate(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		group := NewGroup(Canary)
		counts := map[string]*Figures{}
		for _, host := range []string{"good", "bad"} {
			counts[host] = &Figures{Run: 1, Live: map[string]*Sample{"GET /": {}}, Candidate: map[string]*Sample{"GET /": {}}}
		}
		for range 200 {
			for host, f := range counts {
				chance, took, visitors := 0.001, 10.0, 1
				if host == "bad" {
					chance, took, visitors = 0.1, 40, 10
				}
				observe := func(s *Sample) {
					s.Observe(r.Float64() < chance, time.Duration(took*(0.5+r.Float64())*1e6), false)
				}
				for range 10 {
					observe(f.Live["GET /"])
				}
				for range visitors {
					observe(f.Candidate["GET /"])
				}
				read, _ := ParseFigures(f.Text())
				group.Take(host, read)
			}
			if v := group.Look(); v.Worse {
				t.Fatalf("seed %d: it is said to be worse: %+v", seed, v)
			}
		}
	}
}

func TestFigures_ThatAreNoneAreRefused(t *testing.T) {
	good := (&Figures{Run: 1, Candidate: map[string]*Sample{"GET /": {Requests: 1}}}).Text()
	for name, text := range map[string]string{
		"nothing": "", "truncated": good[:len(good)-2], "more": good + "AAAA", "no base64": "!" + good[1:],
		"another version": "B" + good[1:], "too long": strings.Repeat("A", MaxFigures+4),
	} {
		if _, err := ParseFigures(text); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
