package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What a directory that deploy has made is for.
const (
	KindSlot    = "slot"
	KindRelease = "release"
)

// A Record says that deploy has made a directory. Without one that fits, nothing
// is emptied or removed. Its JSON is one small file in state_dir.
type Record struct {
	Kind string `json:"kind"`
	// Path is the directory's real path; a release that is being filled or removed
	// has a hidden name beside it meanwhile.
	Path string `json:"path"`
	Site string `json:"site"`
	Link string `json:"link"`
	// By is who has made it, Made when; Adopted is set where deploy was told to take
	// what was there for its own.
	By      string    `json:"by"`
	Made    time.Time `json:"made"`
	Adopted bool      `json:"adopted,omitempty"`
	// Begun is when the last fill began, Filled when it was complete: zero, or
	// before Begun, where it was not.
	Begun  time.Time `json:"begun,omitzero"`
	Filled time.Time `json:"filled,omitzero"`
	// Lived is when a verb of realdocd made it live last.
	Lived time.Time `json:"lived,omitzero"`
	// Fetched is when somebody began last to bring it from elsewhere, as a fleet does; zero
	// for what a deploy fills.
	Fetched time.Time `json:"fetched,omitzero"`
	// Preparing is set while the deploy's commands and its warm-up run in it, to the last
	// moment at which they did: what was written up to then is theirs.
	Preparing time.Time `json:"preparing,omitzero"`
	// Identity is that of the directory; zero while it is being made.
	Identity
}

// Records are the files of a state_dir's records. They are of no use to PHP, which
// may own state_dir, to have something removed: one is believed only where
// its owner could remove the directory himself.
type Records struct{ stateDir string }

// NewRecords names the records of a state_dir. They are made when needed.
func NewRecords(stateDir string) *Records { return &Records{stateDir} }

const (
	recordsDir     = "records"
	recordSuffix   = ".json"
	manifestSuffix = ".manifest"
	contentSuffix  = ".content"
)

// canonical is the real path of a directory that need not be there; a release
// that is being filled or removed has that of its name.
func canonical(dir string) (string, error) {
	dir = filepath.Clean(dir)
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	base := filepath.Base(dir)
	for _, suffix := range []string{partialSuffix, removingSuffix} {
		if name, ok := strings.CutSuffix(base, suffix); ok && strings.HasPrefix(name, ".") {
			base = name[1:]
		}
	}
	return filepath.Join(parent, base), nil
}

// file is the name of a record's file.
func recordFile(path string) string {
	sum := sha256.Sum256([]byte(path))
	readable := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '/' {
			return r
		}
		return '_'
	}, filepath.Base(path))
	return readable[:min(len(readable), 80)] + "-" + hex.EncodeToString(sum[:8])
}

func (r *Records) open(create bool) (*safeDir, error) {
	if r.stateDir == "" {
		return nil, errors.New(`no records are kept, since state_dir is "": deploy needs them to know which directories are its own; set state_dir`)
	}
	d, err := openSafeDir(r.stateDir, create, recordsDir)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: run it as root, or give the directory to who deploys: install -d -o USER %s/%s", err, r.stateDir, recordsDir)
	}
	return d, err
}

// Of is the record of a directory; nil if there is none that can be believed.
// It says nothing about what is there now.
func (r *Records) Of(dir string) (*Record, error) {
	path, err := canonical(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the record of %s: %w", dir, err)
	}
	d, err := r.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the record of %s: %w", dir, err)
	}
	defer d.Close()
	return readRecord(d, recordFile(path)+recordSuffix, path)
}

// readRecord reads the record of a path, "" for whichever.
func readRecord(d *safeDir, name, path string) (*Record, error) {
	text, owner, err := d.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a record: %w", err)
	}
	var rec Record
	if err := json.Unmarshal(text, &rec); err != nil {
		return nil, fmt.Errorf("read the record %s: %w", filepath.Join(d.path, name), err)
	}
	if path != "" && rec.Path != path || recordFile(rec.Path)+recordSuffix != name {
		return nil, fmt.Errorf("the record %s is of %s, and has another's name: remove it", filepath.Join(d.path, name), rec.Path)
	}
	if !mayRecord(owner, rec.Path) {
		file := filepath.Join(d.path, name)
		return nil, fmt.Errorf("the record %[1]s is not believed: it belongs to user %[2]d, who may not remove %[3]s; look at what it says, and if that is right: chown root %[1]s", file, owner, rec.Path)
	}
	return &rec, nil
}

