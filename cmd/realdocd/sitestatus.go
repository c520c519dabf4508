package main

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"realdocd/gateway/control"
)

// maxHistory is how much of the history is shown; all of it is in --json.
const maxHistory = 10

// writeSite writes one site for people: releases, who is inside, the history. It has
// rates if there is an answer from before.
func (v *statusView) writeSite(w io.Writer, d control.SiteDetail, was *earlier[control.SiteDetail], now time.Time) error {
	var out bytes.Buffer
	d = v.oneTenant(d)
	if isWild(d.Docroot) {
		v.writePattern(&out, d, was, now)
		return v.writePast(w, &out, d, now)
	}
	fmt.Fprintf(&out, "site %s, pool %s, docroot %s\n", plain(d.Name), plain(d.Pool), plain(d.Docroot))
	for _, t := range d.Trials {
		fmt.Fprintln(&out, plain(path.Base(t.Release)+": "+trialLine(t, now)))
	}
	for _, m := range d.Maintenance {
		fmt.Fprintln(&out, plain(d.Closed(m, now)))
	}
	for _, docroot := range d.Docroots {
		out.WriteByte('\n')
		if docroot.Docroot != d.Docroot {
			fmt.Fprintf(&out, "docroot %s\n", plain(docroot.Docroot))
		}
		v.write(&out, addReleaseRates(releaseRows(docroot.Releases), docroot, was), "FIRST SEEN", "LAST SEEN", "REQUESTS", "FAILED")
		if inside := insideRows(docroot.Releases); len(inside) > 1 {
			out.WriteByte('\n')
			writeTable(&out, inside)
		}
	}
	return v.writePast(w, &out, d, now)
}

// writePast writes out, and below it the history.
func (v *statusView) writePast(w io.Writer, out *bytes.Buffer, d control.SiteDetail, now time.Time) error {
	if len(d.History) > 0 {
		out.WriteByte('\n')
		v.write(out, historyRows(d.History, now), "LIVE SINCE", "LINK")
	}
	if len(d.Notes) > 0 {
		out.WriteByte('\n')
		writeTable(out, noteRows(d.Notes, now))
	}
	_, err := out.WriteTo(w)
	return err
}

// noteRows have the newest last.
func noteRows(notes []control.Note, now time.Time) []row {
	rows := []row{{"TIME", "AGO", "WHAT", "RELEASE", "NOTE"}}
	for _, n := range notes[max(0, len(notes)-maxHistory):] {
		rows = append(rows, row{timeCell(n.Time), control.Age(now.Sub(n.Time)), n.What, releaseCell(n.Release), n.Text})
	}
	return rows
}

func releaseRows(releases []control.ReleaseStatus) []row {
	rows := []row{{"RELEASE", "LIVE", "RUNNING", "REQUESTS", "FAILED", "FIRST SEEN", "LAST SEEN"}}
	pins := slices.ContainsFunc(releases, func(r control.ReleaseStatus) bool { return r.Pinned > 0 || !r.PinsEnd.IsZero() })
	if pins {
		rows[0] = append(rows[0], "PINNED", "PINS END")
	}
	for _, r := range releases {
		live := "-"
		switch {
		case r.Gone:
			live = "GONE"
		case r.Live:
			live = "live"
		case r.Closed:
			live = "closed"
		}
		rows = append(rows, row{
			r.Name, live, fmt.Sprint(r.Running), fmt.Sprint(r.Requests), fmt.Sprint(r.Failed),
			timeCell(r.FirstSeen), timeCell(r.LastSeen),
		})
		if pins {
			rows[len(rows)-1] = append(rows[len(rows)-1], fmt.Sprint(r.Pinned), pinsCell(r.PinsEnd))
		}
	}
	return rows
}

func insideRows(releases []control.ReleaseStatus) []row {
	rows := []row{{"INSIDE", "KIND", "AGE", "PID", "WHAT"}}
	for _, r := range releases {
		for _, o := range r.Inside {
			rows = append(rows, row{r.Name, o.Kind, ageCell(o.Age), pidCell(o.PID), o.What})
		}
	}
	return rows
}

// historyRows have the newest last, as the log has.
func historyRows(history []control.HistoryEntry, now time.Time) []row {
	rows := []row{{"LIVE SINCE", "AGO", "BY", "RELEASE", "LINK"}}
	for _, e := range history[max(0, len(history)-maxHistory):] {
		rows = append(rows, row{timeCell(e.Time), control.Age(now.Sub(e.Time)), e.By, path.Base(e.Release), e.Link})
	}
	return rows
}
