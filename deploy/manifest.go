package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Manifest is what fills have brought into a directory, by path below it:
// everything but directories.
type Manifest map[string]Brought

// Brought is one file, symlink or the like, as the deploy has left it.
type Brought struct {
	// Kind is "f" for a file, "l" for a symlink, "o" for anything else, and "?" for
	// what a fill that was interrupted may have brought.
	Kind  string
	Size  int64
	MTime int64 // in Unix nanoseconds
}

// scan lists what is in a tree, without what is excluded.
func (t *tree) scan(exclude Excludes) (Manifest, error) {
	m := Manifest{}
	err := t.walk(func(rel string, st unix.Statx_t) (bool, error) {
		if exclude.match(rel) {
			return false, nil
		}
		kind := "o"
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			return true, nil
		case unix.S_IFREG:
			kind = "f"
		case unix.S_IFLNK:
			kind = "l"
		}
		if isUnfinished(rel, kind) {
			return false, nil
		}
		m[rel] = Brought{kind, int64(st.Size), st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec)}
		return false, nil
	})
	return m, err
}

// Scan lists what is in a directory now.
func Scan(dir string, exclude Excludes) (Manifest, error) {
	t, err := openTree(dir)
	if err != nil {
		return nil, fmt.Errorf("look at what is in %s: %w", dir, err)
	}
	defer t.dir.Close()
	m, err := t.scan(exclude)
	if err != nil {
		return nil, fmt.Errorf("look at what is in %s: %w", dir, err)
	}
	return m, nil
}

// sourceNames are the files of a source, which may have mounts and be a symlink.
func sourceNames(source string, leave func(rel string) bool) (Manifest, error) {
	m := Manifest{}
	err := filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(path, source), "/")
		switch {
		case rel == "":
		case leave(rel) && d.IsDir():
			return fs.SkipDir
		case !leave(rel) && !d.IsDir():
			m[rel] = Brought{Kind: "?"}
		}
		return nil
	})
	return m, err
}

// BeginFill notes, before a fill touches anything, what it may bring, so that whatever
// becomes of it nothing else is taken for it later.
func (r *Records) BeginFill(p *Permit, f Filling) error {
	may, err := f.names()
	if err != nil {
		return fmt.Errorf("look at what is in %s: %w", f.Source, err)
	}
	all, err := r.Manifest(p.Record.Path)
	if err != nil {
		return err
	}
	// What is there now may go, or the fill would not begin.
	now, err := Scan(p.dir, f.Exclude)
	if err != nil {
		return err
	}
	maps.Copy(all, now)
	maps.Copy(all, may)
	if err := r.PutManifest(p.Record.Path, all); err != nil {
		return err
	}
	step("before a fill")
	p.Record.Begun, p.Record.Preparing = time.Now(), time.Time{}
	return r.Put(p.Record)
}

// EndFill notes what a fill has brought.
func (r *Records) EndFill(p *Permit, exclude Excludes) error {
	step("after a fill")
	now, err := Scan(p.dir, exclude)
	if err != nil {
		return err
	}
	if err := r.PutManifest(p.Record.Path, now); err != nil {
		return err
	}
	p.Record.Filled = time.Now()
	return r.Put(p.Record)
}

// prepareBeat is how often it is noted that a deploy's commands run still.
const prepareBeat = time.Second

// Brings has what comes into a directory from now on be the deploy's: its commands and
// its warm-up write it. The function that it gives ends that. If the deploy is killed
// before, what was written until a second before counts too.
func (r *Records) Brings(rec Record, dir string, exclude Excludes) (end func() error, err error) {
	before, err := Scan(dir, exclude)
	if err != nil {
		return nil, err
	}
	rec.Preparing = time.Now()
	if err := r.Put(rec); err != nil {
		return nil, err
	}
	step("while commands run")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(prepareBeat)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case rec.Preparing = <-tick.C:
				r.Put(rec) // what fails, the end tells
			}
		}
	}()
	return func() error {
		close(stop)
		<-stopped
		all, err := r.Manifest(rec.Path)
		if err != nil {
			return err
		}
		now, err := Scan(dir, exclude)
		if err != nil {
			return err
		}
		for rel, is := range now {
			if was, there := before[rel]; !there || was != is {
				all[rel] = is
			}
		}
		if err := r.PutManifest(rec.Path, all); err != nil {
			return err
		}
		rec.Preparing = time.Time{}
		return r.Put(rec)
	}, nil
}

