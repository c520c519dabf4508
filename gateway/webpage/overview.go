package webpage

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An overview is the view of everything: what needs somebody, the pools, a row a docroot.
type overview struct {
	Sort  string // "", "requests", "failed", "php" or "running"
	Query string // only docroots with it in their name
}

// maxRows bounds how many docroots are shown: more than anybody reads.
const maxRows = 500

// A siteRow is one docroot in the overview.
type siteRow struct {
	ID       string
	Name     string
	URL      string
	Release  string // the live one's name
	Trouble  bool   // no release is live
	Running  int64
	Rate     float64 // requests a second in the last whole step
	Failed   float64 // of them, failed, a second
	InPHP    float64 // milliseconds a request; -1 for none
	Releases int     // with a request in the last 15 minutes
	Spark    string  // the points of a line
}

// frame is the overview now.
func (o overview) frame(p *Page, s Snapshot) (*frame, error) {
	f := newFrame()
	rows := o.rows(p.recent, s)
	head := headOf(s)
	head.Sites, head.Shown = len(s.Docroots), min(len(rows), maxRows)
	f.part("head", "head", head)
	f.part("troubles", "troubles", s.Status.Troubles(s.Time))
	f.part("checked", "checked", checkedOf(p.found(""), s.Time))
	for _, pool := range s.Status.Pools {
		row := poolRowOf(pool, s.FPM[pool.Name], s.Time)
		f.listed("pools", row.ID, "pool", row)
	}
	for _, row := range rows[:head.Shown] {
		f.listed("sites", row.ID, "site-row", row)
	}
	return f, f.err
}

func (o overview) rows(r *Recent, s Snapshot) []siteRow {
	var rows []siteRow
	for _, d := range s.Docroots {
		if o.Query == "" || strings.Contains(d.Name, o.Query) {
			rows = append(rows, rowOf(d, r.chart(d.Name, d.Pool)))
		}
	}
	by := map[string]func(a, b siteRow) int{
		"requests": func(a, b siteRow) int { return cmp.Compare(b.Rate, a.Rate) },
		"failed":   func(a, b siteRow) int { return cmp.Compare(b.Failed, a.Failed) },
		"php":      func(a, b siteRow) int { return cmp.Compare(b.InPHP, a.InPHP) },
		"running":  func(a, b siteRow) int { return cmp.Compare(b.Running, a.Running) },
	}[o.Sort]
	if by != nil {
		slices.SortStableFunc(rows, by)
	}
	return rows
}

func rowOf(d Docroot, c chart) siteRow {
	row := siteRow{ID: "site-" + url.PathEscape(d.Name), Name: d.Name, URL: siteURL(d), InPHP: -1}
	for _, rel := range d.Releases {
		row.Running += rel.Running
		if rel.Live {
			row.Release = rel.Name
		}
	}
	row.Trouble = row.Release == ""
	var now counts
	for _, b := range c.Bands {
		last := b.sum(steps-2, 1)
		now.Requests, now.Failed, now.InPHP = now.Requests+last.Requests, now.Failed+last.Failed, now.InPHP+last.InPHP
		if b.total().Requests > 0 {
			row.Releases++
		}
	}
	row.Rate, row.Failed, row.InPHP = now.rate(step), float64(now.Failed)/step.Seconds(), now.mean()
	row.Spark = spark(c)
	return row
}

// siteURL leads from any page to that of a docroot. All pages are in one directory, so
// that it may be any.
func siteURL(d Docroot) string {
	q := url.Values{"name": {d.Site}}
	if d.Name != d.Site {
		q.Set("docroot", d.Docroot)
	}
	return "site?" + q.Encode()
}

// What a spark line is drawn on, in its own units: a point for each 15 seconds.
const (
	sparkWidth, sparkHeight = 59, 16
	sparkSteps              = 3
)

// spark are the points of the line of all requests of a docroot; "" if there were none.
func spark(c chart) string {
	var sums [steps / sparkSteps]uint64
	highest := uint64(0)
	for _, b := range c.Bands {
		for i := range steps - 1 {
			sums[i/sparkSteps] += b.counts[i].Requests
		}
	}
	for _, n := range sums {
		highest = max(highest, n)
	}
	if highest == 0 {
		return ""
	}
	var points strings.Builder
	for x, n := range sums {
		fmt.Fprintf(&points, "%d,%.1f ", x, sparkHeight-float64(n)/float64(highest)*(sparkHeight-1))
	}
	return strings.TrimSpace(points.String())
}

// age is a duration in one unit: it soon stops to change each second, and what does not
// change is not sent.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
