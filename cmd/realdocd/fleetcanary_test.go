package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/deploy/fleet"
	"realdocd/gateway/control"
	trials "realdocd/gateway/judge"
	"realdocd/test/stack"
)

// A hostTrial is what a fakeHost does of a canary. The host's mu guards it.
type hostTrial struct {
	run                     uint64
	live, candidate, failed uint32 // requests of both, and what failed of the candidate's
	ended, refuses          string
	begins                  int // calls
	steps                   []int
	on                      bool
}

func (h *fakeHost) try(ctx context.Context, ask fleet.Ask, tell func(string)) (string, error) {
	var want trialAsked
	if err := json.Unmarshal([]byte(ask.Data), &want); err != nil {
		return "", err
	}
	h.change(func() {
		h.trial.on, h.trial.steps, h.trial.begins = true, append(h.trial.steps, want.Step), h.trial.begins+1
	})
	defer h.change(func() { h.trial.on = false })
	for {
		var text []byte
		var ended, refuses string
		h.change(func() {
			f := trials.Figures{
				Run: h.trial.run, Live: map[string]*trials.Sample{"GET /": {Requests: h.trial.live}},
				Candidate: map[string]*trials.Sample{"GET /": {Requests: h.trial.candidate, Failed: h.trial.failed}},
			}
			ended, refuses = h.trial.ended, h.trial.refuses
			text, _ = json.Marshal(trialSaid{Begun: true, Visitors: int64(h.trial.candidate), Figures: f.Text(), Ended: ended, Why: ended})
		})
		if refuses != "" {
			return "", errNotGood
		}
		if ended != "" {
			return string(text), nil
		}
		tell(string(text))
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// each changes what all hosts do of a canary.
func (f *fakeFleet) each(change func(*hostTrial)) {
	for _, h := range f.hosts {
		h.change(func() { change(&h.trial) })
	}
}

// wantNoTrial waits until no host tries anything any more.
func (f *fakeFleet) wantNoTrial() {
	f.t.Helper()
	for _, h := range f.hosts {
		stack.Until(f.t, h.name+" tries nothing", func() (over bool) {
			h.change(func() { over = !h.trial.on })
			return over
		})
	}
}

func (f *fakeFleet) canary(args ...string) (code int, said string) {
	f.t.Helper()
	code, stdout, stderr := f.run(append([]string{"fleet", "canary", "shop", "42"}, args...)...)
	return code, stdout + stderr
}

// What is spread so thin that no host can tell it from chance is found by the sum.
func TestFleetCanary_ABadReleaseThatNoHostCouldConvictIsEnded(t *testing.T) {
	f := newFakeFleet(t, 8)
	f.each(func(h *hostTrial) { h.live, h.candidate, h.failed = 200, 14, 2 })
	alone := trials.NewGroup(trials.Canary)
	alone.Take("web1", &trials.Figures{Live: map[string]*trials.Sample{"GET /": {Requests: 200}}, Candidate: map[string]*trials.Sample{"GET /": {Requests: 14, Failed: 2}}})
	if alone.Look().Worse {
		t.Fatal("one host alone finds it")
	}
	code, said := f.canary("--every", "1m")
	if code != 1 || !strings.Contains(said, "42 was ended") || !strings.Contains(said, "worse by failures") || !strings.Contains(said, "16 of 112 requests failed") {
		t.Errorf("exit code %d: %s", code, said)
	}
	f.wantNoTrial()
	f.wantInStep("41")
}

func TestFleetCanary_AGoodReleaseGoesThroughItsStepsAndLiveOnAllHosts(t *testing.T) {
	f := newFakeFleet(t, 2)
	f.each(func(h *hostTrial) { h.live, h.candidate = 100, 40 })
	go func() { // visitors go on
		for range 200 {
			f.each(func(h *hostTrial) { h.live, h.candidate = h.live+10, h.candidate+10 })
			time.Sleep(50 * time.Millisecond)
		}
	}()
	code, said := f.canary("--steps", "10,50", "--every", "1s", "--least", "20")
	if code != 0 || !strings.Contains(said, "good") || !strings.Contains(said, "42 is live on 2 hosts") {
		t.Errorf("exit code %d: %s", code, said)
	}
	for _, h := range f.hosts {
		h.change(func() {
			if !slices.Equal(h.trial.steps, []int{-1, 0, 1}) {
				t.Errorf("%s was in the steps %v: before the first one nobody may get the release", h.name, h.trial.steps)
			}
		})
	}
	f.wantInStep("42")
	f.wantNoTrial()
}

// A host whose agent is restarted counts anew, and what it had said stays.
func TestFleetCanary_AHostThatLeavesAndComesBackCountsOnce(t *testing.T) {
	f := newFakeFleet(t, 2)
	f.each(func(h *hostTrial) { h.run, h.live, h.candidate = 1, 100, 40 })
	web2 := f.hosts["web2"]
	go func() {
		stack.Until(t, "the canary has begun", func() (begun bool) {
			web2.change(func() { begun = slices.Contains(web2.trial.steps, 0) })
			return begun
		})
		time.Sleep(3 * time.Second) // it has been heard
		web2.stop()
		web2.change(func() { web2.trial.run, web2.trial.live, web2.trial.candidate = 2, 50, 30 })
		f.start(web2)
	}()
	code, stdout, stderr := f.run("fleet", "canary", "shop", "42", "--every", "12s", "--json")
	var got struct{ Trial control.TrialStatus }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d: %v in %s%s", code, err, stdout, stderr)
	}
	if v := got.Trial.Verdict; v.Candidate.Requests != 110 || v.Live.Requests != 250 || got.Trial.Ended != "flip" {
		t.Errorf("the sum is %+v and %+v, it ended as %q", v.Candidate, v.Live, got.Trial.Ended)
	}
	if !strings.Contains(stdout, "web2 counts anew") || got.Trial.Visitors != 110 {
		t.Errorf("of %d visitors, that web2 was away is not said: %s", got.Trial.Visitors, stdout)
	}
}

func TestFleetCanary_EndsWithWhatEndsItOnOneHost(t *testing.T) {
	f := newFakeFleet(t, 2)
	f.each(func(h *hostTrial) { h.live, h.candidate = 100, 40 })
	f.hosts["web2"].change(func() { f.hosts["web2"].trial.ended = "operator" })
	if code, said := f.canary("--every", "1m"); code != 1 || !strings.Contains(said, "web2: operator") {
		t.Errorf("exit code %d: %s", code, said)
	}
	f.wantNoTrial()
}

func TestFleetCanary_IsRefusedBeforeAnybodyGetsTheRelease(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*fakeHost)
		want   string
	}{
		"a host does not have it": {func(h *fakeHost) { delete(h.releases, "42") }, "web2"},
		"another content":         {func(h *fakeHost) { h.releases["42"] = "v1:other" }, "web2"},
		"another key of pins":     {func(h *fakeHost) { h.pinKey = "0123456789abcdef" }, "copy the key file"},
		"the daemon refuses":      {func(h *fakeHost) { h.trial.refuses = "x" }, "nothing has changed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeFleet(t, 2)
			web2 := f.hosts["web2"]
			web2.stop()
			web2.change(func() { row.change(web2) })
			f.start(web2)
			f.wantInStep("41")
			stack.Until(t, "it is refused", func() bool {
				code, said := f.canary("--every", "1m", "--least", "1", "--dry-run")
				if row.want == "nothing has changed" {
					code, said = f.canary("--every", "1m", "--least", "1")
				}
				return code == 1 && strings.Contains(said, row.want)
			})
			for _, h := range f.hosts {
				h.change(func() {
					if slices.Contains(h.trial.steps, 0) {
						t.Errorf("visitors of %s have had it", h.name)
					}
				})
			}
		})
	}
}
