package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// permitOf lets a test of rsync's part fill whatever it likes.
func permitOf(dir string) *Permit { return &Permit{dir: dir} }

func fill(t *testing.T, source, target string, progress func(FillProgress)) (Filled, error) {
	return Fill(t.Context(), Filling{Source: source}, permitOf(target), progress)
}

func TestFill_LeavesWhatHasNotChangedAsItIs(t *testing.T) {
	stack.Need(t, "rsync")
	const files, changes = 1500, 15
	source, target := t.TempDir(), t.TempDir()+"/slot"
	file := func(dir string, i int) string { return fmt.Sprintf("%s/%02d/%d.php", dir, i%50, i) }
	for i := range files {
		if i < 50 {
			mkdirs(t, fmt.Sprintf("%s/%02d", source, i))
		}
		writeFile(t, file(source, i), fmt.Sprintf("<?php return %d;", i))
	}
	first, err := fill(t, source, target, nil)
	if err != nil || first.Files != files || first.Changed != files {
		t.Fatalf("first: %+v, %v", first, err)
	}
	long := time.Now().Add(-time.Hour)
	before := make([]os.FileInfo, files)
	for i := range files {
		// As in a fresh checkout, every time in the source is another.
		if err := os.Chtimes(file(target, i), long, long); err != nil {
			t.Fatal(err)
		}
		if before[i], err = os.Stat(file(target, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range changes {
		writeFile(t, file(source, i), fmt.Sprintf("<?php return -%d;", i)) // of the same length or not
	}
	writeFile(t, target+"/gone.php", "")
	var seen int
	got, err := fill(t, source, target, func(p FillProgress) { seen = p.Changed })
	if err != nil || got.Files != files || got.Changed != changes || got.Deleted != 1 || got.Bytes == 0 || seen < changes {
		t.Errorf("second: %+v, %v; progress of %d", got, err, seen)
	}
	t.Logf("%d files, %d of them changed: %v; all of them new: %v", files, changes, got.Took, first.Took)
	for i := range files {
		now, err := os.Stat(file(target, i))
		if err != nil {
			t.Fatal(err)
		}
		same := os.SameFile(before[i], now) && now.ModTime().Equal(before[i].ModTime())
		if same != (i >= changes) {
			t.Fatalf("file %d: the same: %v", i, same)
		}
	}
	if err := Sync(target); err != nil {
		t.Error(err)
	}
}

func TestFill_RefusesWhatWouldRemoveTooMuch(t *testing.T) {
	stack.Need(t, "rsync")
	dir := t.TempDir()
	mkdirs(t, dir+"/empty", dir+"/full/below", dir+"/target")
	writeFile(t, dir+"/file", "")
	for _, row := range []struct{ source, target, want string }{
		{dir + "/empty", dir + "/target", "is empty"},
		{dir + "/none", dir + "/target", "no such file"},
		{dir + "/file", dir + "/target", "not a directory"},
		{dir + "/full", "/", "in it, or it in the source"},
		{dir + "/full", dir, "in it, or it in the source"},
		{dir + "/full", dir + "/full/below", "in it, or it in the source"},
		{dir + "/full", dir + "/full/", "in it, or it in the source"},
	} {
		if _, err := fill(t, row.source, row.target, nil); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("fill %s from %s: %v, want %q", row.target, row.source, err, row.want)
		}
	}
}

// Every target is in it. It is asked alone: a fill that began would copy the whole machine.
func TestFill_RefusesTheRootDirectoryAsASource(t *testing.T) {
	if _, _, err := mayFill("/", t.TempDir()); err == nil || !strings.Contains(err.Error(), "in it, or it in the source") {
		t.Errorf("got %v", err)
	}
}

func TestFill_TakesPathsAsTheyAre(t *testing.T) {
	stack.Need(t, "rsync")
	t.Chdir(t.TempDir())
	mkdirs(t, "-rf:x", "host:")
	writeFile(t, "-rf:x/a b", "text")
	if _, err := fill(t, "-rf:x", "host:", nil); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("host:/a b"); err != nil || string(text) != "text" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestFill_ThatIsInterruptedIsCarriedOnWith(t *testing.T) {
	stack.Need(t, "rsync")
	source, target := t.TempDir(), t.TempDir()
	for i := range 200 {
		writeFile(t, fmt.Sprintf("%s/%d", source, i), strings.Repeat("x", 10_000))
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Fill(ctx, Filling{Source: source}, permitOf(target), func(FillProgress) { cancel() }); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := fill(t, source, target, nil); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(target); err != nil || len(names) != 200 {
		t.Errorf("%d files, %v", len(names), err)
	}
}

func TestFill_LeavesNoRsyncBehindWhenItsProcessIsKilled(t *testing.T) {
	stack.Need(t, "rsync")
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		fill(t, dir+"/source", dir+"/target", func(FillProgress) { step("filling") })
		t.Fatal("the fill ended before it was killed")
	}
	dir := t.TempDir()
	mkdirs(t, dir+"/source")
	for i := range 200 {
		writeFile(t, fmt.Sprintf("%s/source/%d", dir, i), strings.Repeat("x", 1<<19))
	}
	crash(t, "filling", dir)
	stack.Until(t, "rsync has ended", func() bool {
		left, _ := exec.Command("pgrep", "-f", dir+"/source/").Output()
		return len(left) == 0
	})
	if names, err := os.ReadDir(dir + "/target"); err != nil || len(names) >= 200 {
		t.Errorf("%d files are there, %v: it ran to its end", len(names), err)
	}
	// Nothing of what it has left is taken for somebody else's.
	brought, err := Filling{Source: dir + "/source"}.names()
	if err != nil {
		t.Fatal(err)
	}
	now, err := Scan(dir+"/target", nil)
	if foreign := brought.Foreign(permitOf(dir+"/target"), now, ""); err != nil || len(foreign) > 0 {
		t.Errorf("foreign are %q, %v", foreign, err)
	}
}
