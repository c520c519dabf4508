package deploy

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

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
	m, err := sourceNames(f.Source, f.leaves)
	for _, path := range f.Shared {
		if m != nil {
			m[strings.TrimSuffix(path, "/")] = Brought{Kind: "?"}
		}
	}
	return m, err
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