// wrote says whether a file was last changed while commands ran of a deploy that was
// killed then.
func (rec *Record) wrote(path string) bool {
	var st unix.Stat_t
	if rec.Preparing.IsZero() || unix.Lstat(path, &st) != nil {
		return false
	}
	return time.Unix(st.Ctim.Unix()).Before(rec.Preparing.Add(prepareBeat))
}

// names are the files that a filling may bring.
func (f Filling) names() (Manifest, error) {
	isShared := func(rel string) bool {
		return slices.ContainsFunc(f.Shared, func(s string) bool {
			s = strings.TrimSuffix(s, "/")
			return rel == s || strings.HasPrefix(rel, s+"/")
		})
	}
	m, err := sourceNames(f.Source, func(rel string) bool { return f.Exclude.match(rel) || isShared(rel) })
	for _, path := range f.Shared {
		if m != nil {
			m[strings.TrimSuffix(path, "/")] = Brought{Kind: "?"}
		}
	}
	return m, err
}

// Foreign are the files in a directory that no fill brought, or that have changed
// since, in order. What has changed into what the source has is none of them, nor is
// what the commands of a deploy wrote that was killed; source may be "".
func (m Manifest) Foreign(p *Permit, now Manifest, source string) (foreign []string) {
	dir := p.dir
	for rel, is := range now {
		was, known := m[rel]
		if known && (was.Kind == "?" || was == is) {
			continue
		}
		if source != "" && is.Kind != "o" && sameContent(filepath.Join(dir, rel), filepath.Join(source, rel)) {
			continue
		}
		if p.Record.wrote(filepath.Join(dir, rel)) {
			continue
		}
		if known {
			rel += " (changed since)"
		}
		foreign = append(foreign, rel)
	}
	slices.Sort(foreign)
	return foreign
}

// sameContent says whether two files, or two symlinks, have the same in them.
func sameContent(a, b string) bool {
	fa, errA := os.Lstat(a)
	fb, errB := os.Lstat(b)
	if errA != nil || errB != nil || fa.Mode().Type() != fb.Mode().Type() {
		return false
	}
	if fa.Mode()&fs.ModeSymlink != 0 {
		ta, errA := os.Readlink(a)
		tb, errB := os.Readlink(b)
		return errA == nil && errB == nil && ta == tb
	}
	if fa.Size() != fb.Size() {
		return false
	}
	files := [2]io.Reader{}
	for i, path := range []string{a, b} {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return false
		}
		defer f.Close()
		files[i] = f
	}
	var ba, bb [64 << 10]byte
	for {
		na, errA := io.ReadFull(files[0], ba[:])
		nb, errB := io.ReadFull(files[1], bb[:])
		if !bytes.Equal(ba[:na], bb[:nb]) {
			return false
		}
		if errA != nil || errB != nil {
			return errA != nil && errB != nil
		}
	}
}

// PutManifest writes what fills have brought into a directory, by its real path.
func (r *Records) PutManifest(path string, m Manifest) error {
	d, err := r.open(true)
	if err != nil {
		return fmt.Errorf("write what is in %s: %w", path, err)
	}
	defer d.Close()
	var text bytes.Buffer
	for _, rel := range slices.Sorted(maps.Keys(m)) {
		b := m[rel]
		fmt.Fprintf(&text, "%s %d %d %s\n", b.Kind, b.Size, b.MTime, strconv.Quote(rel))
	}
	if err := d.write(recordFile(path)+manifestSuffix, text.Bytes()); err != nil {
		return fmt.Errorf("write what is in %s: %w", path, err)
	}
	return nil
}

// Manifest reads it; empty where there is none, so that everything is foreign then.
func (r *Records) Manifest(path string) (Manifest, error) {
	d, err := r.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was brought into %s: %w", path, err)
	}
	defer d.Close()
	text, owner, err := d.read(recordFile(path) + manifestSuffix)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !mayRecord(owner, path) {
		return Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was brought into %s: %w", path, err)
	}
	m := Manifest{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var b Brought
		var quoted string
		fields := strings.SplitN(lines.Text(), " ", 4)
		if len(fields) == 4 {
			b.Kind, quoted = fields[0], fields[3]
			b.Size, _ = strconv.ParseInt(fields[1], 10, 64)
			b.MTime, _ = strconv.ParseInt(fields[2], 10, 64)
		}
		if rel, err := strconv.Unquote(quoted); err == nil {
			m[rel] = b
		}
	}
	return m, lines.Err()
}
