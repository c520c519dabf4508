package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"realdocd/test/stack"
)

// contentOf makes a release of paths and texts, and says what is in it. A path that ends in a
// slash is a directory, and a text that begins with "-> " a symlink's.
func contentOf(t *testing.T, files map[string]string, f Filling) string {
	t.Helper()
	dir := t.TempDir()
	putFiles(t, dir, files)
	return wantContent(t, NewContents(""), dir, f).Hash
}

func putFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for rel, text := range files {
		at := filepath.Join(dir, rel)
		if strings.HasSuffix(rel, "/") {
			mkdirs(t, at)
			continue
		}
		mkdirs(t, filepath.Dir(at))
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			link(t, to, at)
			continue
		}
		writeFile(t, at, text)
	}
}

func wantContent(t *testing.T, c *Contents, dir string, f Filling) Content {
	t.Helper()
	got, err := c.Of(t.Context(), dir, f)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ageRelease waits until what was written before is no longer young.
func ageRelease(t *testing.T, c *Contents, dir string, f Filling) {
	t.Helper()
	stack.Until(t, "the files of "+dir+" are old enough to be known by their times", func() bool {
		return wantContent(t, c, dir, f).Read == 0
	})
}

func TestContent_IsThatOfPathsPermissionsAndBytes(t *testing.T) {
	f := Filling{Exclude: Excludes{"var/cache", "*.log"}, Shared: []string{"storage/", ".env"}}
	base := func() map[string]string {
		return map[string]string{"index.php": "<?php", "src/a.php": "a", "css": "-> src", "tmp/": ""}
	}
	chmod := func(rel string, mode os.FileMode) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Chmod(filepath.Join(dir, rel), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := func(rel, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			os.Remove(filepath.Join(dir, rel))
			putFiles(t, dir, map[string]string{rel: text})
		}
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, dir string)
		same   bool
	}{
		"a byte":                                    {put("src/a.php", "b"), false},
		"one byte more":                             {put("src/a.php", "aa"), false},
		"another file":                              {put("src/b.php", ""), false},
		"another empty directory":                   {put("tmp/x/", ""), false},
		"a directory less":                          {func(t *testing.T, dir string) { os.Remove(dir + "/tmp") }, false},
		"a file for a directory":                    {put("tmp", ""), false},
		"a directory for a file":                    {put("src/a.php", "-> a"), false},
		"the text of a symlink":                     {put("css", "-> ./src"), false},
		"a file with the text of a symlink":         {put("css", "src"), false},
		"another name":                              {func(t *testing.T, dir string) { os.Rename(dir+"/index.php", dir+"/index.php\n") }, false},
		"permissions of a file":                     {chmod("index.php", 0o600), false},
		"permissions of a directory":                {chmod("src", 0o700), false},
		"permissions of the release":                {chmod("", 0o700), true},
		"a set-group-ID bit, which systems inherit": {chmod("src", 0o755|os.ModeSetgid), true},
		"times": {func(t *testing.T, dir string) {
			when := time.Unix(1e9, 0)
			if err := os.Chtimes(dir+"/index.php", when, when); err != nil {
				t.Fatal(err)
			}
		}, true},
		"another name of a file": {func(t *testing.T, dir string) {
			if err := os.Link(dir+"/index.php", t.TempDir()+"/other"); err != nil {
				t.Fatal(err)
			}
		}, true},
		"what is excluded by its path":        {put("src/access.log", "x"), true},
		"what is shared":                      {put("storage", "-> ../../shared/storage"), true},
		"what is shared, elsewhere":           {put("storage/app/1.jpg", "x"), true},
		"a shared file":                       {put(".env", "-> /srv/here/env"), true},
		"what an interrupted fill has left":   {put(fillDir+"/x", "x"), true},
		"a symlink that is not in place":      {put(".storage"+linkSuffix, "-> x"), true},
		"a file with the name of one of them": {put(".storage"+linkSuffix, "x"), false},
		"a pipe that is excluded": {func(t *testing.T, dir string) {
			if err := unix.Mkfifo(dir+"/a.log", 0o644); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		was := contentOf(t, base(), f)
		dir := t.TempDir()
		putFiles(t, dir, base())
		tt.change(t, dir)
		if now := wantContent(t, NewContents(""), dir, f).Hash; (now == was) != tt.same {
			t.Errorf("%s: the content is the same: %v", name, now == was)
		}
	}
}

// The text that is hashed is a promise: other hosts have other versions of realdocd.
func TestContent_StaysWhatItWasInEarlierVersions(t *testing.T) {
	got := contentOf(t, map[string]string{"index.php": "<?php", "src/ä.php": "a", "src-b": "", "css": "-> src", "tmp/": "", "\xff": "x"}, Filling{})
	const want = "v1:fda72eb49a1014ecf5ca4f05bd3be848fc793f20d768b22af4daa3df72b463e5"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestContent_ListsTheLinesThatItIsTheSumOf(t *testing.T) {
	dir := t.TempDir()
	putFiles(t, dir, map[string]string{"a/b": "x", "a-b": "-> a"})
	var text strings.Builder
	if err := NewContents("").List(t.Context(), dir, Filling{}, &text); err != nil {
		t.Fatal(err)
	}
	sum := exec.Command("sha256sum")
	sum.Stdin = strings.NewReader(text.String())
	out, err := sum.Output()
	if got := wantContent(t, NewContents(""), dir, Filling{}); err != nil || got.Hash != "v1:"+strings.Fields(string(out))[0] || got.Files != 3 || got.Bytes != 1 {
		t.Errorf("%+v of\n%s%s", got, &text, out)
	}
}

// Whatever is in a release, copies of it have the same content.
func TestContent_OfACopyIsTheSame(t *testing.T) {
	stack.Need(t, "rsync")
	ways := map[string]string{
		"cp -a": `cp -a "$1/." "$2"`,
		"rsync": `rsync -a "$1/" "$2/"`,
		"tar":   `tar -C "$1" -cf - . | tar -C "$2" -xpf -`,
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		name := rapid.StringMatching(`[a-z .äß"\\\n-]{1,4}`).Filter(func(s string) bool { return s != "." && s != ".." })
		var dirs []string
		dirs = append(dirs, dir)
		for range rapid.IntRange(0, 12).Draw(rt, "paths") {
			at := filepath.Join(rapid.SampledFrom(dirs).Draw(rt, "in"), name.Draw(rt, "name"))
			if exists(at) {
				continue
			}
			switch rapid.SampledFrom([]string{"file", "dir", "link"}).Draw(rt, "kind") {
			case "file":
				os.WriteFile(at, rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "bytes"), 0o600)
				os.Chmod(at, os.FileMode(rapid.SampledFrom([]uint32{0o600, 0o644, 0o755, 0o664}).Draw(rt, "mode")))
			case "dir":
				os.Mkdir(at, 0o700)
				os.Chmod(at, os.FileMode(rapid.SampledFrom([]uint32{0o700, 0o755, 0o775}).Draw(rt, "mode")))
				dirs = append(dirs, at)
			case "link":
				os.Symlink(name.Draw(rt, "text"), at)
			}
		}
		was := wantContent(t, NewContents(""), dir, Filling{})
		for way, command := range ways {
			to := t.TempDir()
			if out, err := exec.Command("sh", "-c", command, "sh", dir, to).CombinedOutput(); err != nil {
				rt.Fatalf("%s: %v: %s", way, err, out)
			}
			if now := wantContent(t, NewContents(""), to, Filling{}); now.Hash != was.Hash {
				rt.Errorf("%s: %+v is not %+v", way, now, was)
			}
		}
	})
}

func TestContent_ReadsOnlyWhatHasChangedSince(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	putFiles(t, dir, map[string]string{"a": "a", "b": "b", "c": "-> a"})
	c := NewContents(y.dir + "/state")
	first := wantContent(t, c, dir, Filling{})
	if first.Read != 4 {
		t.Errorf("the first look has read %d", first.Read)
	}
	ageRelease(t, c, dir, Filling{})
	// Another process goes on with what was kept, and the name of a release does not matter.
	c = NewContents(y.dir + "/state")
	if kept, ok := c.Kept(dir); !ok || kept.Hash != first.Hash || kept.Files != first.Files || kept.Bytes != first.Bytes {
		t.Errorf("kept is %+v, %v", kept, ok)
	}
	fi, err := os.Stat(dir + "/a")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/a", "x")
	if err := os.Chtimes(dir+"/a", fi.ModTime(), fi.ModTime()); err != nil { // as who wants to hide it
		t.Fatal(err)
	}
	if now := wantContent(t, c, dir, Filling{}); now.Hash == first.Hash || now.Read != 1 {
		t.Errorf("changed, with its time put back: %+v", now)
	}
	writeFile(t, dir+"/a", "a")
	if now := wantContent(t, c, dir, Filling{}); now.Hash != first.Hash {
		t.Errorf("changed back: %+v", now)
	}
}

// File systems write times by a clock that stands still for milliseconds, and some for two seconds: another change may
// have the same time.
func TestContent_ReadsAgainWhatHadJustChangedWhenItWasRead(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	c := NewContents(y.dir + "/state")
	for range 20 { // a machine may take longer than what is young
		writeFile(t, dir+"/a", "x")
		wantContent(t, c, dir, Filling{})
		if wantContent(t, c, dir, Filling{}).Read > 0 {
			return
		}
	}
	t.Error("it is known by its times")
}

func TestContent_OfAFrozenReleaseDoesNotCountWhatCame(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	putFiles(t, dir, map[string]string{"a": "a", "cache/": "", "gone": "x", "l": "-> a"})
	c := NewContents(y.dir + "/state")
	frozen, err := c.Freeze(t.Context(), dir, Filling{})
	if err != nil || frozen.Frozen.IsZero() {
		t.Fatalf("%+v, %v", frozen, err)
	}
	putFiles(t, dir, map[string]string{"cache/1.php": "x", "new/file": "x"})
	if err := unix.Mkfifo(dir+"/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if now := wantContent(t, NewContents(y.dir+"/state"), dir, Filling{}); now.Hash != frozen.Hash || !now.Frozen.Equal(frozen.Frozen) {
			t.Errorf("when files came: %+v, not %+v", now, frozen)
		}
	}
	writeFile(t, dir+"/a", "changed")
	os.Remove(dir + "/gone")
	os.Remove(dir + "/l")
	if err := unix.Mkfifo(dir+"/l", 0o644); err != nil {
		t.Fatal(err)
	}
	if now := wantContent(t, c, dir, Filling{}); now.Hash == frozen.Hash {
		t.Error("what changed and went does not count")
	}
	if changed, err := c.Changed(t.Context(), dir, Filling{}); err != nil || fmt.Sprint(changed) != "[a gone (gone) l (gone)]" {
		t.Errorf("changed are %q, %v", changed, err)
	}
	writeFile(t, dir+"/a", "a")
	os.Remove(dir + "/l")
	putFiles(t, dir, map[string]string{"gone": "x", "l": "-> a"})
	if now := wantContent(t, c, dir, Filling{}); now.Hash != frozen.Hash {
		t.Error("what is as it was has another content")
	}
	if changed, err := c.Changed(t.Context(), dir, Filling{}); err != nil || len(changed) > 0 {
		t.Errorf("changed are %q, %v", changed, err)
	}
}

