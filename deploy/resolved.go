package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Resolved says what a docroot came to in one look.
type Resolved struct {
	// Docroot is the docroot as asked for, cleaned.
	Docroot string
	// Link is the symlink that a deploy flips, by its real path, or Docroot itself
	// where there is none.
	Link string
	// Release is the directory that Link leads to, and Name its name.
	Release, Name string
	// Below is the docroot below Link, as in "/public".
	Below string
	// ResolvedDocroot is the docroot below Release, and RealDocroot what that comes
	// to by way of symlinks inside the release.
	ResolvedDocroot, RealDocroot string
	// Spellings are the paths that lead to the release, the docroot's own first.
	Spellings []Spelling
	// Home is the real path of Release.
	Home string
	// Roof is a directory that has nothing but releases of the link: that of the
	// configuration, or one that is called "releases"; "" if none is known.
	Roof string
	// Doubt is an *AmbiguousError where another link may be the one that is
	// flipped, else nil.
	Doubt error
	// Fault is what an operator should mend: Doubt, or that there is no link; else nil.
	Fault error
	// Way is the whole of it.
	Way Way
}

// A Spelling is a path, [0], by which a site's files may be named, and what stands for
// it, [1], in one release.
type Spelling = [2]string

// HasLink says whether there is a symlink on the way. Without one nothing can flip,
// and requests run on the docroot as it is.
func (r *Resolved) HasLink() bool { return len(r.Way.Links) > 0 }

// Inspect resolves a docroot once, as a Resolver with these options would.
func Inspect(docroot string, opts Options) (Resolved, error) {
	r, err := resolve(docroot, opts.of(docroot))
	if err != nil {
		return r, fmt.Errorf("resolve docroot %s: %w", r.Docroot, err)
	}
	if fi, err := os.Stat(r.ResolvedDocroot); err != nil {
		return r, fmt.Errorf("resolve docroot %s: %w", r.Docroot, err)
	} else if !fi.IsDir() {
		return r, fmt.Errorf("resolve docroot %s: %s is not a directory", r.Docroot, r.ResolvedDocroot)
	}
	return r, nil
}

func resolve(docroot string, opts *Options) (Resolved, error) {
	r := Resolved{Docroot: filepath.Clean(docroot)}
	var err error
	if r.Way, err = Walk(docroot); err != nil {
		return r, err
	}
	r.RealDocroot = r.Way.End
	l, doubt := r.Way.Flipped(opts)
	r.Doubt, r.Fault = doubt, doubt
	if l == nil {
		r.Fault = r.NothingToFlip()
		r.Link, r.Release, r.ResolvedDocroot = r.Docroot, r.Way.End, r.Way.End
		r.Name, r.Home = nameOf(r.Release), r.Way.End
		r.Spellings = []Spelling{{r.Docroot, r.Release}}
		return r, nil
	}
	r.leadsBy(l, opts)
	r.ResolvedDocroot = r.Release + r.Below
	r.Spellings = r.spellings(l)
	return r, nil
}

// leadsBy takes a link for the one that is flipped.
func (r *Resolved) leadsBy(l *Link, opts *Options) {
	r.Link, r.Below, r.Release, r.Home = l.Path, l.Below, l.Leads, l.Leads
	if opts.Mode == Readlink && l.Leads != "" && !r.Way.hasLinkBehind(l) {
		r.Release = l.target()
	}
	r.Name = nameOf(r.Release)
	if tail := tailOf(l.Leads, nameOf(l.Leads)); tail == "" {
		dir := filepath.Dir(l.Leads)
		if filepath.Base(dir) == "releases" || opts.Releases != "" && opts.isRelease(l.Leads) {
			r.Roof = dir
		}
	}
}

// FindLink is Inspect for whoever is to flip: the docroot below the release need not
// be there, and the link may lead to nothing. Where it is not there yet, it is the
// first name on the way that is missing, and exists false. The error is an
// *AmbiguousError where several links could be meant.
func FindLink(docroot string, opts Options) (r Resolved, exists bool, err error) {
	its := opts.of(docroot)
	r, err = resolve(docroot, its)
	switch {
	case err == nil:
		return r, r.HasLink(), r.Doubt
	case r.Way.Missing == "":
		return r, false, fmt.Errorf("look for the link of docroot %s: %w", r.Docroot, err)
	}
	exists, err = r.findBroken(its)
	return r, exists, err
}

