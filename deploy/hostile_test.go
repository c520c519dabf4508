package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// hostile is who owns the directory of a link, and puts there what he likes: PHP, say.
const hostile = 4711

// A trap is a site whose directories are a hostile user's, and a file of root's that he
// would like to have.
type trap struct {
	t                   *testing.T
	dir, secret, vault  string
	link, releases, one string
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	stack.NeedRoot(t, "to be attacked by another user")
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // which only root could pass
		t.Fatal(err)
	}
	tr := &trap{
		t: t, dir: dir + "/site", secret: dir + "/secret", vault: dir + "/vault",
		link: dir + "/site/current", releases: dir + "/site/releases", one: dir + "/site/releases/1",
	}
	tr.must(os.MkdirAll(tr.one, 0o755))
	tr.must(os.Mkdir(tr.vault, 0o755))
	tr.must(os.WriteFile(tr.secret, []byte("root's"), 0o600))
	tr.must(os.Symlink("releases/1", tr.link))
	tr.must(filepath.WalkDir(tr.dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, hostile, hostile))
	}))
	return tr
}

func (tr *trap) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// wantSafe wants root's file and directory to be as they were.
func (tr *trap) wantSafe() {
	tr.t.Helper()
	fi, err := os.Stat(tr.secret)
	tr.must(err)
	text, err := os.ReadFile(tr.secret)
	tr.must(err)
	st := fi.Sys().(*syscall.Stat_t)
	if string(text) != "root's" || st.Uid != 0 || fi.Mode().Perm() != 0o600 {
		tr.t.Errorf("root's file is %q now, of user %d, with mode %v", text, st.Uid, fi.Mode())
	}
	if names, err := os.ReadDir(tr.vault); err != nil || len(names) > 0 {
		tr.t.Errorf("root's directory has %v now, %v", names, err)
	}
}

// soon fails the test if something takes longer than what waits for nobody.
func (tr *trap) soon(what string, do func()) {
	tr.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(2 * lockPatience):
		tr.t.Fatalf("%s hangs", what)
	}
}

func (tr *trap) ownerOf(path string) uint32 {
	tr.t.Helper()
	fi, err := os.Lstat(path)
	tr.must(err)
	return fi.Sys().(*syscall.Stat_t).Uid
}

// The lock was opened through a symlink, truncated, and given to its directory's owner.
func TestHostile_ALockThatIsSomethingElse(t *testing.T) {
	for name, place := range map[string]func(tr *trap, lock string) error{
		"a symlink to root's file":   func(tr *trap, lock string) error { return os.Symlink(tr.secret, lock) },
		"another name of it":         func(tr *trap, lock string) error { return os.Link(tr.secret, lock) },
		"a pipe that nobody reads":   func(_ *trap, lock string) error { return unix.Mkfifo(lock, 0o666) },
		"a symlink to what is not":   func(tr *trap, lock string) error { return os.Symlink(tr.vault+"/new", lock) },
		"a directory":                func(_ *trap, lock string) error { return os.Mkdir(lock, 0o777) },
		"a device that never answer": func(_ *trap, lock string) error { return unix.Mknod(lock, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrap(t)
			tr.must(place(tr, hidden(tr.link, "realdocd-lock")))
			tr.soon("the lock", func() {
				if lock, err := LockDeploy(tr.link); err == nil {
					lock.Unlock()
					t.Error("it was taken for a lock")
				}
			})
			tr.wantSafe()
		})
	}
}

// Root flips as the owner of the link's directory.
func TestHostile_AFlipIsTheOwners(t *testing.T) {
	tr := newTrap(t)
	tr.must(os.Mkdir(tr.releases+"/2", 0o755))
	tr.must(Flip(tr.link, tr.releases+"/2"))
	if uid := tr.ownerOf(tr.link); uid != hostile {
		t.Errorf("the link is of user %d", uid)
	}
	lock, err := LockDeploy(tr.link)
	tr.must(err)
	defer lock.Unlock()
	if uid := tr.ownerOf(hidden(tr.link, "realdocd-lock")); uid != hostile {
		t.Errorf("the lock is of user %d", uid)
	}
	// And root is itself again.
	tr.must(os.WriteFile(tr.vault+"/a", nil, 0o600))
	if uid := tr.ownerOf(tr.vault + "/a"); uid != 0 {
		t.Errorf("afterwards root makes files as user %d", uid)
	}
}

