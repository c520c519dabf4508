package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"realdocd/deploy/fleet"
)

// maxReleaseColumns is how many releases of a site are shown; all of them are in --json.
const maxReleaseColumns = 6

// releaseColumns are the releases that are shown: what is committed or live anywhere, and the newest of the others by
// their names.
func releaseColumns(v fleet.SiteView) []string {
	wanted, names := map[string]bool{}, map[string]bool{}
	if v.Commit != nil {
		wanted[v.Commit.Release] = true
	}
	for _, h := range v.Hosts {
		if h.Live != "" {
			wanted[h.Live] = true
		}
		for _, r := range h.Releases {
			names[r.Name] = true
		}
	}
	var others, columns []string
	for name := range names {
		if !wanted[name] {
			others = append(others, name)
		}
	}
	for name := range wanted {
		columns = append(columns, name)
	}
	slices.SortFunc(others, byNumber)
	others = others[max(0, len(others)-max(0, maxReleaseColumns-len(columns))):]
	columns = append(columns, others...)
	slices.SortFunc(columns, byNumber)
	return columns
}

// byNumber orders names, with the numbers in them as numbers: 9 before 10.
func byNumber(a, b string) int {
	for a != "" && b != "" {
		restA, restB := strings.TrimLeft(a, "0123456789"), strings.TrimLeft(b, "0123456789")
		numberA, errA := strconv.ParseUint(a[:len(a)-len(restA)], 10, 64)
		numberB, errB := strconv.ParseUint(b[:len(b)-len(restB)], 10, 64)
		if errA == nil && errB == nil {
			if c := cmp.Compare(numberA, numberB); c != 0 {
				return c
			}
			a, b = restA, restB
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// fleetReleaseCell says whether a host has a release, and whether it is live there. What has other content than what
// is committed, or than most hosts have, is said in capitals.
func fleetReleaseCell(h fleet.SiteHost, name string, v fleet.SiteView) string {
	i := slices.IndexFunc(h.Releases, func(r fleet.Release) bool { return r.Name == name })
	if i < 0 && h.Live == name {
		return "live"
	}
	if i < 0 {
		return "-"
	}
	cell := "here"
	switch r := h.Releases[i]; {
	case h.Live == name:
		cell = "live"
	case r.Warm:
		cell = "warm"
	}
	if h.Releases[i].Hash != hashOfRelease(name, v) {
		cell += ", OTHER CONTENT"
	}
	return cell
}

// hashOfRelease is the content that a release has on all hosts: the one that is committed, or of most of them.
func hashOfRelease(name string, v fleet.SiteView) (hash string) {
	if v.Commit != nil && v.Commit.Release == name {
		return v.Commit.Hash
	}
	counts := map[string]int{}
	for _, h := range v.Hosts {
		for _, r := range h.Releases {
			if r.Name == name {
				counts[r.Hash]++
			}
		}
	}
	for h, n := range counts {
		if n > counts[hash] || n == counts[hash] && h < hash {
			hash = h
		}
	}
	return hash
}

// fleetStateCell is where a host stands with a site, in capitals if that is not in step.
func fleetStateCell(h fleet.SiteHost, c *fleet.Commit) string {
	if why := notInStep(h, c); why != "" {
		return strings.ToUpper(why)
	}
	return string(fleet.InStep)
}

// notInStep is where a host stands; "" if it is in step, or absent, which the host's own line says.
func notInStep(h fleet.SiteHost, c *fleet.Commit) string {
	switch {
	case h.State == fleet.InStep && c != nil && h.Seq < c.Seq:
		return string(fleet.Behind)
	case h.State == fleet.InStep && h.Ahead:
		return "ahead of etcd"
	case h.State == fleet.InStep, h.State == fleet.Absent && c == nil:
		return ""
	case h.State == fleet.NoSite && c == nil:
		return ""
	}
	return string(h.State)
}