// A slot is one directory with one release after the other.
func TestContent_IsFrozenUntilTheNextFill(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("A")
	c := NewContents(y.dir + "/state")
	if _, err := c.Freeze(t.Context(), dir, Filling{}); err != nil {
		t.Fatal(err)
	}
	permit, source := y.permit(dir), t.TempDir()
	putFiles(t, source, map[string]string{"new.php": "x"})
	if err := y.records.BeginFill(permit, Filling{Source: source}); err != nil {
		t.Fatal(err)
	}
	wantUncounted(t, c, dir, "is being filled")
	writeFile(t, dir+"/new.php", "x")
	if err := y.records.EndFill(permit, nil); err != nil {
		t.Fatal(err)
	}
	if now := wantContent(t, c, dir, Filling{}); !now.Frozen.IsZero() || now.Files != 3 {
		t.Errorf("after a fill: %+v", now)
	}
}

func wantUncounted(t *testing.T, c *Contents, dir, want string) {
	t.Helper()
	_, err := c.Of(t.Context(), dir, Filling{})
	if u := (*Uncounted)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestContent_OpensNothingThatIsNoFile(t *testing.T) {
	for name, tt := range map[string]struct {
		put  func(t *testing.T, dir string) error
		want string
	}{
		"a pipe":   {func(_ *testing.T, dir string) error { return unix.Mkfifo(dir+"/x", 0o644) }, "/x is neither a file"},
		"a socket": {func(_ *testing.T, dir string) error { return unix.Mknod(dir+"/x", unix.S_IFSOCK|0o644, 0) }, "/x is neither a file"},
		"a device": {func(t *testing.T, dir string) error {
			stack.NeedRoot(t, "a device")
			return unix.Mknod(dir+"/x", unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5)))
		}, "/x is neither a file"},
		"a mount": {func(t *testing.T, dir string) error {
			stack.NeedRoot(t, "a mount")
			mkdirs(t, dir+"/x")
			t.Cleanup(func() { unix.Unmount(dir+"/x", unix.MNT_DETACH) })
			return unix.Mount("tmpfs", dir+"/x", "tmpfs", 0, "")
		}, "/x is a mount point"},
		"a file of many TiB": {func(t *testing.T, dir string) error {
			writeFile(t, dir+"/x", "")
			return os.Truncate(dir+"/x", 1<<43)
		}, "/x is more than 64 GiB"},
	} {
		dir := t.TempDir()
		if err := tt.put(t, dir); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantUncounted(t, NewContents(""), dir, tt.want)
	}
}

