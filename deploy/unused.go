package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Use is a directory, or a link, that somebody counts on.
type Use struct {
	Path string
	Kind UseKind
	// What it is, as in "the live release of site shop".
	What string
	// Around is set where it may lie around what is removed: the directory of
	// releases holds each of them.
	Around bool
}

// UseKind says what a Use is.
type UseKind int

// What a deploy must not read its source from comes first.
const (
	UseSlot UseKind = iota
	UseReleases
	UseLive
	UseOther
)

// A Refusal says why a directory is neither emptied nor removed, and what to do.
type Refusal struct{ Dir, Why, Do string }

func (r *Refusal) Error() string { return r.Dir + " is left as it is: " + r.Reason() }

// Reason is the error without the directory.
func (r *Refusal) Reason() string {
	if r.Do == "" {
		return r.Why
	}
	return r.Why + ": " + r.Do
}

// A Warden is asked before a directory is emptied or removed. It says yes to what
// deploy has made and nobody uses.
type Warden struct {
	Records *Records
	// Site is the site whose deploy asks. A directory of another's record is not its own.
	Site string
	Uses []Use
	// Inside fails where somebody may be inside a directory.
	Inside func(dir string) error
}

// A Permit is a Warden's yes for one directory. Fill and Remove want one.
type Permit struct {
	Record Record
	dir    string
}

// Dir is the directory that may be emptied or removed.
func (p *Permit) Dir() string { return p.dir }

// MayClear is the one place that decides whether a directory may be emptied or
// removed: it is no symlink; it has a record that fits; no mount point is in it, nor
// is it one; nothing in it, around it or at it is used by any site; and nobody is
// inside. The error is a *Refusal, or says what could not be looked at.
func (w *Warden) MayClear(dir string) (*Permit, error) {
	dir = filepath.Clean(dir)
	refuse := func(do, format string, args ...any) (*Permit, error) {
		return nil, &Refusal{dir, fmt.Sprintf(format, args...), do}
	}
	t, err := openTree(dir)
	switch {
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR):
		return refuse("remove it, or name another directory", "it is no directory of its own")
	case err != nil:
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	defer t.dir.Close()
	rec, err := w.Records.Of(dir)
	switch {
	case err != nil:
		return refuse("", "%v", err)
	case rec == nil:
		return refuse("see realdocd-deploy(7)", "it was not made by realdocd deploy")
	case !rec.known():
		if rec, err = w.finishMaking(t, *rec); err != nil {
			return nil, err
		}
	case !rec.Is(identityOf(t.stat)):
		return refuse("see realdocd-deploy(7)", "realdocd deploy has made a directory of that name, and this is another one (%v, not %v)", identityOf(t.stat), rec.Identity)
	}
	if rec.Site != w.Site {
		return refuse("deploy that site, or give this one a directory of its own", "it was made by deploys of site %s", rec.Site)
	}
	if isMountPoint(t.stat, t.above.Mnt_id) || t.stat.Dev_major != t.above.Dev_major || t.stat.Dev_minor != t.above.Dev_minor {
		return refuse("umount it first", "it is a mount point, or on another device than its directory")
	}
	err = t.walk(func(string, unix.Statx_t) (bool, error) { return true, nil })
	if m := (mounted{}); errors.As(err, &m) {
		return refuse("umount it first, and keep volumes outside of releases, as with shared", "%v", m)
	}
	if err != nil {
		return nil, fmt.Errorf("look at what is in %s: %w", dir, err)
	}
	if err := w.unused(dir, t); err != nil {
		return nil, err
	}
	if w.Inside != nil {
		if err := w.Inside(dir); err != nil {
			return nil, err
		}
	}
	return &Permit{*rec, dir}, nil
}

// finishMaking takes a directory that a killed deploy was about to make, and that is
// empty.
func (w *Warden) finishMaking(t *tree, rec Record) (*Record, error) {
	if empty, err := isEmptyDir(t.path); err != nil || !empty {
		return nil, &Refusal{t.path, "a deploy was killed while it made it, and somebody has put something in it", "look at what it is, and remove it"}
	}
	rec.Identity = identityOf(t.stat)
	return &rec, w.Records.Put(rec)
}

// unused refuses what any site uses.
func (w *Warden) unused(dir string, t *tree) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	own := identityOf(t.stat)
	above, err := identitiesAbove(real)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	seen := map[string]Identity{}
	for _, use := range w.Uses {
		relation := ""
		switch id, there := identityIn(seen, use.Path); {
		case there && id.same(own):
			relation = "it is"
		case holds(seen, own, use.Path) || holds(seen, own, realOf(use.Path)) || holdsText(real, use.Path):
			relation = "it holds"
		case !use.Around && there && above[id.key()]:
			relation = "it lies in"
		default:
			continue
		}
		return &Refusal{dir, fmt.Sprintf("%s %s, %s", relation, use.What, use.Path), "flip, move or configure that elsewhere first"}
	}
	return nil
}

// SourceIn names the slot or the release that a deploy's source is, lies in or holds:
// deploys overwrite and remove those.
func SourceIn(source string, uses []Use) error {
	t, err := openTree(source)
	if err != nil {
		return err
	}
	defer t.dir.Close()
	var places []Use
	for _, use := range uses {
		if use.Kind != UseOther {
			use.Around = false
			places = append(places, use)
		}
	}
	err = (&Warden{Uses: places}).unused(source, t)
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return fmt.Errorf("%s, which deploys change: take a directory of its own", r.Why)
	}
	return err
}

func (i Identity) key() [2]uint64 { return [2]uint64{i.Device, i.Inode} }

