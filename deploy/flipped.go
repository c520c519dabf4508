package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An AmbiguousError is a way on which several links could be the one that deploys
// flip. To serve, the last of them does as well as any, since all of the way is
// pinned. To flip, somebody has to say which is meant.
type AmbiguousError struct {
	Docroot string
	Links   []string // that could be it
	After   []string // the link_after of each; "" if none tells it apart
}

func (e *AmbiguousError) Error() string {
	var choices []string
	for i, link := range e.Links {
		if e.After[i] != "" {
			choices = append(choices, fmt.Sprintf("link_after = %q for %s", e.After[i], link))
		} else {
			choices = append(choices, fmt.Sprintf("a docroot that is written by its real path for %s", link))
		}
	}
	return fmt.Sprintf("docroot %s passes several links, and which of them deploys flip cannot be told: %s; say which in the site's configuration: %s",
		e.Docroot, strings.Join(e.Links, ", "), strings.Join(choices, ", or "))
}

// Flipped gives the link of the way that a deploy flips: the last one that does
// not lie inside a release. Which directory is a release, opts.Slots and
// opts.Releases say, or else the signs of one (see sign). It is nil where the way
// has no link. With an *AmbiguousError it is the last that could be it.
func (w *Way) Flipped(opts *Options) (*Link, error) {
	i, err := w.flipped(opts)
	if i < 0 {
		return nil, err
	}
	return &w.Links[i], err
}

func (w *Way) flipped(opts *Options) (int, error) {
	if i := w.after(opts.LinkAfter); i >= 0 {
		return i, nil
	}
	chains := w.chains()
	if len(chains) == 0 {
		return -1, nil
	}
	var best []span
	found := -1
	for _, chain := range chains {
		sign := noSign
		if len(chains) > 1 { // else there is nothing to tell apart
			sign = w.sign(chain, opts)
		}
		switch {
		case sign > found:
			best, found = []span{chain}, sign
		case sign == found && sign > noSign && w.leadsThrough(best[len(best)-1], chain):
			best[len(best)-1] = chain
		case sign == found:
			best = append(best, chain)
		}
	}
	of, sure := w.inChain(best[len(best)-1], opts)
	if len(best) == 1 && sure {
		return of, nil
	}
	var could []int
	for _, chain := range best {
		could = append(could, upTo(chain)...)
	}
	return of, w.ambiguous(could)
}

// A span is a chain of links: all that each text says is the next one.
type span struct{ first, last int }

func (w *Way) chains() (chains []span) {
	for i, l := range w.Links {
		if n := len(chains); n > 0 && l.last && l.from == chains[n-1].last {
			chains[n-1].last = i
			continue
		}
		chains = append(chains, span{i, i})
	}
	return chains
}

// inChain gives the link of a chain that is flipped, and whether that is sure: in
// current -> A -> releases/12 it is current where one step is followed, and else
// either could be; in stable -> current -> releases/42 the last has the name that
// deploy tools give to theirs.
func (w *Way) inChain(c span, opts *Options) (int, bool) {
	for _, same := range []func(string) bool{opts.names, opts.isRelease} {
		for i := c.last; i >= c.first; i-- {
			if same(w.Links[i].target()) {
				return i, true
			}
		}
	}
	switch {
	case c.first == c.last:
		return c.last, true
	case opts.Mode == Readlink:
		return c.last - 1, true
	}
	return c.last, opts.isRelease(w.Links[c.last].Leads) || isCurrent(w.Links[c.last])
}

// leadsThrough says whether one chain is an alias of a place below the other's link.
func (w *Way) leadsThrough(c, other span) bool {
	return w.Links[other.first].from >= c.first && w.Links[other.first].from <= c.last &&
		below(w.Links[c.last].Leads, w.Links[other.last].Leads)
}

// What tells that a link leads to a release, from the weakest to the strongest.
const (
	noSign    = iota
	beside    // the release is below the directory that has the link
	siblings  // beside the release is another directory with the same way down
	isNamed   // the link has the name that deploy tools give it
	isWritten // the configuration names the release, or the directory of releases
)

func (w *Way) sign(c span, opts *Options) int {
	l := &w.Links[c.last]
	switch {
	case opts.isRelease(l.Leads) || slices.ContainsFunc(w.Links[c.first:c.last+1], func(l Link) bool { return opts.isRelease(l.target()) }):
		return isWritten
	case isCurrent(*l) || isCurrent(w.Links[c.first]):
		return isNamed
	case hasSibling(l.Leads, l.Below):
		return siblings
	case filepath.Dir(l.Path) != "/" && below(l.Leads, filepath.Dir(l.Path)):
		return beside
	}
	return noSign
}

func isCurrent(l Link) bool { return filepath.Base(l.Path) == "current" }

// names says whether the configuration has a directory as a slot, by this path.
func (o *Options) names(dir string) bool {
	return slices.ContainsFunc(o.Slots, func(slot string) bool { return filepath.Clean(slot) == dir })
}

// isRelease says whether the configuration makes a directory a release, by
// whichever path it has it.
func (o *Options) isRelease(dir string) bool {
	is := func(configured, dir string) bool {
		if filepath.Clean(configured) == dir {
			return true
		}
		real, err := filepath.EvalSymlinks(configured)
		return err == nil && real == dir
	}
	return dir != "" && (o.Releases != "" && is(o.Releases, filepath.Dir(dir)) ||
		slices.ContainsFunc(o.Slots, func(slot string) bool { return is(slot, dir) }))
}

// maxSiblings bounds how many directories are looked at for the sign.
const maxSiblings = 64

// hasSibling says whether beside a directory is another one with the same way down.
func hasSibling(dir, wayDown string) bool {
	if dir == "" || wayDown == "" {
		return false
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return false
	}
	defer parent.Close()
	entries, _ := parent.ReadDir(maxSiblings)
	for _, e := range entries {
		if !e.IsDir() || e.Name() == filepath.Base(dir) {
			continue
		}
		if fi, err := os.Stat(filepath.Join(filepath.Dir(dir), e.Name()) + wayDown); err == nil && fi.IsDir() {
			return true
		}
	}
	return false
}

// after gives the first link behind a directory, or behind a link; -1 for none. A
// link that is all that the text of another says comes before one that follows on
// the path.
func (w *Way) after(dir string) int {
	if dir == "" {
		return -1
	}
	dir = strings.TrimSuffix(filepath.Clean(dir), "/")
	at := slices.IndexFunc(w.Links, func(l Link) bool { return l.As == dir })
	if at >= 0 && at+1 < len(w.Links) && w.Links[at+1].last && w.Links[at+1].from == at {
		return at + 1
	}
	if strings.HasPrefix(w.Path, dir+"/") {
		if i := slices.IndexFunc(w.Links, func(l Link) bool { return len(l.As) > len(dir) }); i >= 0 {
			return i
		}
	}
	if at >= 0 && at+1 < len(w.Links) {
		return at + 1
	}
	return -1
}

// ambiguous says for each link that could be meant how to say so.
func (w *Way) ambiguous(could []int) error {
	e := &AmbiguousError{Docroot: w.Path}
	for _, i := range could {
		e.Links = append(e.Links, w.Links[i].Path)
		after := ""
		for at := len(w.Path); at > 0 && after == ""; at = strings.LastIndexByte(w.Path[:at], '/') {
			if w.after(w.Path[:at]) == i {
				after = w.Path[:at]
			}
		}
		e.After = append(e.After, after)
	}
	return e
}