// A directory above that is put elsewhere leads root no further than its owner can go.
func TestHostile_ADirectoryThatLeadsElsewhere(t *testing.T) {
	tr := newTrap(t)
	tr.must(os.RemoveAll(tr.releases))
	tr.must(os.Symlink(tr.vault, tr.releases))
	tr.must(os.Lchown(tr.releases, hostile, hostile))
	if err := MakeDirs(tr.releases + "/a/b"); err == nil {
		t.Log("it was made, in root's directory") // by root: its owner is root, and no one else gets anything
	}
	// Where the symlink's directory is not root's, the owner of that acts.
	other := t.TempDir()
	tr.must(os.Chown(other, hostile+1, hostile+1))
	tr.must(os.Remove(tr.releases))
	tr.must(os.Symlink(other, tr.releases))
	tr.must(MakeDirs(tr.releases + "/a"))
	if uid := tr.ownerOf(other + "/a"); uid != hostile+1 {
		t.Errorf("the directory is of user %d", uid)
	}
}

// A pipe as history had root's rollback wait for ever, and a held lock a flip.
func TestHostile_AHistoryThatIsSomethingElse(t *testing.T) {
	for name, place := range map[string]func(tr *trap, file string) error{
		"a pipe":                   func(_ *trap, file string) error { return unix.Mkfifo(file, 0o666) },
		"a symlink to root's file": func(tr *trap, file string) error { return os.Symlink(tr.secret, file) },
		"another name of it":       func(tr *trap, file string) error { return os.Link(tr.secret, file) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrap(t)
			state := tr.dir + "/state"
			dir := state + "/history/shop"
			tr.must(os.MkdirAll(dir, 0o755))
			tr.must(place(tr, filepath.Join(dir, linkFile(tr.link))))
			h := NewHistory(state, "shop")
			tr.soon("the history", func() {
				if _, err := h.Of(tr.link); err == nil {
					t.Error("it was read")
				}
				if err := h.Add(Event{Link: tr.link, Release: tr.one}); err == nil {
					t.Error("it was written to")
				}
			})
			tr.wantSafe()
		})
	}
}

func TestHostile_AHeldLockOfTheHistoryIsNotWaitedForForEver(t *testing.T) {
	tr := newTrap(t)
	state := tr.dir + "/state"
	h := NewHistory(state, "shop")
	tr.must(os.Mkdir(state, 0o755))
	tr.must(h.Add(Event{Link: tr.link, Release: tr.one}))
	file, err := os.Open(filepath.Join(state, "history/shop", linkFile(tr.link)))
	tr.must(err)
	defer file.Close()
	tr.must(unix.Flock(int(file.Fd()), unix.LOCK_EX))
	tr.soon("the history", func() {
		if err := h.Add(Event{Link: tr.link, Release: tr.one + "2"}); err == nil || !strings.Contains(err.Error(), "locked for 5s") {
			t.Errorf("it says %v", err)
		}
	})
}

func TestHostile_AStateDirForEverybodyIsRefused(t *testing.T) {
	tr := newTrap(t)
	state := tr.dir + "/state"
	tr.must(os.Mkdir(state, 0o755))
	tr.must(os.Chmod(state, 0o777))
	if err := NewHistory(state, "shop").Add(Event{Link: tr.link, Release: tr.one}); err == nil || !strings.Contains(err.Error(), "everybody") {
		t.Errorf("it says %v", err)
	}
}

