package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// History gives the commits of a site that are kept, the newest last.
func (c *Commander) History(ctx context.Context, site string) ([]Commit, error) {
	kvs, err := c.get(ctx, c.Keys.HistoryOf(site))
	if err != nil {
		return nil, err
	}
	var commits []Commit
	for _, kv := range kvs { // in the order of their keys
		commit, err := decode[Commit](kv.KV)
		if err != nil {
			return nil, err
		}
		commits = append(commits, commit)
	}
	return commits, nil
}

// A Back is where a rollback goes.
type Back struct {
	Commit
	// Passed are those between that hosts do not have any more, each with why.
	Passed []string
}

// WayBack says where a rollback of a site goes: to the release that was committed before the one that
// is. After a rollback from 43 to 42 that is 41, and not 43. Releases that not enough
// hosts have any more are passed over.
func (c *Commander) WayBack(ctx context.Context, site string, share Share, gone []string) (Back, error) {
	commits, err := c.History(ctx, site)
	if err != nil {
		return Back{}, err
	}
	if len(commits) == 0 || commits[len(commits)-1].Release == "" {
		return Back{}, fmt.Errorf("nothing is committed for %s: realdocd fleet flip %[1]s RELEASE does the first time", site)
	}
	members, err := c.get(ctx, c.Keys.Members())
	if err != nil {
		return Back{}, err
	}
	kvs, err := c.get(ctx, c.Keys.HaveOf(site))
	if err != nil {
		return Back{}, err
	}
	have, err := byHost[Have](kvs)
	if err != nil {
		return Back{}, err
	}
	back, ok := wayBack(commits, func(commit Commit) string { return missing(commit, members, have, share, gone) })
	if !ok {
		text := fmt.Sprintf("%s has no commit before %s in the history", site, commits[len(commits)-1].Release)
		if len(back.Passed) > 0 {
			text += " that could be gone back to (" + strings.Join(back.Passed, ", ") + ")"
		}
		return back, fmt.Errorf("%s: name a release, with realdocd fleet flip %s RELEASE", text, site)
	}
	return back, nil
}

// wayBack walks a history. missing says why a release cannot be gone back to; "" if it can.
func wayBack(commits []Commit, missing func(Commit) string) (back Back, ok bool) {
	var line []Commit // of the releases that led to the present one
	for _, c := range commits {
		at := slices.IndexFunc(line, func(before Commit) bool { return before.Release == c.Release && before.Hash == c.Hash })
		switch {
		case c.Release == "": // forgotten: what was before does not count
			line = nil
			continue
		case at >= 0 && c.Verb == "rollback":
			line = line[:at+1]
			continue
		case at >= 0: // it is the newest again
			line = slices.Delete(line, at, at+1)
		}
		line = append(line, c)
	}
	for _, c := range slices.Backward(line[:len(line)-1]) {
		if why := missing(c); why != "" {
			back.Passed = append(back.Passed, c.Release+": "+why)
			continue
		}
		back.Commit = c
		return back, true
	}
	return back, false
}

// missing says which hosts do not have a release as it was committed, if they are too many.
func missing(c Commit, members []seenKV, have map[string]Have, share Share, gone []string) string {
	var without []string
	all := 0
	for _, kv := range members {
		host := Last(kv.Key)
		if share.Hosts == 0 && slices.Contains(gone, host) {
			continue
		}
		all++
		h, present := have[host]
		if !present && share.Hosts == 0 {
			continue // a flip says of it that it is absent
		}
		if !slices.ContainsFunc(h.Releases, func(r Release) bool { return r.Name == c.Release && r.Hash == c.Hash }) {
			without = append(without, host)
		}
	}
	if all-len(without) >= share.of(all) {
		return ""
	}
	if more := len(without) - 3; more > 0 {
		without = append(without[:3], fmt.Sprintf("and %s more", countHosts(more)))
	}
	return "not as it was on " + strings.Join(without, ", ")
}
