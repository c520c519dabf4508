package webpage

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"realdocd/gateway/control"
)

// A poolRow is one pool: who has its places, and who waits.
type poolRow struct {
	ID string
	control.PoolStatus
	Full    bool
	Wait    string
	Strip   []segment
	Servers []serverRow
	Workers strip // by their state
	FPM     FPM
	Caches  []cacheRow
}

// A strip is a whole with its parts beside each other, and the same in words.
type strip struct {
	Segments []segment
	Text     string
}

// A cacheRow is the opcache of one listener.
type cacheRow struct {
	Opcache
	Strip strip
	Ago   string
}

// A segment is one part of a strip of 100 units' width.
type segment struct {
	Class string
	X, W  float64
}

// A serverRow is one PHP-FPM listener.
type serverRow struct {
	control.ServerStatus
	For string // how long it has been up or down
}

func poolRowOf(p control.PoolStatus, fpm FPM, now time.Time) poolRow {
	row := poolRow{
		ID: "pool-" + url.PathEscape(p.Name), PoolStatus: p,
		Full: p.IsFull(), FPM: fpm, Workers: workersOf(fpm), Wait: age(time.Duration(p.LongestWait * float64(time.Second))),
	}
	row.Strip = segments(int64(max(p.MaxConns, p.Running)), part{"running", int64(p.Running - p.Abandoned)}, part{"abandoned", int64(p.Abandoned)})
	for _, s := range p.Servers {
		row.Servers = append(row.Servers, serverRow{s, age(now.Sub(s.Since))})
	}
	for _, o := range fpm.Opcaches {
		row.Caches = append(row.Caches, cacheRow{o, fillingOf(o), age(now.Sub(o.At))})
	}
	return row
}

// A part is a number of things in a strip.
type part struct {
	class string
	n     int64
}

// segments lays parts of a whole beside each other; what is left stays empty.
func segments(whole int64, parts ...part) []segment {
	var all []segment
	x := 0.0
	for _, p := range parts {
		if p.n <= 0 || whole <= 0 {
			continue
		}
		w := 100 * float64(p.n) / float64(whole)
		all = append(all, segment{p.class, x, w})
		x += w
	}
	return all
}

// Summary is the strip in words, for those who do not see it.
func (p poolRow) Summary() string {
	if p.MaxConns == 0 {
		return fmt.Sprintf("%d run, without a limit", p.Running)
	}
	return fmt.Sprintf("%d of %d places taken", p.Running, p.MaxConns)
}

// workersOf are PHP-FPM's workers by their state, the most first.
func workersOf(fpm FPM) strip {
	total := int64(0)
	var parts []part
	var said []string
	states := slices.Clone(fpm.Workers)
	slices.SortStableFunc(states, func(a, b Workers) int { return cmp.Compare(b.N, a.N) })
	for _, w := range states {
		if w.N == 0 {
			continue
		}
		class := "other"
		if w.State == "running" || w.State == "idle" {
			class = w.State
		}
		parts = append(parts, part{class, int64(w.N)})
		said = append(said, fmt.Sprintf("%d %s", w.N, w.State))
		total += int64(w.N)
	}
	return strip{segments(total, parts...), strings.Join(said, ", ")}
}

// fillingOf is what fills an opcache: the releases that were asked about, those with the
// most first, then what else it has, and what it has wasted.
func fillingOf(o Opcache) strip {
	type filling struct {
		path string
		Share
	}
	var all []filling
	for path, share := range o.Releases {
		if share.Bytes > 0 {
			all = append(all, filling{path, share})
		}
	}
	slices.SortFunc(all, func(a, b filling) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.path, b.path))
	})
	rest := o.Used
	var parts []part
	var said []string
	for i, f := range all[:min(len(all), maxFillings)] {
		parts = append(parts, part{fmt.Sprintf("c%d", i%maxBands), f.Bytes})
		said = append(said, fmt.Sprintf("%s has %s in %d scripts", path.Base(f.path), bytesText(f.Bytes), f.Scripts))
		rest -= f.Bytes
	}
	parts = append(parts, part{"idle", max(rest, 0)}, part{"abandoned", o.Wasted})
	if n := len(all) - maxFillings; n > 0 {
		said = append(said, fmt.Sprintf("%d more releases", n))
	}
	return strip{segments(o.Used+o.Free+o.Wasted, parts...), strings.Join(said, "; ")}
}

// maxFillings is how many releases are told of an opcache.
const maxFillings = 4