func TestContent_DoesNotLeaveTheRelease(t *testing.T) {
	outside := t.TempDir()
	writeFile(t, outside+"/secret", "s")
	dir := t.TempDir()
	link(t, outside, dir+"/x")
	if got := wantContent(t, NewContents(""), dir, Filling{}); got.Files != 1 {
		t.Errorf("%+v", got)
	}
	deep := dir
	for range maxDepth + 3 {
		deep += "/d"
	}
	mkdirs(t, deep)
	if _, err := NewContents("").Of(t.Context(), dir, Filling{}); err == nil || !strings.Contains(err.Error(), "deeper than") {
		t.Errorf("%v", err)
	}
}

func TestContent_BelievesOnlyWhoeverCouldRemoveTheReleaseHimself(t *testing.T) {
	stack.NeedRoot(t, "giving files away")
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	c := NewContents(y.dir + "/state")
	was, err := c.Freeze(t.Context(), dir, Filling{})
	if err != nil {
		t.Fatal(err)
	}
	file := y.dir + "/state/records/" + recordFile(dir) + contentSuffix
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	forged := regexp.MustCompile(`"hash":"v1:.`).ReplaceAllString(string(text), `"hash":"v1:f`)
	writeFile(t, file, forged)
	if kept, ok := c.Kept(dir); !ok || kept.Hash == was.Hash && !strings.HasPrefix(was.Hash, "v1:f") {
		t.Errorf("root's own is not read: %+v, %v", kept, ok)
	}
	if err := os.Chown(file, 33, 33); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Kept(dir); ok {
		t.Error("what www-data has written is believed, who may not remove the release")
	}
	if now := wantContent(t, c, dir, Filling{}); now.Hash != was.Hash || !now.Frozen.IsZero() {
		t.Errorf("%+v, want %+v", now, was)
	}
	// Nor is that of another release, by whatever name it is put there.
	other := y.made("2")
	if err := os.Rename(file, y.dir+"/state/records/"+recordFile(other)+contentSuffix); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Kept(other); ok {
		t.Error("that of another release is believed")
	}
}

