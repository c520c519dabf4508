package webpage

import (
	"testing"
	"time"

	"realdocd/gateway/control"
)

// A shop is a source of snapshots: one docroot with the releases 41 and 42.
type shop struct {
	recent *Recent
	at     time.Time
	pid    int
	paused bool
	counts map[string]*Release
	live   string
}

func newShop() *shop {
	return &shop{
		recent: newRecent(), at: time.Unix(1_800_000_000, 0), pid: 1, live: "/r/41",
		counts: map[string]*Release{"/r/41": {Path: "/r/41", Name: "41"}, "/r/42": {Path: "/r/42", Name: "42"}},
	}
}

// run lets time pass, in which a release gets requests, and takes a snapshot each second.
func (s *shop) run(d time.Duration, release string, each, failed uint64) {
	for range int(d / time.Second) {
		r := s.counts[release]
		r.Requests, r.Failed, r.InPHP = r.Requests+each, r.Failed+failed, r.InPHP+time.Duration(each)*10*time.Millisecond
		s.at = s.at.Add(time.Second)
		s.take()
	}
}

func (s *shop) take() {
	d := Docroot{Name: "shop", Site: "shop", Pool: "www"}
	for _, path := range []string{"/r/41", "/r/42"} {
		r := *s.counts[path]
		r.Live = path == s.live
		d.Releases = append(d.Releases, r)
	}
	s.recent.add(Snapshot{
		Time: s.at, Docroots: []Docroot{d},
		Status: control.Status{PID: s.pid, Pools: []control.PoolStatus{{Name: "www", Paused: s.paused}}},
	})
}

func (s *shop) total(release string) counts {
	c := s.recent.chart("shop", "www")
	for i := range c.Bands {
		if c.Bands[i].path == release {
			return c.Bands[i].total()
		}
	}
	return counts{}
}

func TestRecent_ChartsEachReleaseInItsTime(t *testing.T) {
	s := newShop()
	s.run(time.Minute, "/r/41", 20, 0)
	s.live = "/r/42"
	s.run(time.Minute+5*time.Second, "/r/42", 10, 1)
	c := s.recent.chart("shop", "www")
	if len(c.Bands) != 2 || c.Bands[0].Live || !c.Bands[1].Live || c.Bands[0].Colour == c.Bands[1].Colour {
		t.Fatalf("%+v", c.Bands)
	}
	last := len(c.Bands[1].Requests) - 1
	if now := c.Bands[1]; now.Requests[last] != 10 || now.Failed[last] != 1 || now.InPHP[last] != 10 {
		t.Errorf("now 42 has %v requests/s, %v failed/s, %v ms", now.Requests[last], now.Failed[last], now.InPHP[last])
	}
	if old := c.Bands[0]; old.Requests[last] != 0 || old.InPHP[last] != -1 || old.Requests[last-15] != 20 {
		t.Errorf("41 has %v", old.Requests)
	}
}

func TestRecent_ForgetsWhatIsOlderThan15Minutes(t *testing.T) {
	s := newShop()
	s.run(time.Minute, "/r/41", 20, 0)
	s.live = "/r/42"
	s.run(14*time.Minute, "/r/42", 1, 0)
	if got := s.total("/r/41").Requests; got == 0 || got > 1200 {
		t.Errorf("after 15 minutes 41 has %d", got)
	}
	s.run(time.Minute+5*time.Second, "/r/42", 1, 0)
	if c := s.recent.chart("shop", "www"); len(c.Bands) != 1 {
		t.Errorf("after 16 minutes there are %d bands", len(c.Bands))
	}
	s.run(16*time.Minute, "/r/42", 0, 0)
	if len(s.recent.tracks) != 0 {
		t.Error("a docroot without a request for 15 minutes is kept")
	}
}

func TestRecent_CountsNothingOfTheTimeInWhichNobodyLooked(t *testing.T) {
	s := newShop()
	s.run(10*time.Second, "/r/41", 1, 0)
	s.counts["/r/41"].Requests += 1_000_000
	s.at = s.at.Add(time.Minute)
	s.run(10*time.Second, "/r/41", 1, 0)
	if got := s.total("/r/41").Requests; got > 25 {
		t.Errorf("%d requests are in the chart", got)
	}
}

func TestRecent_GoesOnInTheProcessThatTakesOver(t *testing.T) {
	s := newShop()
	s.run(time.Minute, "/r/41", 20, 0)
	before, saved := s.total("/r/41"), s.recent.save(nil)
	s.recent, s.pid, s.counts["/r/41"] = newRecent(), 2, &Release{Path: "/r/41", Name: "41"}
	if _, err := s.recent.restore(saved); err != nil {
		t.Fatal(err)
	}
	s.run(10*time.Second, "/r/41", 20, 0)
	c := s.recent.chart("shop", "www")
	if got := s.total("/r/41").Requests; got < before.Requests+100 || got > before.Requests+300 {
		t.Errorf("%d requests before and %d now", before.Requests, got)
	}
	if len(c.Marks) != 1 || c.Marks[0].Kind != "upgrade" {
		t.Errorf("marks are %v", c.Marks)
	}
	for _, text := range []string{"", "{", `{"step":5,"now":9,"tracks":{"a":[{"requests":[1]}]}}`, `{"step":1}`} {
		r := newRecent()
		if _, err := r.restore([]byte(text)); err == nil && len(r.tracks["a"].Bands) != 0 {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestRecent_MarksPauses(t *testing.T) {
	s := newShop()
	s.run(time.Second, "/r/41", 1, 0)
	s.paused = true
	s.run(10*time.Second, "/r/41", 1, 0)
	s.paused = false
	s.run(10*time.Second, "/r/41", 1, 0)
	var kinds []string
	for _, m := range s.recent.chart("shop", "www").Marks {
		kinds = append(kinds, m.Kind)
	}
	if len(kinds) != 2 || kinds[0] != "pause" || kinds[1] != "resume" {
		t.Errorf("marks are %v", kinds)
	}
	if n := len(s.recent.chart("shop", "other").Marks); n != 0 {
		t.Errorf("a site of another pool has %d marks", n)
	}
}
