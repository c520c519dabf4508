package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layout makes directories and links below a directory of the test: "a/b/" is a directory, and "a -> b" a link.
func layout(t testing.TB, entries ...string) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path, text, isLink := strings.Cut(e, " -> ")
		if err := os.MkdirAll(filepath.Dir(root+"/"+path), 0o755); err != nil {
			t.Fatal(err)
		}
		if isLink {
			err = os.Symlink(strings.Replace(text, "ROOT", root, 1), root+"/"+path)
		} else {
			err = os.MkdirAll(root+"/"+path, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The layouts that are met, and in each the one link that a deploy flips.
func TestTheFlippedLinkIsTheLastOneThatIsNotInARelease(t *testing.T) {
	for _, tt := range []struct {
		name          string
		entries       []string
		docroot       string
		opts          Options
		link, release string
		called        string
		spellings     []string // of the release
	}{
		{
			"a link beside its releases",
			[]string{"shop/releases/42/public/", "shop/current -> releases/42"},
			"shop/current/public",
			Options{},
			"shop/current", "shop/releases/42", "42",
			[]string{"shop/current"},
		},
		{
			"a parent that is a link",
			[]string{"data/www/shop/releases/42/public/", "data/www/shop/live -> releases/42", "var/www -> ../data/www"},
			"var/www/shop/live/public",
			Options{},
			"data/www/shop/live", "data/www/shop/releases/42", "42",
			[]string{"var/www/shop/live", "data/www/shop/live"},
		},
		{
			"a link that leads through the link",
			[]string{"home/code/releases/42/public/", "home/code/current -> releases/42", "home/public_html -> code/current/public"},
			"home/public_html",
			Options{},
			"home/code/current", "home/code/releases/42", "42",
			[]string{"home/code/current", "home/public_html"},
		},
		{
			"an alias of the link",
			[]string{"shop/releases/42/public/", "shop/current -> releases/42", "shop/stable -> current"},
			"shop/stable/public",
			Options{},
			"shop/current", "shop/releases/42", "42",
			[]string{"shop/current", "shop/stable"},
		},
		{
			"an alias above an alias",
			[]string{"data/www/shop/releases/42/public/", "data/www/shop/current -> releases/42", "data/www/shop/stable -> current", "var/www -> ../data/www"},
			"var/www/shop/stable/public",
			Options{},
			"data/www/shop/current", "data/www/shop/releases/42", "42",
			[]string{"var/www/shop/stable", "data/www/shop/stable", "var/www/shop/current", "data/www/shop/current"},
		},
		{
			"a docroot that is a link inside the release",
			[]string{"shop/releases/42/web/", "shop/releases/42/public -> web", "shop/releases/41/public/", "shop/live -> releases/42"},
			"shop/live/public",
			Options{},
			"shop/live", "shop/releases/42", "42",
			[]string{"shop/live"},
		},
		{
			"releases on another disk, by a link",
			[]string{"mnt/ssd/releases/42/public/", "mnt/ssd/releases/41/public/", "srv -> mnt/ssd", "var/www/live -> ROOT/srv/releases/42"},
			"var/www/live/public",
			Options{},
			"var/www/live", "mnt/ssd/releases/42", "42",
			[]string{"var/www/live"},
		},
		{
			"a storage directory beside its link",
			[]string{"u/storage/www/shop/releases/42/public/", "u/storage/www/shop/releases/41/public/", "u/storage/www/shop/live -> releases/42", "u/www -> storage/www"},
			"u/www/shop/live/public",
			Options{},
			"u/storage/www/shop/live", "u/storage/www/shop/releases/42", "42",
			[]string{"u/www/shop/live", "u/storage/www/shop/live"},
		},
		{
			"a link to the docroot in the release",
			[]string{"shop/releases/42/public/", "shop/htdocs -> releases/42/public"},
			"shop/htdocs",
			Options{},
			"shop/htdocs", "shop/releases/42/public", "42",
			[]string{"shop/htdocs"},
		},
		{
			"a chain of which one step is followed",
			[]string{"shop/releases/12/public/", "shop/A -> releases/12", "shop/current -> A"},
			"shop/current/public",
			Options{Mode: Readlink},
			"shop/current", "shop/releases/12", "12",
			[]string{"shop/current", "shop/A"},
		},
		{
			"an alias of a link that leads to a slot",
			[]string{"shop/A/public/", "shop/B/public/", "shop/live -> A", "shop/stable -> live"},
			"shop/stable/public",
			Options{Slots: []string{"ROOT/shop/A", "ROOT/shop/B"}},
			"shop/live", "shop/A", "A",
			[]string{"shop/live", "shop/stable"},
		},
		{
			"the same, one step is followed",
			[]string{"shop/A/public/", "shop/B/public/", "shop/live -> A", "shop/stable -> live"},
			"shop/stable/public",
			Options{Mode: Readlink, Slots: []string{"ROOT/shop/A", "ROOT/shop/B"}},
			"shop/live", "shop/A", "A",
			[]string{"shop/live", "shop/stable"},
		},
		{
			"slots that are links",
			[]string{"shop/r/1/public/", "shop/A -> r/1", "shop/live -> A"},
			"shop/live/public",
			Options{Slots: []string{"ROOT/shop/A", "ROOT/shop/B"}},
			"shop/live", "shop/r/1", "1",
			[]string{"shop/live", "shop/A"},
		},
		{
			"a chain whose releases are known",
			[]string{"shop/releases/12/public/", "shop/A -> releases/12", "shop/live -> A"},
			"shop/live/public",
			Options{Releases: "ROOT/shop/releases"},
			"shop/A", "shop/releases/12", "12",
			[]string{"shop/live", "shop/A"},
		},
		{
			"link_after names a directory",
			[]string{"shop/releases/12/public/", "shop/A -> releases/12", "shop/live -> A"},
			"shop/live/public",
			Options{LinkAfter: "ROOT/shop"},
			"shop/live", "shop/releases/12", "12",
			[]string{"shop/live", "shop/A"},
		},
		{
			"link_after names a link",
			[]string{"shop/releases/12/public/", "shop/A -> releases/12", "shop/live -> A"},
			"shop/live/public",
			Options{LinkAfter: "ROOT/shop/live"},
			"shop/A", "shop/releases/12", "12",
			[]string{"shop/live", "shop/A"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := layout(t, tt.entries...)
			at := func(path string) string { return strings.Replace(path, "ROOT", root, 1) }
			tt.opts.LinkAfter, tt.opts.Releases = at(tt.opts.LinkAfter), at(tt.opts.Releases)
			for i, slot := range tt.opts.Slots {
				tt.opts.Slots[i] = at(slot)
			}
			got, err := Inspect(root+"/"+tt.docroot, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if got.Link != root+"/"+tt.link || got.Release != root+"/"+tt.release || got.Name != tt.called || got.Doubt != nil {
				t.Errorf("link %s, release %s, called %s, %v", got.Link, got.Release, got.Name, got.Doubt)
			}
			var spelled []string
			for _, s := range got.Spellings {
				if s[1] != got.Release && !strings.HasPrefix(s[1], got.Release+"/") {
					t.Errorf("%s is spelled %s", s[1], s[0])
				}
				if real, err := filepath.EvalSymlinks(s[0]); err != nil || !sameDir(t, real, s[1]) {
					t.Errorf("%s leads to %s, not to %s: %v", s[0], real, s[1], err)
				}
				spelled = append(spelled, strings.TrimPrefix(s[0], root+"/"))
			}
			for _, want := range tt.spellings {
				if !slices.Contains(spelled, want) {
					t.Errorf("%s is no spelling of the release, they are %q", want, spelled)
				}
			}
			if !sameDir(t, got.ResolvedDocroot, root+"/"+tt.docroot) {
				t.Errorf("the docroot is resolved to %s", got.ResolvedDocroot)
			}
		})
	}
}

func sameDir(t testing.TB, a, b string) bool {
	t.Helper()
	one, errA := os.Stat(a)
	two, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, two)
}

func TestALinkThatCannotBeToldIsRefusedWithWhatWouldDecide(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		docroot string
		links   []string
	}{
		{
			"a chain that is followed to its end",
			[]string{"shop/releases/12/public/", "shop/A -> releases/12", "shop/current -> A"},
			"shop/current/public",
			[]string{"shop/current", "shop/A"},
		},
		{
			"two links beside what they lead to",
			[]string{"u/storage/www/live/public/", "u/storage/www/shop -> live", "u/www -> storage/www"},
			"u/www/shop/public",
			[]string{"u/www", "u/storage/www/shop"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := layout(t, tt.entries...)
			_, _, err := FindLink(root+"/"+tt.docroot, Options{})
			var doubt *AmbiguousError
			if !errors.As(err, &doubt) {
				t.Fatalf("error %v", err)
			}
			for i, link := range tt.links {
				if doubt.Links[i] != root+"/"+link {
					t.Errorf("could be %q, want %q", doubt.Links, tt.links)
				}
				got, exists, err := FindLink(root+"/"+tt.docroot, Options{LinkAfter: doubt.After[i]})
				if err != nil || !exists || got.Link != root+"/"+link {
					t.Errorf("with link_after = %q it is %s: %v", doubt.After[i], got.Link, err)
				}
			}
			// What is served is pinned all the same.
			got, err := Inspect(root+"/"+tt.docroot, Options{})
			if err != nil || got.Doubt == nil || !sameDir(t, got.ResolvedDocroot, root+"/"+tt.docroot) {
				t.Errorf("served from %s, doubt %v: %v", got.ResolvedDocroot, got.Doubt, err)
			}
			if real, _ := filepath.EvalSymlinks(got.ResolvedDocroot); real != got.ResolvedDocroot {
				t.Errorf("%s is not pinned: it is %s", got.ResolvedDocroot, real)
			}
		})
	}
}

func TestTheLinkOfADocrootThatIsNotThere(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		docroot string
		link    string
		exists  bool
		release string
	}{
		{"before the first deploy", []string{"shop/releases/"}, "shop/current/public", "shop/current", false, ""},
		{"the same below an alias", []string{"data/www/shop/", "var/www -> ../data/www"}, "var/www/shop/current/public", "data/www/shop/current", false, ""},
		{"an alias of no link yet", []string{"shop/releases/1/", "shop/stable -> current"}, "shop/stable/public", "shop/current", false, ""},
		{"a link to nothing", []string{"shop/current -> releases/99"}, "shop/current/public", "shop/current", true, ""},
		{"a release without the docroot", []string{"shop/releases/42/", "shop/current -> releases/42"}, "shop/current/public", "shop/current", true, "shop/releases/42"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := layout(t, tt.entries...)
			got, exists, err := FindLink(root+"/"+tt.docroot, Options{})
			if err != nil || exists != tt.exists || got.Link != root+"/"+tt.link || strings.TrimPrefix(got.Release, root+"/") != tt.release || got.Below != "/public" {
				t.Errorf("link %s, exists %v, release %s, below %s: %v", got.Link, exists, got.Release, got.Below, err)
			}
		})
	}
	root := layout(t, "home/code/", "home/public_html -> code/current/public")
	if _, _, err := FindLink(root+"/home/public_html", Options{}); err == nil || !strings.Contains(err.Error(), root+"/home/code/current") {
		t.Errorf("a link that leads through one that is not there: %v", err)
	}
}

func TestADirectoryThatBarsTheWayIsNamed(t *testing.T) {
	if os.Geteuid() == 0 {
		text := barred("/root", os.ErrPermission).Error()
		if !strings.Contains(text, "/root bars the way: it is drwx------ and belongs to root:root") || !strings.Contains(text, "setfacl -m u:root:x /root") {
			t.Errorf("it says %s", text)
		}
		return
	}
	root := layout(t, "shop/releases/42/public/", "shop/current -> releases/42")
	if err := os.Chmod(root+"/shop", 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(root+"/shop", 0o700)
	_, err := Inspect(root+"/shop/current/public", Options{})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), root+"/shop bars the way: it is drw------- and belongs to ") {
		t.Errorf("error %v", err)
	}
}