func TestContent_IsReadByOthersWhoChangeNothing(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	was, err := NewContents(y.dir+"/state").Freeze(t.Context(), dir, Filling{})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/cache", "x")
	other := y.made("2")
	reader := ReadContents(y.dir + "/state")
	if now := wantContent(t, reader, dir, Filling{}); now.Hash != was.Hash {
		t.Errorf("%+v, want %+v", now, was)
	}
	wantContent(t, reader, other, Filling{})
	if _, kept := reader.Kept(other); kept {
		t.Error("it is kept")
	}
	if _, err := reader.Freeze(t.Context(), other, Filling{}); err == nil {
		t.Error("it is frozen")
	}
}

func TestContent_ForgetsReleasesThatAreGone(t *testing.T) {
	y := newYard(t, t.TempDir())
	c := NewContents(y.dir + "/state")
	for _, name := range []string{"1", "2", "3"} {
		mkdirs(t, y.dir+"/releases/"+name)
		wantContent(t, c, y.dir+"/releases/"+name, Filling{})
		os.Remove(y.dir + "/releases/" + name)
	}
	if left, _ := filepath.Glob(y.dir + "/state/records/*" + contentSuffix); len(left) != 1 {
		t.Errorf("kept are %q", left)
	}
	// A directory of the same name is another release.
	mkdirs(t, y.dir+"/releases/3")
	if _, ok := c.Kept(y.dir + "/releases/3"); ok {
		t.Error("a release has what another one of its name had")
	}
	if _, err := c.Freeze(t.Context(), y.dir+"/releases/3", Filling{}); err != nil {
		t.Fatal(err)
	}
	os.Remove(y.dir + "/releases/3")
	mkdirs(t, y.dir+"/releases/3/public")
	if now := wantContent(t, c, y.dir+"/releases/3", Filling{}); now.Files != 1 || !now.Frozen.IsZero() {
		t.Errorf("another one of its name was frozen: %+v", now)
	}
}