// mayRecord says whether a record that belongs to a user proves something: he is
// root, or us, or the one who could do as he likes with the directory anyway.
func mayRecord(owner uint32, path string) bool {
	var st unix.Stat_t
	return owner == 0 || owner == uint32(os.Geteuid()) || unix.Stat(filepath.Dir(path), &st) == nil && st.Uid == owner
}

// Put writes a record.
func (r *Records) Put(rec Record) error {
	d, err := r.open(true)
	if err != nil {
		return fmt.Errorf("record %s: %w", rec.Path, err)
	}
	defer d.Close()
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return fmt.Errorf("record %s: %w", rec.Path, err)
	}
	if err := d.write(recordFile(rec.Path)+recordSuffix, append(text, '\n')); err != nil {
		return fmt.Errorf("record %s: %w", rec.Path, err)
	}
	return nil
}

// Forget removes the record of a directory, what its fill brought, and what was in it.
func (r *Records) Forget(path string) error {
	d, err := r.open(false)
	if err != nil {
		return fmt.Errorf("forget the record of %s: %w", path, err)
	}
	defer d.Close()
	file := recordFile(path)
	if err := errors.Join(d.remove(file+contentSuffix), d.remove(file+manifestSuffix), d.remove(file+recordSuffix)); err != nil {
		return fmt.Errorf("forget the record of %s: %w", path, err)
	}
	return nil
}

// All are the records that can be believed.
func (r *Records) All() ([]Record, error) {
	d, err := r.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the records: %w", err)
	}
	defer d.Close()
	names, err := d.names(recordSuffix)
	if err != nil {
		return nil, fmt.Errorf("read the records: %w", err)
	}
	var all []Record
	for _, name := range names {
		if rec, err := readRecord(d, name, ""); err == nil && rec != nil {
			all = append(all, *rec)
		}
	}
	return all, nil
}

// MakeDir makes a directory that is not there, or takes one that is empty, with its
// record. Killed in between, it leaves an empty directory, which the next one takes.
func (r *Records) MakeDir(dir string, rec Record) (*Record, error) {
	path, err := canonical(dir)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	rec.Path, rec.Identity = path, Identity{}
	if err := r.Put(rec); err != nil {
		return nil, err
	}
	step("before the directory is made")
	err = asOwnerOf(filepath.Dir(dir), func(at string) error { return os.Mkdir(filepath.Join(at, filepath.Base(dir)), 0o755) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make a release: %w", err)
	}
	step("before the directory is recorded")
	empty, err := isEmptyDir(dir)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	if !empty {
		return nil, fmt.Errorf("make %s: somebody has put something there meanwhile", dir)
	}
	if rec.Identity, err = IdentityOf(dir); err != nil {
		return nil, fmt.Errorf("make a release: %w", err)
	}
	return &rec, r.Put(rec)
}

// isEmptyDir says whether dir is a directory, and not a symlink, with nothing in it.
func isEmptyDir(dir string) (bool, error) {
	t, err := openTree(dir)
	if err != nil {
		return false, err
	}
	defer t.dir.Close()
	if isMountPoint(t.stat, t.above.Mnt_id) {
		return false, mounted{dir}
	}
	names, _ := t.dir.Readdirnames(1)
	return len(names) == 0, nil
}

// Adopt records a directory that is there as if deploy had made it. What is in it is
// not taken for what a fill brought.
func (r *Records) Adopt(dir string, rec Record) (*Record, error) {
	path, err := canonical(dir)
	if err == nil {
		rec.Path, rec.Adopted = path, true
		rec.Identity, err = IdentityOf(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("adopt %s: %w", dir, err)
	}
	return &rec, errors.Join(r.PutManifest(path, Manifest{}), r.Put(rec))
}
