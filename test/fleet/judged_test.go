package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// quiet is a history of three hosts that are asked and probed each 10 ms for 20 s: release 1 is committed from
// the beginning on, and 2 from 10 s on, and hosts go to it at times that flips name.
func quiet(flips ...moment) *history {
	h := &history{hosts: 3, to: 20 * time.Second, commits: []commit{{seq: 1, release: "1"}, {seq: 2, release: "2", begin: 10 * time.Second, known: 10 * time.Second}}}
	for at := moment(0); at < h.to; at += 10 * ms {
		for host := range h.hosts {
			release := "1"
			if flip := 10 * time.Second; len(flips) == 0 && at >= flip || len(flips) > 0 && at >= flips[host] {
				release = "2"
			}
			h.answers = append(h.answers, answer{host: host, begin: at, end: at + 2*ms, status: 200, release: release})
			h.probes = append(h.probes, probe{host: host, begin: at, end: at + ms, ready: true})
		}
	}
	return h
}

// change changes what was seen of one host between two moments.
func (h *history) change(host int, from, to moment, a func(*answer), p func(*probe)) *history {
	for i := range h.answers {
		if x := &h.answers[i]; a != nil && x.host == host && x.begin >= from && x.begin < to {
			a(x)
		}
	}
	for i := range h.probes {
		if x := &h.probes[i]; p != nil && x.host == host && x.begin >= from && x.begin < to {
			p(x)
		}
	}
	return h
}

func notReady(p *probe) { p.ready = false }

func refuses(a *answer) { a.status, a.retryAfter, a.release = 503, true, "" }

func failed(a *answer) { a.status, a.release = 502, "" }

func answers(release string) func(*answer) { return func(a *answer) { a.release = release } }

