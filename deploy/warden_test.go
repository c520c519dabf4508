package deploy

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// wantRefused asks the warden, and wants a refusal that names what.
func wantRefused(t *testing.T, w *Warden, dir, want string) {
	t.Helper()
	_, err := w.MayClear(dir)
	if refusal := (*Refusal)(nil); !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", dir, err, want)
	}
}

func link(t *testing.T, text, path string) {
	t.Helper()
	if err := os.Symlink(text, path); err != nil {
		t.Fatal(err)
	}
}

func TestMayClear_WantsARecordThatFits(t *testing.T) {
	y := newYard(t, t.TempDir())
	w := y.warden()
	ours := y.made("1")
	y.permit(ours)
	mkdirs(t, y.dir+"/releases/by-hand")
	wantRefused(t, w, y.dir+"/releases/by-hand", "not made by realdocd deploy")
	link(t, ours, y.dir+"/releases/link")
	wantRefused(t, w, y.dir+"/releases/link", "no directory of its own")

	// A directory is itself, whatever its name.
	moved := y.dir + "/releases/2"
	if err := os.Rename(ours, moved); err != nil {
		t.Fatal(err)
	}
	mkdirs(t, ours)
	wantRefused(t, w, ours, "this is another one")
	wantRefused(t, w, moved, "not made by realdocd deploy")

	other := y.warden()
	other.Site = "blog"
	wantRefused(t, other, y.made("3"), "deploys of site shop")
}

// An inode's number is given again at once, as ext4 does.
func TestMayClear_TellsADirectoryFromTheNextOneWithItsInode(t *testing.T) {
	y := newYard(t, t.TempDir())
	path := y.made("1")
	for range 50 {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		mkdirs(t, path)
		wantRefused(t, y.warden(), path, "this is another one")
	}
}

func TestMayClear_BelievesOnlyWhoeverCouldRemoveTheDirectoryHimself(t *testing.T) {
	stack.NeedRoot(t, "giving files away")
	y := newYard(t, t.TempDir())
	path := y.made("1")
	file := y.dir + "/state/records/" + recordFile(path) + recordSuffix
	if err := os.Chown(file, 33, 33); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, y.warden(), path, "is not believed")
	if err := os.Chown(y.dir+"/releases", 33, 33); err != nil {
		t.Fatal(err)
	}
	y.permit(path)
	// Nor is another's record, by whatever name it is put there.
	second := y.made("2")
	if err := os.Rename(file, y.dir+"/state/records/"+recordFile(second)+recordSuffix); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, y.warden(), second, "has another's name")
	if err := os.RemoveAll(y.dir + "/state/records"); err != nil {
		t.Fatal(err)
	}
	link(t, "/etc", y.dir+"/state/records")
	if _, err := y.records.MakeDir(y.dir+"/releases/3", Record{Site: "shop"}); err == nil || exists(y.dir+"/releases/3") {
		t.Errorf("records went by a symlink: %v", err)
	}
}

func TestMayClear_RefusesWhatAnySiteUses(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.dir
	history := NewHistory(dir+"/state", "blog")
	for _, name := range []string{"live", "other", "pattern", "target", "back", "middle", "slot", "holds-link", "holds-slot", "holds-releases", "free", "shared", "readlink", "aliased"} {
		y.made(name)
	}
	at := func(name string) string { return dir + "/releases/" + name }
	mkdirs(t, dir+"/sites/a", dir+"/blog", at("holds-releases")+"/releases", at("holds-link")+"/public", dir+"/deep", dir+"/x")
	link(t, "releases/live", dir+"/current")
	link(t, at("other"), dir+"/blog/current")
	link(t, at("pattern"), dir+"/sites/a/current")
	link(t, "releases/target", dir+"/previous")
	link(t, at("free"), at("holds-link")+"/current")
	link(t, at("readlink"), dir+"/deep/A")
	link(t, "A", dir+"/deep/current")
	mkdirs(t, at("aliased")+"/in/it")
	link(t, at("aliased")+"/in/it", dir+"/x/alias")
	for _, release := range []string{"back", "other"} {
		if err := history.Add(Event{Time: time.Now(), Link: dir + "/blog/current", Release: at(release), By: "link"}); err != nil {
			t.Fatal(err)
		}
	}
	sites := []SiteOnDisk{
		{Name: "shop", Docroot: dir + "/current/public", Links: Options{Releases: dir + "/releases"}, Own: true, OwnLink: dir + "/current"},
		{Name: "blog", Docroot: dir + "/blog/current/public", History: history, Links: Options{Slots: []string{at("slot"), at("holds-slot") + "/A"}}, Shared: at("shared") + "/storage"},
		{Name: "many", Docroot: dir + "/sites/*/current/public"},
		{Name: "inner", Docroot: at("holds-link") + "/current/public"},
		{Name: "nested", Docroot: dir + "/none", Links: Options{Releases: at("holds-releases") + "/releases"}},
		{Name: "two steps", Docroot: dir + "/deep/current/public", Links: Options{Mode: Readlink}},
		{Name: "alias", Docroot: dir + "/none", Links: Options{Releases: dir + "/x/alias"}},
	}
	w := y.warden()
	for _, site := range sites {
		uses, err := site.Uses()
		if err != nil {
			t.Fatal(err)
		}
		w.Uses = append(w.Uses, uses...)
	}
	for name, want := range map[string]string{
		"live":           "the live release of site shop",
		"other":          "the live release of site blog",
		"pattern":        "of site many",
		"target":         "the symlink " + dir + "/previous",
		"back":           "the rollback target of site blog",
		"slot":           "a slot of site blog",
		"holds-link":     "of site inner",
		"holds-slot":     "it holds a slot of site blog",
		"holds-releases": "it holds the directory of releases of site nested",
		"shared":         "it holds shared_dir of site blog",
		"readlink":       "of site two steps",
		"aliased":        "releases of site alias",
	} {
		wantRefused(t, w, at(name), want)
	}
	if _, err := w.MayClear(at("middle")); err != nil {
		t.Errorf("what nobody uses: %v", err)
	}
	// A site's own docroot may be a directory, with the slots in it by mistake.
	uses, err := SiteOnDisk{Name: "plain", Docroot: dir + "/releases"}.Uses()
	if err != nil {
		t.Fatal(err)
	}
	w.Uses = uses
	wantRefused(t, w, at("middle"), "it lies in")

	w.Uses, w.Inside = nil, func(string) error { return errors.New("somebody is inside") }
	if _, err := w.MayClear(at("middle")); err == nil {
		t.Error("somebody is inside, and it may be removed")
	}
}