func TestContent_OfAReleaseOnAFullDiskIsToldButNotFrozen(t *testing.T) {
	disk := newFullDisk(t)
	y := newYard(t, disk.dir)
	dir := y.made("1")
	c := NewContents(y.dir + "/state")
	was := wantContent(t, c, dir, Filling{})
	for i := range 60 {
		writeFile(t, fmt.Sprintf("%s/public/file-with-a-long-name-%d", dir, i), "")
	}
	disk.fill()
	now := wantContent(t, c, dir, Filling{})
	if now.Hash == was.Hash {
		t.Error("what was kept is told")
	}
	if _, err := c.Freeze(t.Context(), dir, Filling{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("frozen on a full disk: %v", err)
	}
	if kept, ok := c.Kept(dir); !ok || kept.Hash != was.Hash {
		t.Errorf("what was kept is %+v, %v", kept, ok)
	}
	disk.free()
	if again, err := c.Freeze(t.Context(), dir, Filling{}); err != nil || again.Hash != now.Hash {
		t.Errorf("with room again: %+v, %v", again, err)
	}
}

func TestContent_OfALookThatIsKilledIsTheOldOneOrTheNew(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		NewContents(dir+"/state").Freeze(context.Background(), dir+"/releases/1", Filling{})
		t.Fatal("it was not killed")
	}
	for _, at := range []string{"before a record has its name", "when a record has its name"} {
		y := newYard(t, t.TempDir())
		dir := y.made("1")
		c := NewContents(y.dir + "/state")
		old := wantContent(t, c, dir, Filling{})
		writeFile(t, dir+"/new", "x")
		crash(t, at, y.dir)
		kept, ok := c.Kept(dir)
		if frozen := at == "when a record has its name"; !ok || (kept.Hash == old.Hash) == frozen || kept.Frozen.IsZero() == frozen {
			t.Errorf("killed %s: %+v, %v", at, kept, ok)
		}
		if _, err := c.Freeze(t.Context(), dir, Filling{}); err != nil {
			t.Errorf("killed %s, and then: %v", at, err)
		}
	}
}

func TestContent_OfALookThatWasEndedGoesOnFromThere(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	for i := range 100 {
		writeFile(t, fmt.Sprintf("%s/%03d", dir, i), "x")
	}
	c := NewContents(y.dir + "/state")
	ageRelease(t, c, dir, Filling{})
	files, _ := filepath.Glob(y.dir + "/state/records/*" + contentSuffix)
	os.Remove(files[0])
	ctx := &endsAfter{Context: t.Context(), looks: 100}
	if _, err := c.Of(ctx, dir, Filling{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("it did not end: %v", err)
	}
	if _, ok := c.Kept(dir); ok {
		t.Error("half a look has a hash")
	}
	if now := wantContent(t, c, dir, Filling{}); now.Read == 0 || now.Read >= 101 {
		t.Errorf("the next look has read %d files", now.Read)
	}
}

// endsAfter ends when somebody has asked it so many times.
type endsAfter struct {
	context.Context
	looks int
}

func (e *endsAfter) Err() error {
	if e.looks--; e.looks < 0 {
		return context.Canceled
	}
	return nil
}

func FuzzContentLine(f *testing.F) {
	f.Add("f 644 a 1b 2c 3d 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU - \"a\"")
	f.Add("- 0 0 0 0 0 - f:0644:1:00 \"a\\n\"")
	f.Fuzz(func(t *testing.T, line string) {
		rel, e, err := parseCounted(line)
		if err != nil {
			return
		}
		again, b, err := parseCounted(strings.TrimSuffix(e.text(rel), "\n"))
		if err != nil || again != rel || *b != *e {
			t.Errorf("%q: %q is %+v, and again %q is %+v, %v", line, rel, e, again, b, err)
		}
	})
}

// What a look costs: CONTENT_COST=1 go test -run Cost ./deploy.
func TestContent_Cost(t *testing.T) {
	if os.Getenv("CONTENT_COST") == "" {
		t.Skip("CONTENT_COST is not set")
	}
	y := newYard(t, t.TempDir())
	dir := y.made("1")
	text := strings.Repeat("<?php echo 1; ", 20<<10/14)
	for i := range 5000 {
		mkdirs(t, fmt.Sprintf("%s/%d", dir, i/50))
		writeFile(t, fmt.Sprintf("%s/%d/%d.php", dir, i/50, i), fmt.Sprint(i, text))
	}
	c := NewContents(y.dir + "/state")
	for _, what := range []string{"cold", "young", "second", "third"} {
		if what == "second" {
			ageRelease(t, c, dir, Filling{})
		}
		if what == "cold" {
			unix.Sync()
			os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0o200)
		}
		began := time.Now()
		now := wantContent(t, c, dir, Filling{})
		t.Logf("%s look: %v for %d paths, %d MB, %d read", what, time.Since(began).Round(100*time.Microsecond), now.Files, now.Bytes/1e6, now.Read)
	}
	began := time.Now()
	c.Kept(dir)
	t.Logf("kept: %v", time.Since(began))
}
