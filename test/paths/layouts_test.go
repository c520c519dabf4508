package paths

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

//go:embed php
var pages embed.FS

// A layout is how links lead to a site. All its paths are below a directory of the test.
type layout struct {
	name string
	// docroot is as the configuration has it, and link what a deploy flips, by its real path; below is the
	// docroot below the link.
	docroot, link, below string
	// releases are the directories of the two releases, and texts what the link says for each.
	releases, texts [2]string
	// links are those that stay, as "path -> text"; ROOT is the test's directory.
	links []string
	keys  stack.Keys // of the site
}

var layouts = []layout{
	{
		name: "link beside its releases", docroot: "shop/current/public", link: "shop/current", below: "/public",
		releases: [2]string{"shop/releases/1", "shop/releases/2"}, texts: [2]string{"releases/1", "releases/2"},
	},
	{
		name: "link with an absolute text", docroot: "shop/live", link: "shop/live",
		releases: [2]string{"srv/rel-1", "srv/rel-2"}, texts: [2]string{"ROOT/srv/rel-1", "ROOT/srv/rel-2"},
	},
	{
		name: "parent that is a link", docroot: "var/www/shop/live/public", link: "data/www/shop/live", below: "/public",
		releases: [2]string{"data/www/shop/releases/1", "data/www/shop/releases/2"}, texts: [2]string{"releases/1", "releases/2"},
		links: []string{"var/www -> ../data/www"},
	},
	{
		name: "alias of the link", docroot: "shop/stable/public", link: "shop/current", below: "/public",
		releases: [2]string{"shop/releases/1", "shop/releases/2"}, texts: [2]string{"releases/1", "releases/2"},
		links: []string{"shop/stable -> current"},
	},
	{
		name: "link through the link", docroot: "home/public_html", link: "home/code/current", below: "/public",
		releases: [2]string{"home/code/releases/1", "home/code/releases/2"}, texts: [2]string{"releases/1", "releases/2"},
		links: []string{"home/public_html -> code/current/public"},
	},
	{
		name: "chain, one step followed", docroot: "shop/current/public", link: "shop/current", below: "/public",
		releases: [2]string{"shop/builds/1", "shop/builds/2"}, texts: [2]string{"A", "B"},
		links: []string{"shop/A -> builds/1", "shop/B -> builds/2"}, keys: stack.Keys{"resolve": "readlink"},
	},
	{
		name: "chain, followed to its end", docroot: "shop/live/public", link: "shop/A", below: "/public",
		releases: [2]string{"shop/builds/1", "shop/builds/2"}, texts: [2]string{"builds/1", "builds/2"},
		links: []string{"shop/live -> A"},
	},
	{
		name: "slots behind an alias", docroot: "shop/stable/public", link: "shop/live", below: "/public",
		releases: [2]string{"shop/A", "shop/B"}, texts: [2]string{"A", "B"},
		links: []string{"shop/stable -> live"}, keys: stack.Keys{"slots": []string{"ROOT/shop/A", "ROOT/shop/B"}},
	},
	{
		name: "releases on another disk", docroot: "var/live/public", link: "var/live", below: "/public",
		releases: [2]string{"mnt/ssd/rel/1", "mnt/ssd/rel/2"}, texts: [2]string{"ROOT/srv/rel/1", "ROOT/srv/rel/2"},
		links: []string{"srv -> mnt/ssd"},
	},
	{
		name: "link into a release", docroot: "shop/htdocs", link: "shop/htdocs",
		releases: [2]string{"shop/releases/1/public", "shop/releases/2/public"}, texts: [2]string{"releases/1/public", "releases/2/public"},
	},
	{
		name: "docroot that is a link in the release", docroot: "shop/current/public", link: "shop/current", below: "/public",
		releases: [2]string{"shop/releases/1", "shop/releases/2"}, texts: [2]string{"releases/1", "releases/2"},
		links: []string{"shop/releases/1/public -> web", "shop/releases/2/public -> web"},
	},
	{
		name: "names with a space, % and +", docroot: "my site/current/public", link: "my site/current", below: "/public",
		releases: [2]string{"my site/releases/1 50%+", "my site/releases/2 50%25é"}, texts: [2]string{"releases/1 50%+", "releases/2 50%25é"},
	},
}

