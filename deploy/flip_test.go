package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// crashAt has the environment name the step at which a child process of a test ends.
const crashAt = "DEPLOY_TEST_CRASH_AT"

func TestMain(m *testing.M) {
	if at := os.Getenv(crashAt); at != "" {
		var nth int
		step = func(name string) {
			nth++
			if name == at || fmt.Sprint("#", nth) == at {
				os.Exit(3)
			}
		}
	}
	os.Exit(m.Run())
}

// crash runs this test again in a process that ends at the step, with the directory to work in.
func crash(t *testing.T, at, dir string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), crashAt+"="+at, "DEPLOY_TEST_DIR="+dir)
	out, err := child.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("the child did not end at %q: %v\n%s", at, err, out)
	}
}

func linkText(t *testing.T, link string) string {
	t.Helper()
	text, err := os.Readlink(link)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFlip_KeepsTheKindOfTheLinksText(t *testing.T) {
	for _, row := range []struct{ name, before, after string }{
		{"relative", "releases/1", "releases/2"},
		{"absolute", "ROOT/releases/1", "ROOT/releases/2"},
		{"broken", "releases/gone", "releases/2"},
	} {
		s := newShop(t)
		root := strings.NewReplacer("ROOT", s.root)
		s.flip(root.Replace(row.before))
		if err := Flip(s.root+"/current", s.path("2")); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if got, want := linkText(t, s.root+"/current"), root.Replace(row.after); got != want {
			t.Errorf("%s: the link's text is %q, want %q", row.name, got, want)
		}
		if target, err := LinkTarget(s.root + "/current"); err != nil || target != s.path("2") {
			t.Errorf("%s: the link leads to %s, %v", row.name, target, err)
		}
	}
}

func TestFlip_LeadsRightWhereTheLinksDirectoryIsReachedThroughASymlink(t *testing.T) {
	s := newShop(t)
	alias := t.TempDir() + "/deep/er"
	if err := os.MkdirAll(filepath.Dir(alias), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.root, alias); err != nil {
		t.Fatal(err)
	}
	if err := Flip(alias+"/current", s.path("2")); err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.EvalSymlinks(alias + "/current"); err != nil || got != s.path("2") {
		t.Errorf("the link leads to %s, %v", got, err)
	}
}

func TestFlip_RefusesBeforeItTouchesAnything(t *testing.T) {
	s := newShop(t)
	for _, name := range []string{"dir", "current/below"} {
		if err := os.MkdirAll(s.root+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.root+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ link, release, want string }{
		{"none", "releases/2", "there is no such link"},
		{"dir", "releases/2", "is no symlink"},
		{"file", "releases/2", "is no symlink"},
		{"current", "releases/9", "no such file"},
		{"current", "file", "is not a directory"},
		{"current", "current", "the link itself or below it"},
		{"current", "current/below", "the link itself or below it"},
	} {
		if err := Flip(s.root+"/"+row.link, s.root+"/"+row.release); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("flip %s to %s: %v, want %q", row.link, row.release, err, row.want)
		}
	}
	if err := Flip(s.root+"/current", "releases/2"); err == nil {
		t.Error("took a relative release")
	}
	if got := linkText(t, s.root+"/current"); got != "releases/1" {
		t.Errorf("the link became %q", got)
	}
}

func TestCreateLink_MakesOnlyWhatIsNotThere(t *testing.T) {
	s := newShop(t)
	if err := CreateLink(s.root+"/first", s.path("1")); err != nil {
		t.Fatal(err)
	}
	if got := linkText(t, s.root+"/first"); got != s.path("1") {
		t.Errorf("the link's text is %q", got)
	}
	if err := CreateLink(s.root+"/current", s.path("2")); err == nil {
		t.Error("replaced a link")
	}
}

func TestFlip_ThatIsKilledLeavesAWholeLinkAndTheNextOneSucceeds(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(Flip(dir+"/current", dir+"/releases/2"))
	}
	for at, want := range map[string]string{
		"before the new link": "releases/1", "before the rename": "releases/1", "after the rename": "releases/2",
	} {
		s := newShop(t)
		crash(t, at, s.root)
		if got := linkText(t, s.root+"/current"); got != want {
			t.Errorf("killed %s: the link's text is %q, want %q", at, got, want)
		}
		if err := Flip(s.root+"/current", s.path("2")); err != nil {
			t.Errorf("after a flip killed %s: %v", at, err)
		}
		left, _ := filepath.Glob(s.root + "/.*")
		if len(left) > 0 {
			t.Errorf("killed %s: %q is left", at, left)
		}
	}
}

func TestLockDeploy_KeepsOtherProcessesOutUntilItsOwnEnds(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		if _, err := LockDeploy(dir + "/current"); err != nil {
			fmt.Println(err)
			os.Exit(4)
		}
		step("locked") // and the process ends with the lock
	}
	s := newShop(t)
	crash(t, "locked", s.root)
	lock, err := LockDeploy(s.root + "/current")
	if err != nil {
		t.Fatalf("the lock of a process that has ended: %v", err)
	}
	_, err = LockDeploy(s.root + "/current")
	if holder := fmt.Sprintf("(pid %d, since ", os.Getpid()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), holder) {
		t.Errorf("a second lock: %v, want one that names %q", err, holder)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
	if lock, err = LockDeploy(s.root + "/current"); err != nil {
		t.Errorf("after the unlock: %v", err)
	} else {
		lock.Unlock()
	}
	if _, err := LockDeploy(s.root + "/none/current"); err == nil {
		t.Error("locked what is not there")
	}
}