// identitiesAbove are the directories that a path lies in.
func identitiesAbove(real string) (map[[2]uint64]bool, error) {
	above := map[[2]uint64]bool{}
	for dir := real; dir != "/"; {
		dir = filepath.Dir(dir)
		id, err := IdentityOf(dir)
		if err != nil {
			return nil, err
		}
		above[id.key()] = true
	}
	return above, nil
}

// identityIn is that of a path, remembered in seen.
func identityIn(seen map[string]Identity, path string) (Identity, bool) {
	id, ok := seen[path]
	if !ok {
		id, _ = IdentityOf(path) // the zero one where it is not there
		seen[path] = id
	}
	return id, id.known()
}

// holds says whether a path lies in a directory, however either is written: a bind
// mount has the same directory under two names.
func holds(seen map[string]Identity, dir Identity, path string) bool {
	for path != "/" && path != "." {
		path = filepath.Dir(path)
		if id, there := identityIn(seen, path); there && id.same(dir) {
			return true
		}
	}
	return false
}

// realOf is the real path of what need not be there.
func realOf(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil || path == "/" {
		return real
	}
	return filepath.Join(realOf(filepath.Dir(path)), filepath.Base(path))
}

// holdsText is holds for a path that is not there.
func holdsText(dir, path string) bool { return strings.HasPrefix(filepath.Clean(path), dir+"/") }

// A SiteOnDisk is what a site's configuration says of directories.
type SiteOnDisk struct {
	Name string
	// Docroot may be a pattern.
	Docroot string
	// Links says how its links are looked at, with Slots and Releases.
	Links      Options
	Shared     string
	ExtraRoots []string
	History    *History // nil where none is kept
	// Own is set for the site that deploys, OwnLink is the link that it flips, and OwnSlot
	// the slot that it fills; these are its to change.
	Own              bool
	OwnLink, OwnSlot string
}

// Uses lists what a site counts on, its docroots expanded on disk.
func (s SiteOnDisk) Uses() (uses []Use, err error) {
	for _, slot := range s.Links.Slots {
		if !s.Own || filepath.Clean(slot) != filepath.Clean(s.OwnSlot) {
			uses = append(uses, s.use(UseSlot, slot, "a slot"))
		}
	}
	if s.Links.Releases != "" {
		releases := s.use(UseReleases, s.Links.Releases, "the directory of releases")
		releases.Around = s.Own && s.OwnSlot == ""
		uses = append(uses, releases)
	}
	if s.Shared != "" {
		uses = append(uses, s.use(UseOther, s.Shared, "shared_dir"))
	}
	for _, dir := range s.ExtraRoots {
		root := s.use(UseOther, dir, "a directory of extra_roots")
		root.Around = true
		uses = append(uses, root)
	}
	docroots, err := Docroots(s.Docroot)
	if err != nil {
		return nil, err
	}
	for _, docroot := range docroots {
		of, err := s.docrootUses(docroot)
		if err != nil {
			return nil, err
		}
		uses = append(uses, of...)
	}
	return uses, nil
}

func (s SiteOnDisk) use(kind UseKind, path, what string) Use {
	return Use{Path: path, Kind: kind, What: what + " of site " + s.Name}
}

// docrootUses are the links on a docroot's way, what they and the links beside them
// lead to, and the release that a rollback would go to.
func (s SiteOnDisk) docrootUses(docroot string) (uses []Use, err error) {
	found, exists, _ := FindLink(docroot, s.Links) // what of the way there is counts
	if exists && found.Release != "" {
		uses = append(uses, s.use(UseLive, found.Release, "the live release"))
	}
	if found.Way.End != "" {
		uses = append(uses, s.use(UseOther, found.Way.End, "the docroot "+docroot))
	}
	for _, link := range found.Way.Links {
		uses = append(uses, s.use(UseOther, link.Path, "the link"))
		// Two steps behind one another each lead to what is in use.
		uses = append(uses, s.use(UseOther, link.target(), "what "+link.Path+" leads to, the way"))
		uses = append(uses, besideUses(link.Path, s.Name)...)
	}
	// The slot that is filled is where a rollback of its own link would go.
	if !exists || s.History == nil || s.Own && s.OwnSlot != "" && found.Link == s.OwnLink {
		return uses, nil
	}
	events, err := s.History.Of(found.Link)
	if err != nil {
		return nil, err
	}
	if back, ok := Previous(events, found.Link, found.Release, Gone); ok {
		uses = append(uses, s.use(UseOther, back.Release, "the rollback target"))
	}
	return uses, nil
}

// Gone says why a release cannot be gone back to that is not there.
func Gone(e Event) string {
	if fi, err := os.Stat(e.Release); err != nil || !fi.IsDir() {
		return "it is gone"
	}
	return ""
}

// besideUses are what the symlinks beside a link lead to: "previous -> releases/41".
func besideUses(link, site string) (uses []Use) {
	entries, err := os.ReadDir(filepath.Dir(link))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(link), e.Name())
		if e.Type()&fs.ModeSymlink == 0 || path == link || path == hidden(link, "realdocd-next") {
			continue
		}
		if target, err := filepath.EvalSymlinks(path); err == nil {
			uses = append(uses, Use{target, UseOther, "what the symlink " + path + " leads to, beside the link of site " + site, true})
		}
	}
	return uses
}

// Docroots are those of a pattern that are on disk; of a docroot that is written
// out it is that.
func Docroots(pattern string) ([]string, error) {
	pattern = filepath.Clean(pattern)
	if !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}, nil
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("look for the docroots %s: %w", pattern, err)
	}
	return found, nil
}
