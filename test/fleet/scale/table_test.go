package scale

import (
	"fmt"
	"time"

	"realdocd/test/manual"
)

// A table is what a run has measured, and what that comes to in a fleet of 1,000 hosts with 100 sites.
type table struct {
	hosts, sites, bytes, have int // bytes of all keys and values, and of those that say what hosts have
	start, rest, flip         figures
	spread                    time.Duration
	arrival                   bool
}

const manyHosts, manySites = 1000, 100

func (b table) text() string {
	times := float64(manyHosts) / float64(b.hosts)
	per := float64(b.have) / float64(b.hosts*b.sites)
	keys := func(hosts, sites int) string { return count(float64(3*hosts + hosts*sites + 2*sites + 1)) }
	by := "at one instant"
	if b.arrival {
		by = "by arrival"
	}
	row := func(name string, measured, many float64, how func(float64) string) []string {
		return []string{name, how(measured), how(many)}
	}
	spread := []string{"first to last host's rename", fmt.Sprintf("%.1f ms, %s", b.spread.Seconds()*1000, by), "-"}
	return manual.Columns([][]string{
		{"", fmt.Sprintf("%d hosts, %d sites", b.hosts, b.sites), "1,000 hosts, 100 sites"},
		{"", "measured", "computed"},
		{"keys", keys(b.hosts, b.sites), keys(manyHosts, manySites)},
		row("bytes of keys and values", float64(b.bytes), float64(b.bytes-b.have)*times+per*manyHosts*manySites, size),
		row("watches", float64(2*b.hosts), 2*manyHosts, count),
		row("at rest: to etcd, a second", b.rest.heard/b.rest.seconds, times*b.rest.heard/b.rest.seconds, size),
		row("at rest: from etcd, a second", b.rest.said/b.rest.seconds, times*b.rest.said/b.rest.seconds, size),
		row("at rest: writes, a second", float64(b.hosts)/600, manyHosts/600.0, tenth),
		row("at rest: etcd's processor", 100*b.rest.cpu/b.rest.seconds, times*100*b.rest.cpu/b.rest.seconds, percent),
		row("all hosts start: writes", b.start.puts, float64(4*manyHosts+manyHosts*manySites), count),
		row("a flip: writes", b.flip.puts, times*b.flip.puts, count),
		row("a flip: to etcd", b.flip.heard, times*b.flip.heard, size),
		row("a flip: from etcd", b.flip.said, times*b.flip.said, size),
		row("a flip: etcd's processor", b.flip.cpu, times*b.flip.cpu, func(s float64) string { return tenth(s) + " s" }),
		spread,
	})
}

func count(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func size(bytes float64) string {
	if bytes < 1e6 {
		return tenth(bytes/1e3) + " kB"
	}
	return tenth(bytes/1e6) + " MB"
}

func tenth(n float64) string   { return fmt.Sprintf("%.1f", n) }
func percent(n float64) string { return tenth(n) + " %" }
