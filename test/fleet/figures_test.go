package fleet

import (
	"fmt"
	"slices"
	"time"

	"realdocd/test/manual"
)

// part is what make fleet writes into the manual.
func part(name string) manual.Part {
	return manual.Part{Page: "realdocd-fleet.7", By: "make fleet", Name: name}
}

// times are durations of the same kind.
type times []time.Duration

// at is the quantile; 1 is the longest.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(t))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

func (t times) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, max %s", short(t.at(0.5)), short(t.at(0.99)), short(t.at(1)))
}

// cells are those of a table.
func (t times) cells() []string {
	return []string{short(t.at(0.5)), short(t.at(0.99)), short(t.at(1))}
}

// short is a duration in milliseconds, or in seconds if it is long.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
}
