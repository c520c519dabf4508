package exposition

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
)

var (
	ups   = NewFamily(Gauge, "a_up", "Whether it is up.", "pool")
	all   = NewFamily(Counting, "a_requests_total", "Requests.", "site", "class")
	tooks = NewFamily(Histogram, "a_took_seconds", "How long.")
)

func text(t *testing.T, s *Set) string {
	t.Helper()
	var out strings.Builder
	for _, family := range s.With(nil) {
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestSet_IsWhatPrometheusReads(t *testing.T) {
	s := NewSet()
	s.Add(ups, 1, "www")
	for range 600 { // more than a block
		s.Add(ups, 0, "a\"b\xff")
	}
	s.Add(all, 7, "shop", "2xx")
	var d Durations
	for _, took := range []time.Duration{50 * time.Microsecond, 100 * time.Microsecond, 20 * time.Millisecond, 2 * time.Minute} {
		d.Observe(took)
	}
	s.AddDurations(tooks, &d)
	got := text(t, s)
	for _, want := range []string{
		"# HELP a_up Whether it is up.\n# TYPE a_up gauge\na_up{pool=\"www\"} 1\n",
		"a_up{pool=\"a\\\"b\uFFFD\"} 0\n",
		"# TYPE a_requests_total counter\na_requests_total{site=\"shop\",class=\"2xx\"} 7\n",
		"# TYPE a_took_seconds histogram\na_took_seconds_bucket{le=\"0.0001\"} 2\na_took_seconds_bucket{le=\"0.00025\"} 2\n",
		"a_took_seconds_bucket{le=\"0.025\"} 3\n", "a_took_seconds_bucket{le=\"60\"} 3\na_took_seconds_bucket{le=\"+Inf\"} 4\n",
		"a_took_seconds_sum 120.02015\na_took_seconds_count 4\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no\n%s", want)
		}
	}
	if n := strings.Count(got, "\na_up{"); n != 601 {
		t.Errorf("%d values of 601", n)
	}
	if strings.Index(got, "a_requests_total") > strings.Index(got, "a_up") {
		t.Error("the families are not in the order of their names")
	}
}

func TestDurations_AreSummed(t *testing.T) {
	var a, b Durations
	a.Observe(time.Second)
	b.Observe(3 * time.Second)
	b.Observe(time.Microsecond)
	a.AddTo(&b)
	if n, sum := b.Totals(); n != 3 || sum != 4*time.Second+time.Microsecond {
		t.Errorf("%d took %v", n, sum)
	}
}

func TestDurations_CountWithoutAnAllocation(t *testing.T) {
	var d Durations
	if n := testing.AllocsPerRun(100, func() { d.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
