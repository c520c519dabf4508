package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"realdocd/gateway/control"
)

// A tenantLine is one docroot of a pattern, for its line of the table.
type tenantLine struct {
	control.DocrootStatus
	live                      string // the name of the live release
	since, last               time.Time
	running, requests, failed int64
}

func tenantLineOf(d control.DocrootStatus) tenantLine {
	line := tenantLine{DocrootStatus: d, live: "-"}
	for _, r := range d.Releases {
		line.running, line.requests, line.failed = line.running+r.Running, line.requests+r.Requests, line.failed+r.Failed
		if r.LastSeen.After(line.last) {
			line.last = r.LastSeen
		}
		if r.Live {
			line.live, line.since = r.Name, r.FirstSeen
		}
	}
	return line
}

// state is what is wrong with it, in capitals; or "ok".
func (t tenantLine) state() string {
	switch {
	case t.Gone:
		return "GONE"
	case t.Stale != "":
		return "STALE"
	case t.live == "-":
		return "LOST"
	}
	return "ok"
}

// number is what a table is sorted by with a key.
func (t tenantLine) number(key string) int64 {
	switch key {
	case "running":
		return t.running
	case "requests":
		return t.requests
	case "failed":
		return t.failed
	case "last":
		return t.last.UnixNano()
	}
	return 0
}

// writePattern writes a site with a pattern: one line for each docroot.
func (v *statusView) writePattern(out *bytes.Buffer, d control.SiteDetail, was *earlier[control.SiteDetail], now time.Time) {
	var all []tenantLine
	busy := 0
	var wrong []row
	for _, docroot := range d.Docroots {
		line := tenantLineOf(docroot)
		if line.running > 0 {
			busy++
		}
		if state := line.state(); state != "ok" {
			wrong = append(wrong, row{state, d.Name + "/" + line.Tenant + ": " + cmp.Or(line.Stale, "no release is known")})
		}
		all = append(all, line)
	}
	fmt.Fprintf(out, "site %s, pool %s, docroot %s: %s, %d busy\n", plain(d.Name), plain(d.Pool), plain(d.Docroot), control.Count(len(all), "docroot"), busy)
	for _, m := range d.Maintenance {
		fmt.Fprintln(out, plain(d.Closed(m, now)))
	}
	writeTable(out, wrong)
	shown := arranged(v, all,
		func(t tenantLine) bool { return t.running > 0 || t.state() != "ok" },
		func(t tenantLine) string { return t.Tenant },
		func(t tenantLine) int64 { return t.number(v.sort) })
	rows := []row{{"TENANT", "STATE", "RELEASE", "RUNNING", "REQUESTS", "FAILED", "LIVE SINCE", "LAST SEEN"}}
	onePool := !strings.Contains(d.Pool, "{")
	if !onePool {
		rows[0] = append(rows[0], "POOL")
	}
	rates := map[string]row{}
	for _, t := range shown {
		r := row{
			t.Tenant, t.state(), t.live, fmt.Sprint(t.running), fmt.Sprint(t.requests), fmt.Sprint(t.failed),
			timeCell(t.since), timeCell(t.last),
		}
		if !onePool {
			r = append(r, t.Pool)
		}
		rows = append(rows, r)
		rates[t.Tenant] = tenantRates(t, was)
	}
	if was != nil {
		rows = insert(rows, 6, row{"REQUESTS/S", "FAILED/S"}, func(r row) row { return rates[r[0]] })
	}
	out.WriteByte('\n')
	v.write(out, rows, "LIVE SINCE", "LAST SEEN", "POOL", "REQUESTS", "FAILED")
}

// tenantRates are the requests a second, of all of its releases together.
func tenantRates(t tenantLine, was *earlier[control.SiteDetail]) row {
	if was == nil {
		return nil
	}
	for _, d := range was.got.Docroots {
		if d.Docroot == t.Docroot {
			before := tenantLineOf(d)
			return row{perSecond(t.requests, before.requests, was.ago), perSecond(t.failed, before.failed, was.ago)}
		}
	}
	return row{"-", "-"}
}

// oneTenant gives the answer about the one docroot that was named the name and the pool of
// the tenant.
func (v *statusView) oneTenant(d control.SiteDetail) control.SiteDetail {
	named := v.docroot != "" || v.asked != "" && v.asked != d.Name
	if !named || len(d.Docroots) != 1 || d.Docroots[0].Tenant == "" {
		return d
	}
	one := d.Docroots[0]
	d.Name, d.Docroot, d.Pool = d.Name+"/"+one.Tenant, one.Docroot, cmp.Or(one.Pool, d.Pool)
	return d
}
