package judge

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendClass(t *testing.T) {
	for uri, want := range map[string]string{
		"/":                          "GET /",
		"":                           "GET /",
		"/index.php?p=1":             "GET /index.php",
		"/shop/cart/add/17/now":      "GET /shop/cart/add",
		"/product/4711":              "GET /product/*",
		"/product/red-shoes-size-9":  "GET /product/*",
		"/a//b/":                     "GET /a/b",
		"/%2e%2e/x":                  "GET /*/x",
		"/averyveryverylongnameofit": "GET /*",
		"/blog/\xff":                 "GET /blog/*",
		"/x?/y/z":                    "GET /x",
		"/x#/y":                      "GET /x",
	} {
		if got := string(AppendClass(nil, []byte("GET"), []byte(uri))); got != want {
			t.Errorf("%q is %q, want %q", uri, got, want)
		}
	}
	if got := AppendClass(nil, []byte("PROPFINDANDMORE"), []byte("/")); len(got) > MaxClassLen || string(got) != "PROPFIND /" {
		t.Errorf("%q", got)
	}
	long := AppendClass(nil, []byte("OPTIONSX"), []byte("/aaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaa/a"))
	if len(long) > MaxClassLen {
		t.Errorf("%d bytes: %q", len(long), long)
	}
	var buf [MaxClassLen]byte
	method, uri := []byte("GET"), []byte("/product/4711?x=y")
	if n := testing.AllocsPerRun(100, func() { AppendClass(buf[:0], method, uri) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBucketOf(t *testing.T) {
	for bucket := range Buckets - 1 {
		at := TimeOf(bucket)
		if got := BucketOf(at - time.Nanosecond); got > bucket {
			t.Errorf("%v is of kind %d, want at most %d", at, got, bucket)
		}
		if got := BucketOf(at + at/50 + 1); got <= bucket && bucket < Buckets-2 {
			t.Errorf("longer than %v is of kind %d", at, got)
		}
	}
	if BucketOf(0) != 0 || BucketOf(24*time.Hour) != Buckets-1 {
		t.Error("the first or the last kind is not")
	}
}

// The expectation of what a bet is multiplied by is at most 1 if both fail equally often, whatever that
// rate is and whatever was guessed. It is computed here over all outcomes.
func TestLogGain_IsAFairBetForEveryRate(t *testing.T) {
	for _, live := range []int{1, 5, 30} {
		for _, candidate := range []int{1, 4} {
			for _, rate := range []float64{0.001, 0.02, 0.3, 0.7} {
				for _, guess := range []float64{0.001, 0.05, 0.5} {
					for _, size := range failureSizes {
						sum := 0.0
						for a := 0; a <= live; a++ {
							for b := 0; b <= candidate; b++ {
								gain := logGain(guess, min(guess+size, 0.98), block{float64(live), float64(a), float64(candidate), float64(b)})
								sum += binomial(live, a, rate) * binomial(candidate, b, rate) * math.Exp(gain)
							}
						}
						if sum > 1+1e-9 {
							t.Errorf("of %d and %d requests that fail with %v, a guess of %v and %v gains %v", live, candidate, rate, guess, size, sum)
						}
					}
				}
			}
		}
	}
}

func binomial(n, k int, p float64) float64 {
	ways, _ := math.Lgamma(float64(n + 1))
	a, _ := math.Lgamma(float64(k + 1))
	b, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(ways - a - b + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
}

func TestTrial_ADatabaseThatFailsForBothIsNoFaultOfTheRelease(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	trial := NewTrial(Canary)
	for minute := range 60 {
		fails := 0.002
		if minute >= 30 && minute < 40 {
			fails = 0.6
		}
		p := Pair{Class: "/"}
		for range 900 {
			p.Live.Observe(r.Float64() < fails, 20*time.Millisecond, false)
		}
		for range 100 {
			p.Candidate.Observe(r.Float64() < fails, 20*time.Millisecond, false)
		}
		trial.Add([]Pair{p})
		if v := trial.Verdict(); v.Worse {
			t.Fatalf("in minute %d: %+v", minute, v)
		}
	}
}

func TestTrial_SaysWhichClassAndKeepsItsVerdict(t *testing.T) {
	trial := NewTrial(Canary)
	block := func(failing bool) []Pair {
		good, bad := Pair{Class: "GET /"}, Pair{Class: "GET /checkout"}
		for range 20 {
			good.Live.Observe(false, 10*time.Millisecond, false)
			bad.Live.Observe(false, 10*time.Millisecond, false)
		}
		good.Candidate.Observe(false, 10*time.Millisecond, false)
		bad.Candidate.Observe(failing, 10*time.Millisecond, false)
		return []Pair{good, bad}
	}
	for range 40 {
		trial.Add(block(false))
	}
	if v := trial.Verdict(); v.Worse || v.Class != "" || v.Candidate.Requests != 80 || v.Candidate.Median < 0.009 || v.Candidate.Median > 0.011 {
		t.Fatalf("nothing fails: %+v", v)
	}
	blocks := 0
	for !trial.Verdict().Worse && blocks < 20 {
		trial.Add(block(true))
		blocks++
	}
	v := trial.Verdict()
	if !v.Worse || v.Of != "failures" || v.Class != "GET /checkout" || v.ClassCandidate.Failed != uint32(blocks) || v.ClassLive.Failed != 0 || v.Chance < 100 {
		t.Fatalf("after %d failures: %+v", blocks, v)
	}
	for range 1000 {
		trial.Add(block(false))
	}
	if again := trial.Verdict(); again != v {
		t.Errorf("it was %+v and is %+v", v, again)
	}
}

// What visitors bring that nobody has seen on the live release cannot be compared; and there is room for so many classes only.
func TestTrial_HasBounds(t *testing.T) {
	trial := NewTrial(Canary)
	for i := range 1000 {
		p := Pair{Class: string(rune('a'+i%26)) + string(rune('a'+i/26))}
		p.Candidate.Observe(true, 0, false)
		trial.Add([]Pair{p})
	}
	if len(trial.classes) > MaxClasses {
		t.Errorf("%d classes", len(trial.classes))
	}
	if v := trial.Verdict(); v.Worse || math.IsNaN(v.Chance) {
		t.Errorf("nothing was compared: %+v", v)
	}
}

func TestPast_IsComparedOnceAndFindsAPageThatFails(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	bad, wrong := 0, 0
	for n := range 100 {
		for _, fails := range []bool{false, true} {
			trial, s := NewTrial(Bake), newShop()
			before := map[string]*Sample{}
			for range 4000 {
				observe(before, s, r, false, false)
			}
			left := before["/0"].Requests
			past := NewPast(before, rand.NewPCG(uint64(n), 2))
			for tick := range 60 {
				now := map[string]*Sample{}
				for range 30 {
					observe(now, s, r, fails, tick < 8) // the first seconds are cold
				}
				trial.Add(past.Pairs(now))
			}
			switch v := trial.Verdict(); {
			case fails && v.Worse && v.Class == "/4":
				bad++
			case !fails && v.Worse:
				wrong++
			}
			if before["/0"].Requests >= left {
				t.Fatal("nothing was drawn")
			}
		}
	}
	if bad < 100 || wrong > 1 {
		t.Errorf("of 100 releases that fail on one page %d were found, and of 100 good ones %d", bad, wrong)
	}
}

func observe(in map[string]*Sample, s shop, r *rand.Rand, fails, cold bool) {
	page := s.page(r)
	class := "/" + string(rune('0'+page))
	if in[class] == nil {
		in[class] = &Sample{}
	}
	took := time.Duration(s.medians[page] * 1e9 * math.Exp(0.5*r.NormFloat64()))
	in[class].Observe(r.Float64() < s.failures[page] || fails && page == 4, took, cold)
}
