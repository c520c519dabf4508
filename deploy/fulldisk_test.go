package deploy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

// A fullDisk is a file system of a quarter of a MiB.
type fullDisk struct {
	t   *testing.T
	dir string
}

func newFullDisk(t *testing.T) *fullDisk {
	t.Helper()
	stack.NeedRoot(t, "a small disk")
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0755"); err != nil {
		stack.Unproven(t, "a full disk needs a mount: "+err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return &fullDisk{t, dir}
}

// fill leaves no room.
func (d *fullDisk) fill() {
	d.t.Helper()
	f, err := os.Create(d.dir + "/filling")
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("the disk is not full: %v", err)
	}
}

func (d *fullDisk) free() { os.Remove(d.dir + "/filling") }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return min(len(b), 4096), nil
}

// many is a manifest of so many files.
func many(n int) Manifest {
	m := Manifest{}
	for i := range n {
		m[fmt.Sprintf("file-%04d.php", i)] = Brought{Kind: "f", Size: int64(i)}
	}
	return m
}

func TestAFullDiskLeavesEveryRecordAsItWas(t *testing.T) {
	stack.Need(t, "rsync")
	disk := newFullDisk(t)
	y := newYard(t, disk.dir)
	release, state, source := y.made("1"), disk.dir+"/state", t.TempDir()
	writeFile(t, source+"/large", strings.Repeat("x", 300<<10))
	was, err := y.records.Of(release)
	if err != nil || was == nil {
		t.Fatal(err)
	}
	// Each writes something larger than what is there. What is not written must not be lost.
	writes := map[string]func() error{
		"a record": func() error {
			next := *was
			next.Site = "/" + strings.Repeat("s", 8000)
			return y.records.Put(next)
		},
		"a manifest":       func() error { return y.records.PutManifest(release, many(900)) },
		"a file of state":  func() error { return WriteStateFile(state, "directives", "www.json", strings.Repeat("v", 8000)) },
		"what is shared":   func() error { return Shared{Dir: disk.dir + "/shared", Paths: []string{"large"}}.Prepare(source) },
		"a filled release": func() error { _, err := fill(t, source, release, nil); return err },
	}
	if err := errors.Join(y.records.PutManifest(release, many(2)), WriteStateFile(state, "directives", "www.json", "old")); err != nil {
		t.Fatal(err)
	}
	disk.fill()
	for what, write := range writes {
		if err := write(); err == nil || !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "No space left") {
			t.Errorf("%s: %v", what, err)
		}
	}
	now, err := y.records.Of(release)
	if err != nil || now == nil || now.Site != was.Site || now.Identity != was.Identity {
		t.Errorf("the record is %+v, %v; it was %+v", now, err, was)
	}
	if m, err := y.records.Manifest(release); err != nil || !maps.Equal(m, many(2)) {
		t.Errorf("the manifest has %d files, %v", len(m), err)
	}
	var text string
	if err := ReadStateFile(state, "directives", "www.json", &text); err != nil || text != "old" {
		t.Errorf("the file of state has %q, %v", text, err)
	}
	if exists(disk.dir + "/shared/large") {
		t.Error("a part of what is shared has its name")
	}
	disk.free()
	for _, what := range []string{"a record", "a manifest", "a file of state"} {
		if err := writes[what](); err != nil {
			t.Errorf("%s, when there is room: %v", what, err)
		}
	}
}

// A line of which the disk takes only a part must not spoil the next one.
func TestHistory_OnAFullDiskLosesNothingThatWasWritten(t *testing.T) {
	disk := newFullDisk(t)
	h := NewHistory(disk.dir+"/state", "shop")
	add(t, h, "/current", "/0")
	disk.fill()
	last := 0
	for failed := false; !failed && last < 200; {
		if err := h.Add(Event{time.Now(), "/current", fmt.Sprint("/", last+1), "test"}); err != nil {
			failed = true
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a full disk: %v", err)
			}
			continue
		}
		last++
	}
	wantEvents(t, h, last+1, fmt.Sprint("/", last))
	disk.free()
	add(t, h, "/current", "/again")
	wantEvents(t, h, last+2, "/again")
	wantEvents(t, NewHistory(disk.dir+"/state", "shop"), last+2, "/again")
}

func TestRecordsThatCannotBeReadAreSaidToBe(t *testing.T) {
	y := newYard(t, t.TempDir())
	release := y.made("1")
	if _, err := NewRecords("").Of(release); err == nil || !strings.Contains(err.Error(), "set state_dir") {
		t.Errorf("without state_dir: %v", err)
	}
	file := y.dir + "/state/" + recordsDir + "/" + recordFile(release) + recordSuffix
	for _, row := range []struct{ text, want string }{{"{", "read the record " + file}, {"", "read the record " + file}, {`{"path": 7}`, "read the record " + file}} {
		writeFile(t, file, row.text)
		if rec, err := y.records.Of(release); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q is read as %+v, %v", row.text, rec, err)
		}
		if all, err := y.records.All(); err != nil || len(all) > 0 {
			t.Errorf("%q is believed: %+v, %v", row.text, all, err)
		}
	}
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := y.records.Of(release); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory is read as a record: %v", err)
	}
}

// A deploy that was killed while it made a release has left a record without the directory's identity.
func TestAReleaseWhoseMakingWasKilledIsTakenOnlyEmpty(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.dir + "/releases/.1.partial"
	mkdirs(t, dir)
	path, err := canonical(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := y.records.Put(Record{Path: path, Kind: KindRelease, Site: "shop", Made: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w := &Warden{Site: "shop", Records: y.records}
	writeFile(t, dir+"/precious", "x")
	if _, err := w.MayClear(dir); err == nil || !exists(dir+"/precious") {
		t.Errorf("it is taken with what somebody has put there: %v", err)
	}
	os.Remove(dir + "/precious")
	permit, err := w.MayClear(dir)
	if err != nil || !permit.Record.known() {
		t.Errorf("empty, it is not taken: %+v, %v", permit, err)
	}
}
