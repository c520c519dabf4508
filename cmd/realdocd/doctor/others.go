package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"realdocd/incpath"
)

// others are the releases of a link beside the live one, those that are gone included.
type others struct {
	roofs []string        // the directory that has nothing but releases, in each spelling; none if it is not known
	own   string          // the live release's name in it
	slots []string        // the other slots
	names map[string]bool // what lies beside the release and looks like it, without a roof
	dir   string          // where those are
	there []string        // the names of directories there, but for the live release's
}

func othersOf(p *root) (o others) {
	home := strings.TrimSuffix(p.Release, p.Tail())
	o.dir, o.own = filepath.Dir(home), filepath.Base(home)
	for _, slot := range p.site.Slots {
		if filepath.Clean(slot) != home {
			o.slots = append(o.slots, filepath.Clean(slot))
		}
	}
	beside, _ := os.ReadDir(o.dir) // what may not be read is not known
	for _, entry := range beside {
		if entry.IsDir() && entry.Name() != o.own {
			o.there = append(o.there, entry.Name())
		}
	}
	if filepath.Base(o.dir) == "releases" || p.site.Releases != "" && filepath.Clean(p.site.Releases) == o.dir {
		o.roofs = []string{o.dir}
		at := filepath.Dir(p.Link)
		for _, name := range p.namesOf() {
			if below := strings.TrimPrefix(o.dir, at); filepath.Base(name) == filepath.Base(p.Link) && incpath.Inside(o.dir, at) && !slices.Contains(o.roofs, filepath.Dir(name)+below) {
				o.roofs = append(o.roofs, filepath.Dir(name)+below)
			}
		}
		return o
	}
	docroot := p.Tail() + p.Below
	if docroot == "" {
		return o // everything beside it could be anything
	}
	o.names = map[string]bool{}
	for _, name := range o.there {
		if fi, err := os.Stat(filepath.Join(o.dir, name) + docroot); err == nil && fi.IsDir() {
			o.names[name] = true
		}
	}
	return o
}

// has says whether a name below the roof is another release's.
func (o *others) has(name string) bool { return name != o.own && name != "." && name != ".." }

// hold says whether a clean path is inside of another release.
func (o *others) hold(path string) bool {
	if below(path, o.slots) {
		return true
	}
	if !incpath.Inside(path, o.dir) || path == o.dir {
		return false
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(path, o.dir+"/"), "/")
	if slices.Contains([]string{"", ".", ".."}, name) {
		return false
	}
	return len(o.roofs) > 0 && o.has(name) || o.names[name]
}

// holdNow says whether a clean path is inside of another release that is there. Code that
// was written for another place may go up as far by itself.
func (o *others) holdNow(path string) bool {
	return o.hold(path) && slices.ContainsFunc(o.there, func(name string) bool { return incpath.Inside(path, filepath.Join(o.dir, name)) })
}
