package webpage

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"

	"realdocd/gateway/control"
)

// A siteView is the view of one docroot of a site.
type siteView struct {
	Site    string
	Docroot string // "" if the site's is no pattern
}

// A siteHead says which docroot this is.
type siteHead struct {
	Name, Docroot, Link, Pool string
	Release                   string // the live one's name
	Stale, Fault              string
	News                      string // what has happened last
}

// A releaseRow is one release of the docroot.
type releaseRow struct {
	ID string
	control.ReleaseStatus
	Colour    int // -1 if the chart does not have it
	Rate      float64
	Recent    counts // of the last 15 minutes
	Cached    Share  // of it, in all opcaches of the pool
	LastUse   string
	SinceSeen string
}

// An insideRow is somebody inside a release.
type insideRow struct {
	ID string
	control.Occupant
	Release string
	Live    bool
	For     string
}

// frame is the view now.
func (v siteView) frame(p *Page, s Snapshot) (*frame, error) {
	detail, err := p.source.Site(v.Site, v.Docroot)
	if err != nil {
		return nil, err
	}
	d, root := v.find(s, detail)
	c := p.recent.chart(d.Name, d.Pool)
	history := historyOf(detail.History, root.Link)
	for _, e := range history {
		c.add(Mark{Time: e.Time, Kind: e.By, Text: path.Base(e.Release) + " is live"})
	}
	f := newFrame()
	f.part("head", "site-head", v.head(d, root, detail, c))
	f.part("troubles", "troubles", control.Status{Sites: []control.SiteStatus{detail.SiteStatus}}.Troubles(s.Time))
	for _, r := range releaseRows(root, c, s.FPM[detail.Pool], s.Time) {
		f.listed("releases", r.ID, "release-row", r)
	}
	for _, o := range insideRows(root) {
		f.listed("inside", o.ID, "inside-row", o)
	}
	slices.Reverse(history)
	for i, e := range history[:min(len(history), 20)] {
		f.listed("history", fmt.Sprintf("flip-%d", i), "history-row", historyRow{e, fmt.Sprintf("flip-%d", i), path.Base(e.Release), age(s.Time.Sub(e.Time))})
	}
	f.part("checked", "checked", checkedOf(p.found(v.Site), s.Time))
	f.part("minutes", "minutes", minutesOf(c))
	f.chart, err = json.Marshal(c)
	return f, err
}

// find gives the docroot of the view, as far as a snapshot and a detail have it.
func (v siteView) find(s Snapshot, detail control.SiteDetail) (Docroot, control.DocrootStatus) {
	d := Docroot{Name: v.Site, Site: v.Site, Docroot: v.Docroot, Pool: detail.Pool}
	for _, other := range s.Docroots {
		if other.Site == v.Site && (v.Docroot == "" || other.Docroot == v.Docroot) {
			d = other
			break
		}
	}
	for _, root := range detail.Docroots {
		if v.Docroot == "" || root.Docroot == v.Docroot {
			return d, root
		}
	}
	return d, control.DocrootStatus{Docroot: detail.Docroot}
}

func (v siteView) head(d Docroot, root control.DocrootStatus, detail control.SiteDetail, c chart) siteHead {
	h := siteHead{Name: d.Name, Docroot: root.Docroot, Link: root.Link, Pool: detail.Pool, Stale: detail.Stale, Fault: detail.Fault}
	for _, r := range root.Releases {
		if r.Live {
			h.Release = r.Name
		}
	}
	if n := len(c.Marks); n > 0 {
		last := c.Marks[n-1]
		h.News = fmt.Sprintf("%s: %s, at %s", last.Kind, last.Text, time.UnixMilli(int64(last.At*1000)).Format("15:04:05"))
	}
	return h
}

// releaseRows are the releases, the live one first, then those that were used last.
func releaseRows(root control.DocrootStatus, c chart, fpm FPM, now time.Time) []releaseRow {
	var rows []releaseRow
	for _, r := range root.Releases {
		row := releaseRow{ID: "release-" + url.PathEscape(r.Name), ReleaseStatus: r, Colour: -1, SinceSeen: age(now.Sub(r.FirstSeen)), LastUse: "never"}
		if !r.LastSeen.IsZero() {
			row.LastUse = age(now.Sub(r.LastSeen)) + " ago"
		}
		for _, o := range fpm.Opcaches {
			row.Cached.Bytes += o.Releases[r.Path].Bytes
			row.Cached.Scripts += o.Releases[r.Path].Scripts
		}
		for i := range c.Bands {
			if b := &c.Bands[i]; b.path == r.Path {
				row.Colour, row.Rate, row.Recent = b.Colour, b.sum(steps-2, 1).rate(step), b.total()
			}
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b releaseRow) int {
		if a.Live != b.Live {
			if a.Live {
				return -1
			}
			return 1
		}
		return b.LastSeen.Compare(a.LastSeen)
	})
	return rows
}

// MeanInPHP is milliseconds a request, of the last 15 minutes.
func (r releaseRow) MeanInPHP() float64 { return r.Recent.mean() }

// insideRows are those inside, the longest first.
func insideRows(root control.DocrootStatus) []insideRow {
	var rows []insideRow
	for _, r := range root.Releases {
		for i, o := range r.Inside {
			id := o.RequestID
			if id == "" {
				id = fmt.Sprintf("%s-%d-%d", r.Name, o.PID, i)
			}
			rows = append(rows, insideRow{"inside-" + url.PathEscape(id), o, r.Name, r.Live, age(time.Duration(o.Age * float64(time.Second)))})
		}
	}
	slices.SortStableFunc(rows, func(a, b insideRow) int {
		switch {
		case a.Age > b.Age:
			return -1
		case a.Age < b.Age:
			return 1
		}
		return 0
	})
	return rows
}

// A historyRow is one release that went live.
type historyRow struct {
	control.HistoryEntry
	ID, Name, Ago string
}

func historyOf(all []control.HistoryEntry, link string) []control.HistoryEntry {
	return slices.DeleteFunc(slices.Clone(all), func(e control.HistoryEntry) bool { return link != "" && e.Link != link })
}