// needMounts skips where nothing can be mounted; in CI that is a failure.
func needMounts(t *testing.T, from, to, kind string, flags uintptr) {
	t.Helper()
	if err := unix.Mount(from, to, kind, flags, ""); err != nil {
		stack.Unproven(t, fmt.Sprintf("mount %s on %s: %v", from, to, err))
	}
	t.Cleanup(func() { unix.Unmount(to, unix.MNT_DETACH) })
}

func TestMayClear_RefusesWhatHasAMountInItAndWhatIsOne(t *testing.T) {
	y := newYard(t, t.TempDir())
	volume := t.TempDir()
	writeFile(t, volume+"/photo.jpg", "")
	bound := y.made("bound")
	mkdirs(t, bound+"/public/uploads")
	needMounts(t, volume, bound+"/public/uploads", "", unix.MS_BIND)
	wantRefused(t, y.warden(), bound, bound+"/public/uploads is a mount point")

	file := y.made("file")
	writeFile(t, file+"/.env", "")
	needMounts(t, volume+"/photo.jpg", file+"/.env", "", unix.MS_BIND)
	wantRefused(t, y.warden(), file, file+"/.env is a mount point")

	device := y.made("device")
	mkdirs(t, device+"/cache")
	needMounts(t, "none", device+"/cache", "tmpfs", 0)
	wantRefused(t, y.warden(), device, device+"/cache is a mount point")

	whole := y.made("whole")
	needMounts(t, whole, whole, "", unix.MS_BIND)
	wantRefused(t, y.warden(), whole, "it is a mount point")

	// The live release, by another name.
	live := y.made("live")
	elsewhere := t.TempDir()
	needMounts(t, y.dir+"/releases", elsewhere, "", unix.MS_BIND)
	link(t, elsewhere+"/live", y.dir+"/current")
	uses, err := SiteOnDisk{Name: "shop", Docroot: y.dir + "/current/public"}.Uses()
	if err != nil {
		t.Fatal(err)
	}
	w := y.warden()
	w.Uses = uses
	wantRefused(t, w, live, "of site shop")
}

// Whoever mounts something between the look and the removal loses nothing.
func TestRemove_EntersNoMountThatCameLater(t *testing.T) {
	y := newYard(t, t.TempDir())
	volume := t.TempDir()
	writeFile(t, volume+"/photo.jpg", "")
	path := y.made("1")
	mkdirs(t, path+"/public/uploads")
	permit := y.permit(path)
	needMounts(t, volume, path+"/public/uploads", "", unix.MS_BIND)
	if err := permit.Remove(y.records); err == nil {
		t.Error("a release with a mount in it is removed")
	}
	unix.Unmount(y.dir+"/releases/.1.removing/public/uploads", unix.MNT_DETACH)
	if !exists(volume + "/photo.jpg") {
		t.Error("what was mounted is lost")
	}
}

// Nor is another directory removed that has got its name meanwhile.
func TestRemove_RemovesTheDirectoryThatWasLookedAt(t *testing.T) {
	y := newYard(t, t.TempDir())
	path := y.made("1")
	permit := y.permit(path)
	if err := os.Rename(path, y.dir+"/aside"); err != nil {
		t.Fatal(err)
	}
	mkdirs(t, path)
	writeFile(t, path+"/precious", "")
	if err := permit.Remove(y.records); err == nil {
		t.Error("another directory is removed")
	}
	if !exists(path + "/precious") {
		t.Error("the file is lost")
	}
}

func TestRemove_FollowsNoSymlink(t *testing.T) {
	y := newYard(t, t.TempDir())
	shared := t.TempDir()
	writeFile(t, shared+"/photo.jpg", "")
	path := y.made("1")
	link(t, shared, path+"/public/uploads")
	if err := y.permit(path).Remove(y.records); err != nil {
		t.Fatal(err)
	}
	if !exists(shared + "/photo.jpg") {
		t.Error("what a symlink leads to is lost")
	}
}
