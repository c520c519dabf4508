package logging

import (
	"bytes"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestStamp_IsTheTimeInItsFormat(t *testing.T) {
	india := time.FixedZone("IST", 19800)
	var s stamp
	for _, at := range []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 7_999_999, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 999_000_000, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 6, 120_000_000, time.UTC),
		time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.UTC), // the clock was set back
		time.Date(2026, 1, 3, 3, 4, 5, 10_000_000, india),
		time.Date(1969, 1, 3, 3, 4, 5, 10_000_000, time.UTC),
	} {
		if got, want := string(s.append(nil, at)), `"`+at.Format(timeFormat)+`"`; got != want {
			t.Errorf("%v has %s", at, got)
		}
	}
}

func TestStamp_CostsAnEventNoAllocation(t *testing.T) {
	var out bytes.Buffer
	out.Grow(1 << 20)
	log := zerolog.New(&out).Hook(new(stamp))
	if n := testing.AllocsPerRun(1000, func() { log.Info().Msg("request") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if !bytes.Contains(out.Bytes(), []byte(`"time":"2`)) {
		t.Errorf("no time in %.100s", out.Bytes())
	}
}

func BenchmarkStamp(b *testing.B) {
	var s stamp
	var buf [64]byte
	for b.Loop() {
		s.append(buf[:0], time.Now())
	}
}