// What a source has is not a reason to trust it, and rsync runs as who owns the release.
func TestHostile_AFillTakesNoRightsOver(t *testing.T) {
	stack.Need(t, "rsync")
	tr := newTrap(t)
	source := tr.dir + "/build"
	tr.must(os.MkdirAll(source, 0o755))
	tr.must(os.WriteFile(source+"/su", []byte("#!/bin/sh"), 0o755))
	tr.must(os.Chmod(source+"/su", 0o6755|fs.ModeSetuid|fs.ModeSetgid))
	tr.must(os.WriteFile(source+"/index.php", []byte("<?php"), 0o644))
	tr.must(unix.Mkfifo(source+"/pipe", 0o666))
	tr.must(unix.Mknod(source+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))

	// A rsync and its settings that somebody has put in the way.
	bin := t.TempDir()
	tr.must(os.WriteFile(bin+"/rsync", []byte("#!/bin/sh\ntouch "+tr.vault+"/ran\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("RSYNC_RSH", bin+"/rsync")
	t.Setenv("RSYNC_PARTIAL_DIR", tr.vault)

	filled, err := Fill(context.Background(), Filling{Source: source}, &Permit{dir: tr.one}, nil)
	tr.must(err)
	if filled.Changed != 2 {
		t.Errorf("filled: %+v", filled)
	}
	fi, err := os.Stat(tr.one + "/su")
	tr.must(err)
	if fi.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 || fi.Mode().Perm() != 0o755 {
		t.Errorf("su has the mode %v", fi.Mode())
	}
	for _, name := range []string{"pipe", "null", fillDir} {
		if _, err := os.Lstat(filepath.Join(tr.one, name)); err == nil {
			t.Errorf("%s was taken over", name)
		}
	}
	if uid := tr.ownerOf(tr.one + "/index.php"); uid != hostile {
		t.Errorf("a file is of user %d", uid)
	}
	tr.wantSafe()
}

// As with a home: reading it as root would copy what its owner may not show.
func TestHostile_AFillReadsWhatTheReleasesOwnerMayRead(t *testing.T) {
	stack.Need(t, "rsync")
	tr := newTrap(t)
	source := tr.dir + "/private/build"
	tr.must(os.MkdirAll(source, 0o755))
	tr.must(os.WriteFile(source+"/a.php", []byte("<?php"), 0o644))
	tr.must(os.Chmod(tr.dir+"/private", 0o700))
	_, err := Fill(context.Background(), Filling{Source: source}, &Permit{dir: tr.one}, nil)
	if err == nil || !strings.Contains(err.Error(), "may not read "+source) {
		t.Errorf("it says %v", err)
	}
}

// A symlink in a release that leads to root's files is replaced, and not followed.
func TestHostile_AFillFollowsNoSymlinkOfTheRelease(t *testing.T) {
	stack.Need(t, "rsync")
	tr := newTrap(t)
	source := tr.dir + "/build"
	tr.must(os.MkdirAll(source+"/lib", 0o755))
	tr.must(os.WriteFile(source+"/lib/a.php", []byte("<?php"), 0o644))
	tr.must(os.WriteFile(source+"/b.php", []byte("<?php"), 0o644))
	tr.must(os.Symlink(tr.vault, tr.one+"/lib"))
	tr.must(os.Symlink(tr.secret, tr.one+"/b.php"))
	_, err := Fill(context.Background(), Filling{Source: source}, &Permit{dir: tr.one}, nil)
	tr.must(err)
	tr.wantSafe()
	if text, err := os.ReadFile(tr.one + "/lib/a.php"); err != nil || string(text) != "<?php" {
		t.Errorf("the release has %q, %v", text, err)
	}
}

// check reads the code of releases, by root.
// What is shared is made as the owner of the directory that it is put in.
func TestHostile_WhatIsSharedIsTheOwners(t *testing.T) {
	tr := newTrap(t)
	source, shared := tr.dir+"/source", filepath.Dir(tr.link)+"/shared"
	tr.must(os.MkdirAll(source+"/storage/logs", 0o755))
	tr.must(os.WriteFile(source+"/storage/logs/app.log", []byte("root's"), 0o644))
	tr.must(os.WriteFile(source+"/.env", []byte("a password"), 0o600))
	tr.must(os.Chmod(tr.dir, 0o755))
	s := Shared{Dir: shared, Paths: []string{"storage", "public/uploads/"}}
	tr.must(s.Prepare(source))
	tr.must(s.Link(permitOf(tr.one)))
	for _, path := range []string{
		shared, shared + "/storage", shared + "/storage/logs/app.log", shared + "/public", shared + "/public/uploads",
		tr.one + "/storage", tr.one + "/public", tr.one + "/public/uploads",
	} {
		if uid := tr.ownerOf(path); uid != hostile {
			t.Errorf("%s is of user %d", path, uid)
		}
	}
	s.Paths = []string{".env"}
	if err := s.Prepare(source); err == nil || !strings.Contains(err.Error(), "it is done as uid 4711") || exists(shared+"/.env") {
		t.Errorf("he got what only root may read: %v", err)
	}
	// Below a directory of root's, one that is somebody else's.
	tr.must(os.Mkdir(tr.vault+"/his", 0o755))
	tr.must(os.Chown(tr.vault+"/his", hostile, hostile))
	s = Shared{Dir: tr.vault, Paths: []string{"his/storage/"}}
	tr.must(s.Prepare(source))
	if uid := tr.ownerOf(tr.vault + "/his/storage"); uid != hostile {
		t.Errorf("a directory in his is of user %d", uid)
	}
}

// In a directory of root's, the copies are whose the originals are, and nobody can write in them before all is there.
func TestHostile_WhatIsSharedInRootsDirectoryKeepsItsOwners(t *testing.T) {
	tr := newTrap(t)
	source, shared := tr.dir+"/source", tr.dir+"/shared"
	tr.must(os.MkdirAll(source+"/storage/logs", 0o755))
	tr.must(os.WriteFile(source+"/storage/logs/app.log", nil, 0o640))
	tr.must(os.Symlink("logs/app.log", source+"/storage/last"))
	for _, path := range []string{"/storage", "/storage/logs", "/storage/logs/app.log", "/storage/last"} {
		tr.must(os.Lchown(source+path, hostile, hostile))
	}
	tr.must(os.Chmod(source+"/storage/logs", 0o2775))
	// A copy that was killed has left a directory, in which he has put something meanwhile.
	left := shared + "/.storage" + linkSuffix
	tr.must(os.MkdirAll(left+"/logs", 0o777))
	tr.must(os.Chown(left+"/logs", hostile, hostile))
	tr.must(os.Link(tr.secret, left+"/logs/app.log"))
	tr.must(Shared{Dir: shared, Paths: []string{"storage"}}.Prepare(source))
	tr.wantSafe()
	for path, mode := range map[string]fs.FileMode{"/storage": 0o755, "/storage/logs": 0o775, "/storage/logs/app.log": 0o640, "/storage/last": 0o777} {
		fi, err := os.Lstat(shared + path)
		tr.must(err)
		if uid := tr.ownerOf(shared + path); uid != hostile || fi.Mode().Perm() != mode {
			t.Errorf("%s is of user %d, with mode %v", path, uid, fi.Mode())
		}
	}
}

func TestHostile_APipeInTheCodeIsNotRead(t *testing.T) {
	tr := newTrap(t)
	pipe := tr.one + "/a.php"
	tr.must(unix.Mkfifo(pipe, 0o666))
	tr.must(os.Symlink(tr.secret, tr.one+"/b.php"))
	tr.soon("reading", func() {
		for _, file := range []string{pipe, tr.one + "/b.php"} {
			if text, err := ReadRegular(file, 100); err == nil {
				t.Errorf("%s was read: %q", file, text)
			}
		}
	})
}

func TestHostile_APipeInTheSettingsOfASlotIsNotWaitedFor(t *testing.T) {
	tr := newTrap(t)
	dir := t.TempDir()
	lay(t, dir+"/source", map[string]string{".user.ini": "a=1"})
	lay(t, dir+"/slot", map[string]string{"i.php": ""})
	pipe := dir + "/slot/.user.ini"
	tr.must(unix.Mkfifo(pipe, 0o666))
	tr.soon("comparing", func() {
		got, err := RememberedBy(Filling{Source: dir + "/source"}, dir+"/slot", ".user.ini")
		if err != nil || !slices.Equal(got.Settings, []string{pipe}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestReadFollowed_GoesToAFileAndToNothingElse(t *testing.T) {
	tr := newTrap(t)
	dir := t.TempDir()
	writeFile(t, dir+"/file", "12345")
	tr.must(unix.Mkfifo(dir+"/pipe", 0o666))
	for name, to := range map[string]string{"to-file": dir + "/file", "to-pipe": dir + "/pipe", "to-device": "/dev/zero", "to-directory": dir} {
		tr.must(os.Symlink(to, dir+"/"+name))
	}
	tr.soon("reading", func() {
		for _, name := range []string{"file", "to-file"} {
			if text, err := ReadFollowed(dir+"/"+name, 4); err != nil || string(text) != "1234" {
				t.Errorf("of %s there is %q, %v", name, text, err)
			}
		}
		for _, name := range []string{"pipe", "to-pipe", "to-device", "to-directory"} {
			if text, err := ReadFollowed(dir+"/"+name, 4); err == nil {
				t.Errorf("%s was read: %q", name, text)
			}
		}
	})
}
