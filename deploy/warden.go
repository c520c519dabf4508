package deploy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
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
// removed: it is not a symlink; it has a record that fits; no mount point is in it, nor
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
