package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func mkdirs(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIdleSlot_IsTheOneAfterTheLiveSlot(t *testing.T) {
	dir := t.TempDir()
	slots := []string{dir + "/A", dir + "/B/", dir + "/C"}
	mkdirs(t, slots...)
	for live, want := range map[string]string{"/A": "/B", "/B": "/C", "/C": "/A", "/other": "/A"} {
		if got, err := IdleSlot(slots, dir+live); err != nil || got != dir+want {
			t.Errorf("%s is live: got %s, %v; want %s", live, got, err, want)
		}
	}
	if got, err := IdleSlot([]string{dir + "/A", dir + "/new"}, dir+"/A"); err != nil || got != dir+"/new" {
		t.Errorf("got %s, %v; want a slot that is not there yet", got, err)
	}
	if err := os.Symlink("A", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if _, err := IdleSlot([]string{dir + "/A", dir + "/link"}, dir+"/A"); err == nil || !strings.Contains(err.Error(), "it is no directory") {
		t.Errorf("a slot that is a symlink: %v", err)
	}
}

func TestNewRelease_HasTheTimeForANameAndCarriesOnWithWhatIsLeft(t *testing.T) {
	dir := t.TempDir() + "/releases"
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	partial, final, err := NewRelease(dir, now)
	if err != nil || final != dir+"/20261124120000" || partial != dir+"/.20261124120000.partial" {
		t.Fatalf("got %s, %s, %v", partial, final, err)
	}
	again, sameFinal, err := NewRelease(dir, now.Add(time.Hour))
	if err != nil || again != partial || sameFinal != final {
		t.Errorf("after an interrupted deploy: %s, %s, %v", again, sameFinal, err)
	}
	if err := Complete(partial, final); err != nil {
		t.Fatal(err)
	}
	if _, second, err := NewRelease(dir, now); err != nil || second != final+"-2" {
		t.Errorf("in the same second: %s, %v", second, err)
	}
}

func TestComplete_ThatIsKilledLeavesAPartialReleaseOrAWholeOne(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(Complete(dir+"/.1.partial", dir+"/1"))
	}
	for at, want := range map[string]string{"before the release has its name": ".1.partial", "when the release has its name": "1"} {
		dir := t.TempDir()
		mkdirs(t, dir+"/.1.partial/public")
		crash(t, at, dir)
		if names, _ := filepath.Glob(dir + "/*"); want == "1" && !slices.Equal(names, []string{dir + "/1"}) {
			t.Errorf("killed %s: there is %q", at, names)
		}
		if _, err := os.Stat(dir + "/" + want + "/public"); err != nil {
			t.Errorf("killed %s: %v", at, err)
		}
	}
}

func TestExpired_AreTheOldestThatAreNotProtected(t *testing.T) {
	for _, row := range []struct {
		name      string
		there     string
		keep      int
		protected string
		want      string
	}{
		{"timestamps", "20260101000000 20260102000000 20260102000000-2 20260103000000", 2, "", "20260101000000 20260102000000"},
		{"Deployer's numbers", "1 2 9 10 11", 2, "", "1 2 9"},
		{"the live one is old", "1 2 3", 1, "1", "2"},
		{"few", "1 2", 5, "", ""},
		{"what is no release", "1 2 3 .4.partial .0.removing", 1, "", "1 2"},
	} {
		dir := t.TempDir()
		for name := range strings.FieldsSeq(row.there) {
			mkdirs(t, dir+"/"+name)
		}
		if err := os.WriteFile(dir+"/0", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Expired(dir, row.keep, dir+"/"+row.protected+"/")
		for i, path := range got {
			got[i] = filepath.Base(path)
		}
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: got %q, %v; want %q", row.name, got, err, row.want)
		}
	}
}

func TestRemoveRelease_ThatIsKilledLeavesNoHalfRelease(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(RemoveRelease(dir + "/1"))
	}
	for at, whole := range map[string]bool{"before the release loses its name": true, "when the release has lost its name": false} {
		dir := t.TempDir()
		mkdirs(t, dir+"/1/public", dir+"/2/public")
		crash(t, at, dir)
		if _, err := os.Stat(dir + "/1/public"); (err == nil) != whole {
			t.Errorf("killed %s: %v", at, err)
		}
		if err := RemoveRelease(dir + "/2"); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(dir + "/.*"); len(left) > 0 {
			t.Errorf("%q is left", left)
		}
	}
}
