package main

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"time"

	"realdocd/gateway/control"
)

// writeStatus writes the status for people, with rates if there is one from before.
func (v *statusView) writeStatus(w io.Writer, st control.Status, was *earlier[control.Status], now time.Time) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "realdocd with pid %d, up for %s, %s of web servers\n",
		st.PID, control.Age(now.Sub(st.Started)), control.Count(st.Connections, "connection"))
	if st.MaxConns > 0 {
		running := 0
		for _, p := range st.Pools {
			running += p.Running
		}
		fmt.Fprintf(&out, "all pools together have %d of %d requests in PHP-FPM\n", running, st.MaxConns)
	}
	if st.Fleet != nil {
		fmt.Fprintln(&out, plain(st.Fleet.Line(now)))
	}
	for _, before := range st.Retiring {
		fmt.Fprintln(&out, plain(retiringLine(before)))
	}
	if st.Page != "" {
		fmt.Fprintln(&out, plain("shown at "+st.Page))
	}
	for _, s := range st.Sites {
		for _, t := range s.Trials {
			fmt.Fprintln(&out, plain("site "+s.Name+", "+path.Base(t.Release)+": "+trialLine(t, now)))
		}
	}
	writeTable(&out, troubles(st, now))
	out.WriteByte('\n')
	pools := v.pools(st.Pools)
	v.writePools(&out, pools, st, was)
	if len(st.Sites) > 0 {
		out.WriteByte('\n')
		v.write(&out, siteRows(v.sites(st.Sites)), "DOCROOT", "POOL")
	}
	if rows := notKept(pools); len(rows) > 0 {
		out.WriteByte('\n')
		writeTable(&out, rows)
	}
	_, err := out.WriteTo(w)
	return err
}

// retiringLine tells of a process that was replaced by an upgrade.
func retiringLine(r control.RetiringStatus) string {
	if r.Error != "" {
		return fmt.Sprintf("the process with pid %d, which it has replaced, does not answer: %s", r.PID, r.Error)
	}
	return fmt.Sprintf("the process with pid %d, which it has replaced, finishes %s", r.PID, control.Count(r.Connections, "request"))
}

// troubles are what needs somebody, as rows.
func troubles(st control.Status, now time.Time) (rows []row) {
	for _, t := range st.Troubles(now) {
		rows = append(rows, row{t.Word, t.Text})
	}
	return rows
}