// A place is a layout on disk.
type place struct {
	layout
	root string
}

// lay makes the directories, links and files of a layout below root. Every release has
//
//	public/index.php, public/admin/index.php, tools/index.php   the page
//	lib/part_0.php …                                            each returns the number of the release
//	boot.php                                                    is prepended
//
// where public is the docroot below the link, and all of it is in the release's directory if that is "".
func lay(t testing.TB, root string, l layout) *place {
	t.Helper()
	p := &place{l, root}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	page, err := pages.ReadFile("php/index.php")
	must(err)
	for i, release := range p.releases {
		public := p.below
		if slices.ContainsFunc(p.links, func(link string) bool { return strings.HasPrefix(link, release+p.below+" -> ") }) {
			public = "/web"
		}
		files := map[string]string{
			public + "/index.php": string(page), public + "/admin/index.php": string(page), "/tools/index.php": string(page),
			"/boot.php": "<?php $GLOBALS['boot'] = __FILE__;",
		}
		for n := range 12 {
			files[fmt.Sprintf("/lib/part_%d.php", n)] = fmt.Sprintf("<?php return '%d';", i+1)
		}
		for name, text := range files {
			file := filepath.Join(root, release+name)
			must(os.MkdirAll(filepath.Dir(file), 0o755))
			must(os.WriteFile(file, []byte(text), 0o644))
		}
	}
	for _, link := range append(p.links, "via -> .") {
		path, text, _ := strings.Cut(link, " -> ")
		must(os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		must(os.Symlink(text, filepath.Join(root, path)))
	}
	must(os.MkdirAll(filepath.Dir(filepath.Join(root, p.link)), 0o755))
	must(os.MkdirAll(root+"/pma", 0o755))
	must(os.WriteFile(root+"/pma/index.php", page, 0o644))
	must(p.flip(0))
	return p
}

// at is a path below the root.
func (p *place) at(path string) string { return strings.TrimSuffix(p.root+"/"+path, "/") }

// beside is the docroot's own spelling of a directory of the release; the link's where it has none.
func (p *place) beside(dir string) string {
	if above, ok := strings.CutSuffix(p.docroot, p.below); ok {
		return p.at(above + dir)
	}
	return p.at(p.link + dir)
}

// flip points the link to a release.
func (p *place) flip(i int) error {
	next := p.at(p.link) + ".next"
	if err := os.Symlink(strings.ReplaceAll(p.texts[i], "ROOT", p.root), next); err != nil {
		return err
	}
	return os.Rename(next, p.at(p.link))
}

// flipEvery flips until stop is closed, and tells how often.
func (p *place) flipEvery(t testing.TB, period time.Duration, stop <-chan struct{}) (flips int) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return flips
		case <-tick.C:
		}
		flips++
		if err := p.flip(flips % 2); err != nil {
			t.Errorf("flip %d: %v", flips, err)
			return flips
		}
	}
}

// releaseOf is the release, 1 or 2, that each path of a list names: "1", "2", "1+2", or "the link" for one that
// leads to whichever is live; "" for none of all.
func (p *place) releaseOf(list string) string {
	var found []string
	add := func(name string) {
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for _, rest := range strings.Split(list, p.root+"/")[1:] {
		rest, _, _ = strings.Cut(rest, ":")
		is := func(dir string) bool { return rest == dir || strings.HasPrefix(rest, dir+"/") }
		switch {
		case is(p.releases[0]) || p.texts[0] == "A" && is("shop/A") && p.link != "shop/A":
			add("1")
		case is(p.releases[1]) || p.texts[1] == "B" && is("shop/B"):
			add("2")
		case !is("pma"):
			add("the link")
		}
	}
	return strings.Join(found, "+")
}
