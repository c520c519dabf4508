package main

import (
	"slices"

	"realdocd/gateway/control"
)

// addPoolRates puts requests a second into the table of pools, before the last column,
// which may be long.
func addPoolRates(rows []row, now control.Status, was *earlier[control.Status]) []row {
	if was == nil {
		return rows
	}
	rates := map[string]row{}
	for _, p := range now.Pools {
		rates[p.Name] = row{"-", "-"}
		for _, before := range was.got.Pools {
			if before.Name == p.Name && was.got.Started.Equal(now.Started) {
				rates[p.Name] = row{perSecond(p.Requests, before.Requests, was.ago), perSecond(p.Refused, before.Refused, was.ago)}
			}
		}
	}
	return insert(rows, len(rows[0])-1, row{"REQUESTS/S", "REFUSED/S"}, func(r row) row { return rates[r[0]] })
}

// addReleaseRates puts them into the table of releases, after the counters.
func addReleaseRates(rows []row, now control.DocrootStatus, was *earlier[control.SiteDetail]) []row {
	if was == nil {
		return rows
	}
	rates := map[string]row{}
	for _, r := range now.Releases {
		rates[r.Name] = row{"-", "-"}
		for _, before := range releasesOf(was.got, now.Docroot) {
			if before.Path == r.Path && before.FirstSeen.Equal(r.FirstSeen) {
				rates[r.Name] = row{perSecond(r.Requests, before.Requests, was.ago), perSecond(r.Failed, before.Failed, was.ago)}
			}
		}
	}
	return insert(rows, 5, row{"REQUESTS/S", "FAILED/S"}, func(r row) row { return rates[r[0]] })
}

func releasesOf(d control.SiteDetail, docroot string) []control.ReleaseStatus {
	return docrootOf(d, docroot).Releases
}

// docrootOf is what the daemon knows of a docroot; of one that it does not know, nothing.
func docrootOf(d control.SiteDetail, docroot string) control.DocrootStatus {
	for _, known := range d.Docroots {
		if known.Docroot == docroot {
			return known
		}
	}
	return control.DocrootStatus{}
}

// insert puts two more cells into each row, before the column at.
func insert(rows []row, at int, head row, cells func(row) row) []row {
	wider := []row{slices.Insert(slices.Clone(rows[0]), at, head...)}
	for _, r := range rows[1:] {
		more := cells(r)
		if more == nil { // a server of a pool
			more = row{"", ""}
		}
		wider = append(wider, slices.Insert(slices.Clone(r), at, more...))
	}
	return wider
}
