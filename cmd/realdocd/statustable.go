package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

	"realdocd/gateway/control"
)

type row []string

// writeTable aligns the columns, without spaces at the ends of the lines.
func writeTable(out *bytes.Buffer, rows []row) {
	var aligned bytes.Buffer
	table := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		for i, cell := range r {
			r[i] = plain(cell)
		}
		fmt.Fprintln(table, strings.Join(r, "\t"))
	}
	table.Flush() // to memory: it cannot fail
	for line := range strings.Lines(aligned.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// poolRows give a pool of one server one line; one of several has a line of
// its own before theirs.
func poolRows(pools []control.PoolStatus) []row {
	rows := []row{{"POOL", "SERVER", "STATE", "RUNNING", "WAITING", "KEPT", "REQUESTS", "REFUSED", "REUSE"}}
	for _, p := range pools {
		whole := asServer(p)
		rows = append(rows, row{
			p.Name, whole.Address, poolState(p), runningCell(p), waitingCell(p),
			fmt.Sprint(whole.Kept), fmt.Sprint(p.Requests), fmt.Sprint(p.Refused), reuseCell(whole),
		})
		if len(p.Servers) == 1 {
			continue
		}
		for _, s := range p.Servers {
			rows = append(rows, row{"", s.Address, serverState(s), fmt.Sprint(s.Running), "", fmt.Sprint(s.Kept), "", "", reuseCell(s)})
		}
	}
	return rows
}

// asServer is a pool's only server, or all of them as one.
func asServer(p control.PoolStatus) control.ServerStatus {
	if len(p.Servers) == 1 {
		return p.Servers[0]
	}
	whole := control.ServerStatus{Address: control.Count(len(p.Servers), "server")}
	for _, s := range p.Servers {
		whole.Kept += s.Kept
	}
	return whole
}

// poolState is the worst that is wrong with a pool, in capitals; or "up".
func poolState(p control.PoolStatus) string {
	down := 0
	for _, s := range p.Servers {
		if !s.Up {
			down++
		}
	}
	switch {
	case p.Paused:
		return "PAUSED"
	case down == len(p.Servers):
		return "DOWN"
	case p.IsFull():
		return "FULL"
	case down > 0:
		return fmt.Sprintf("%d DOWN", down)
	}
	return "up"
}

func serverState(s control.ServerStatus) string {
	if s.Up {
		return "up"
	}
	return "DOWN"
}

func outOf(n, limit int) string {
	if limit == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d/%d", n, limit)
}

// runningCell says how many of those that run nobody waits for.
func runningCell(p control.PoolStatus) string {
	if p.Abandoned == 0 {
		return outOf(p.Running, p.MaxConns)
	}
	return fmt.Sprintf("%s (%d abandoned)", outOf(p.Running, p.MaxConns), p.Abandoned)
}

func waitingCell(p control.PoolStatus) string {
	if p.Waiting == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", p.Waiting, ageCell(p.LongestWait))
}

// reuseCell has the share of requests that went over a kept connection.
func reuseCell(s control.ServerStatus) string {
	if total := s.Opened + s.Reused; s.Reuse == "on" && total > 0 {
		return fmt.Sprintf("on, %d%%", 100*s.Reused/total)
	}
	if s.NotKept() != "" {
		return "no"
	}
	return s.Reuse
}

// notKept tells of the servers to which no connection is kept.
func notKept(pools []control.PoolStatus) (rows []row) {
	for _, p := range pools {
		for _, s := range p.Servers {
			if why := s.NotKept(); why != "" {
				rows = append(rows, row{fmt.Sprintf("no reuse: %s of pool %s: %s", s.Address, p.Name, why)})
			}
		}
	}
	return rows
}

// pools are those that are shown, in their order.
func (v *statusView) pools(all []control.PoolStatus) []control.PoolStatus {
	return arranged(v, all,
		func(p control.PoolStatus) bool { return p.Running+p.Waiting > 0 || poolState(p) != "up" },
		func(p control.PoolStatus) string { return p.Name },
		func(p control.PoolStatus) int64 {
			switch v.sort {
			case "running":
				return int64(p.Running)
			case "waiting":
				return int64(p.Waiting)
			case "requests":
				return int64(p.Requests)
			case "failed":
				return int64(p.Refused)
			}
			return 0
		})
}

// writePools writes the table of pools. On a narrow terminal it has what one watches.
func (v *statusView) writePools(out *bytes.Buffer, pools []control.PoolStatus, st control.Status, was *earlier[control.Status]) {
	rows := addPoolRates(poolRows(pools), st, was)
	if v.width > 0 && widthOf(rows) > v.width {
		for _, r := range rows[1:] {
			r[1] = path.Base(r[1])
		}
	}
	v.write(out, rows, "KEPT", "REUSE", "REFUSED", "REQUESTS", "SERVER")
}

// sites are those that are shown, in their order.
func (v *statusView) sites(all []control.SiteStatus) []control.SiteStatus {
	return arranged(v, all,
		func(s control.SiteStatus) bool {
			return s.Running > 0 || s.Stale != "" || s.Fault != "" || len(s.Maintenance) > 0 || s.Holds > 0
		},
		func(s control.SiteStatus) string { return s.Name },
		func(s control.SiteStatus) int64 {
			if v.sort == "running" {
				return s.Running
			}
			return 0
		})
}

func siteRows(sites []control.SiteStatus) []row {
	rows := []row{{"SITE", "DOCROOT", "POOL", "RELEASE", "RUNNING"}}
	for _, s := range sites {
		rows = append(rows, row{s.Name, s.Docroot, s.Pool, releaseCell(s.Release), fmt.Sprint(s.Running)})
	}
	return rows
}