// findBroken finds the link of a way that ends before the docroot.
func (r *Resolved) findBroken(opts *Options) (exists bool, err error) {
	way := &r.Way
	open := len(way.Links) - 1 // the last link that leads to nothing
	for open >= 0 && way.Links[open].Leads != "" {
		open--
	}
	if open < 0 { // the docroot is missing in the release, or the link is
		i, err := way.flipped(opts)
		if i < 0 || way.sign(span{i, i}, opts) == noSign && way.after(opts.LinkAfter) < 0 {
			r.Link, r.Below = way.Missing, way.Below
			return false, nil
		}
		r.leadsBy(&way.Links[i], opts)
		return true, err
	}
	l := &way.Links[open]
	if way.Below != l.Below && slices.Contains(docrootNames, filepath.Base(l.Text)) {
		return false, fmt.Errorf("docroot %s passes the link %s, which leads through %s, and that is not there: make it first", r.Docroot, l.Path, way.Missing)
	}
	if filepath.Base(way.Missing) == "current" {
		r.Link, r.Below = way.Missing, way.Below
		return false, nil
	}
	chains := way.chains()
	chain := chains[slices.IndexFunc(chains, func(c span) bool { return c.first <= open && open <= c.last })]
	i, sure := way.inChain(chain, opts)
	if after := way.after(opts.LinkAfter); after >= 0 {
		i, sure = after, true
	}
	r.leadsBy(&way.Links[i], opts)
	if !sure {
		return true, way.ambiguous(upTo(chain))
	}
	return true, nil
}

func upTo(c span) (all []int) {
	for i := c.first; i <= c.last; i++ {
		all = append(all, i)
	}
	return all
}

// Tail is where in a release the link leads to: "/public" for htdocs ->
// releases/42/public, and "" if it leads to the release itself.
func (r *Resolved) Tail() string { return tailOf(r.Release, r.Name) }

func tailOf(release, name string) string {
	for dir := release; len(dir) > 1; dir = filepath.Dir(dir) {
		if filepath.Base(dir) == name { // the nearest to the end: sites/2/releases/2 has no tail
			return release[len(dir):]
		}
	}
	return ""
}

// Beside is another release of the same link as the one called name, by its name.
func Beside(release, name, other string) string {
	tail := tailOf(release, name)
	return filepath.Join(filepath.Dir(strings.TrimSuffix(release, tail)), other) + tail
}

// maxSpellings bounds how many spellings of one release are known.
const maxSpellings = 32

// spellings are the ways to name the link that the links on the way make: by itself,
// by any alias that leads to it or through it, and by each path above it.
func (r *Resolved) spellings(flipped *Link) []Spelling {
	var all []Spelling
	add := func(path, place string) {
		known := slices.ContainsFunc(all, func(s Spelling) bool { return s[0] == path })
		if !known && path != place && !strings.HasPrefix(path, place+"/") && len(all) < maxSpellings {
			all = append(all, Spelling{path, place})
		}
	}
	if flipped.As != "" {
		add(flipped.As, r.Release)
	}
	add(flipped.Path, r.Release)
	add(flipped.Leads, r.Release) // where one step is followed, and there are more
	for _, l := range r.Way.Links {
		if l.Leads != "" && below(l.Leads, flipped.Leads) && !below(l.Path, flipped.Leads) {
			place := r.Release + strings.TrimPrefix(l.Leads, flipped.Leads)
			if l.As != "" {
				add(l.As, place)
			}
			add(l.Path, place)
		}
	}
	for i := 0; i < len(all); i++ {
		for _, l := range r.Way.Links {
			if path := all[i][0]; l.Leads != "" && l.Path != path && below(path, l.Leads) && !below(l.Path, flipped.Leads) {
				add(l.Path+strings.TrimPrefix(path, l.Leads), all[i][1])
			}
		}
	}
	if r.Doubt != nil { // whichever it is, what it leads to is pinned
		for _, l := range r.Way.Links {
			add(l.Path, l.Leads)
		}
		slices.SortStableFunc(all, func(a, b Spelling) int { return len(b[0]) - len(a[0]) })
	}
	return all
}

// docrootNames are the names that a docroot below a release has, and never a release.
var docrootNames = []string{"public", "web", "htdocs", "html", "public_html", "webroot", "httpdocs", "www", "pub", "docroot"}

// nameOf is the name of a release: "42" for releases/42, and for a link that leads to
// releases/42/public.
func nameOf(release string) string {
	for dir := release; ; dir = filepath.Dir(dir) {
		name := filepath.Base(dir)
		if name == "/" || name == "." {
			return filepath.Base(release)
		}
		if !slices.Contains(docrootNames, name) {
			return name
		}
	}
}