func TestHistory_IsJudgedByWhatIsPromised(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name   string
		h      *history
		broken []string // what each breach says
	}{
		{"all flip at once", quiet(), nil},
		{"one flips late, within the bound", quiet(10*s, 10*s, 14*s), nil},
		{"one flips too late", quiet(10*s, 10*s, 16*s), []string{"hosts 0 and 2", "hosts 1 and 2", "host 2 was ready, and answered with release 1"}},
		{"one flips late, and says after a while that it is not ready", quiet(10*s, 10*s, 19*s).change(2, 14*s, 19*s, nil, notReady), nil},
		{"one flips late, and refuses", quiet(10*s, 10*s, 19*s).change(2, 10*s, 19*s, refuses, notReady), nil},
		{"one disagrees twice, for less than the bound each", quiet(10*s, 10*s, 17*s).change(2, 13*s, 13*s+20*ms, nil, notReady), nil},
		{"two disagree over changing releases", func() *history {
			h := quiet(10*s, 10*s, 13*s).change(0, 13*s, 20*s, answers("3"), nil).change(1, 13*s, 20*s, answers("3"), nil).change(2, 17*s, 20*s, answers("3"), nil)
			h.commits = append(h.commits, commit{3, "3", 13 * s, 13 * s})
			return h
		}(), []string{"hosts 0 and 2", "hosts 1 and 2"}},
		{"all are late", quiet(18*s, 18*s, 18*s), []string{"host 0 was", "host 1 was", "host 2 was"}},
		{"one flips before the commit", quiet(10*s-10*ms, 10*s, 10*s), []string{"host 0 answers with release 2, which is not committed"}},
		{"one goes back", quiet().change(1, 15*s, 15*s+5*ms, answers("1"), nil), []string{"host 1 goes back to release 1"}},
		{"one answers with what nobody has committed", quiet().change(1, 15*s, 15*s+5*ms, answers("3"), nil), []string{"release 3, which is not committed"}},
		{"a page is torn", quiet().change(1, 15*s, 15*s+5*ms, func(a *answer) { a.torn = "1" }, nil), []string{"torn: 2 and 1"}},
		{"a request fails", quiet().change(1, 15*s, 15*s+5*ms, failed, nil), []string{"status 502"}},
		{"a request gets no answer", quiet().change(1, 15*s, 15*s+5*ms, func(a *answer) { a.status, a.err = 0, "EOF" }, nil), []string{"EOF"}},
		{"a request fails though the host said that it was not ready", quiet().change(1, 15*s, 15*s+5*ms, failed, notReady), []string{"status 502"}},
		{"a request is refused by a host that is ready", quiet().change(1, 15*s, 15*s+5*ms, refuses, nil), []string{"status 503"}},
		{"a request is refused without Retry-After", quiet().change(1, 15*s, 15*s+5*ms, func(a *answer) { a.status = 503 }, notReady), []string{"status 503"}},
		{"a request is refused before the next probe hears of it", quiet().change(1, 15*s, 15*s+5*ms, refuses, nil).change(1, 15*s+10*ms, 15*s+15*ms, refuses, notReady), nil},
		{"a request is refused long before a probe hears of it", quiet().change(1, 15*s, 15*s+5*ms, refuses, nil).change(1, 15*s+20*ms, 15*s+25*ms, refuses, notReady), []string{"status 503"}},
		{"a host goes another way after a rollback", func() *history {
			h := quiet().change(0, 15*s, 20*s, answers("1"), nil).change(1, 15*s, 20*s, answers("1"), nil).change(2, 15*s, 20*s, answers("1"), nil)
			h.commits = append(h.commits, commit{3, "1", 15 * s, 15 * s})
			return h
		}(), nil},
		{"a daemon is killed", func() *history {
			h := quiet().change(1, 15*s, 16*s, failed, notReady)
			h.downs = []span{{1, 15 * s, 16 * s}}
			return h
		}(), nil},
		{"a daemon is killed, and another host's requests fail", func() *history {
			h := quiet().change(1, 15*s, 15*s+5*ms, failed, notReady)
			h.downs = []span{{0, 15 * s, 16 * s}}
			return h
		}(), []string{"host 1: a request failed"}},
		{"one that was declared gone stays behind", func() *history {
			h := quiet(10*s, 10*s, 30*s)
			h.gone = []span{{2, 9 * s, 30 * s}}
			return h
		}(), nil},
		{"a host is not asked for a while", func() *history {
			h := quiet()
			h.answers = slices.DeleteFunc(h.answers, func(a answer) bool { return a.host == 2 && a.begin > 5*s && a.begin < 8*s })
			return h
		}(), []string{"nobody has asked host 2"}},
		{"a host is not probed in the end", func() *history {
			h := quiet()
			h.probes = slices.DeleteFunc(h.probes, func(p probe) bool { return p.host == 2 && p.begin > 17*s })
			return h
		}(), []string{"nobody has probed host 2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := row.h.judge(limits{disagree: 5 * s, unseen: 2 * s})
			for _, want := range row.broken {
				if !slices.ContainsFunc(v.broken, func(b string) bool { return strings.Contains(b, want) }) {
					t.Errorf("it was not found that %q", want)
				}
			}
			if len(v.broken) != len(row.broken) {
				t.Errorf("found %q, want %d", v.broken, len(row.broken))
			}
		})
	}
}

func TestHistory_TellsWhenAllAreInStep(t *testing.T) {
	const s = time.Second
	h := quiet(10*s, 11*s, 12*s)
	if at, ok := h.inStepAt("2", 9*s); !ok || at < 12*s || at > 12*s+10*ms {
		t.Errorf("all are in step at %v (%v)", at, ok)
	}
	if at, ok := h.inStepAt("2", 9*s, 2); !ok || at < 11*s || at > 11*s+10*ms {
		t.Errorf("two are in step at %v (%v)", at, ok)
	}
	if at, ok := h.change(1, 19*s, 20*s, nil, notReady).inStepAt("2", 9*s); ok {
		t.Errorf("all are in step at %v, though one is not ready", at)
	}
	if s := quiet(10*s, 10*s+20*ms, 10*s+50*ms).spreadOf("2"); s.took() != 50*ms || len(s.missing) != 0 {
		t.Errorf("the spread is %v, without %v", s.took(), s.missing)
	}
	if s := quiet(10*s, 10*s, 30*s).spreadOf("2"); !slices.Equal(s.missing, []int{2}) {
		t.Errorf("without %v", s.missing)
	}
}
