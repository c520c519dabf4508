package deploy

import (
	"os"
	"slices"
	"strings"
	"testing"

	"realdocd/test/stack"
)

func TestExcludes_MatchAsRsyncDoes(t *testing.T) {
	stack.Need(t, "rsync")
	exclude := Excludes{".git", "var/cache", "*.log", "node_modules/", "[ab].txt"}
	names := []string{
		".git/config", "deep/.git/config", "var/cache/x", "deep/var/cache/x", "var/cachet", "a.log", "deep/a.log/in",
		"node_modules/left-pad/index.js", "a.txt", "c.txt", "index.php", "x/node_modules/y",
	}
	source, target := t.TempDir(), t.TempDir()
	for _, name := range names {
		mkdirs(t, source+"/"+name[:strings.LastIndex("/"+name, "/")])
		writeFile(t, source+"/"+name, name)
	}
	if _, err := Fill(t.Context(), Filling{Source: source, Exclude: exclude}, permitOf(target), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if copied := exists(target + "/" + name); copied == exclude.match(name) {
			t.Errorf("%s: copied is %v", name, copied)
		}
	}
	// What is excluded survives a fill from a source without it.
	writeFile(t, target+"/app.log", "kept")
	if _, err := Fill(t.Context(), Filling{Source: source, Exclude: exclude}, permitOf(target), nil); err != nil || !exists(target+"/app.log") {
		t.Errorf("an excluded file is gone: %v", err)
	}
}

func TestCheckExcludeAndShared_SayWhatIsWrong(t *testing.T) {
	for _, pattern := range []string{"", "/", "..", "../x", "a//b", "a/../b", "[", "**/x", `a\b`} {
		if CheckExclude(pattern) == nil {
			t.Errorf("%q is taken", pattern)
		}
	}
	for _, shared := range [][]string{{"/abs"}, {""}, {".."}, {"../x"}, {"a/./b"}, {"a", "a/"}, {"a", "a/b"}, {"a/b/c", "a"}} {
		if CheckShared(shared) == nil {
			t.Errorf("%q is taken", shared)
		}
	}
	if err := CheckShared([]string{"storage", "public/uploads", ".env", "storage2/"}); err != nil {
		t.Error(err)
	}
}

func TestForeign_AreFilesThatNoFillBroughtOrThatHaveChanged(t *testing.T) {
	dir, source := t.TempDir(), t.TempDir()
	for _, name := range []string{"same", "changed", "touched", "edited as the source", "any"} {
		writeFile(t, dir+"/"+name, "old")
	}
	link(t, "same", dir+"/link")
	before, err := Scan(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	before["any"] = Brought{Kind: "?"}
	writeFile(t, dir+"/changed", "hotfix")
	writeFile(t, dir+"/edited as the source", "new one")
	writeFile(t, source+"/edited as the source", "new one")
	writeFile(t, dir+"/any", "whatever")
	mkdirs(t, dir+"/uploads/deep", dir+"/cache")
	writeFile(t, dir+"/uploads/deep/\"photo\"\n.jpg", "")
	writeFile(t, dir+"/cache/x", "")
	os.Remove(dir + "/link")
	link(t, "elsewhere", dir+"/link")
	now, err := Scan(dir, Excludes{"cache"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"changed (changed since)", "link (changed since)", "uploads/deep/\"photo\"\n.jpg"}
	if got := before.Foreign(permitOf(dir), now, source); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	records := NewRecords(t.TempDir())
	if err := records.PutManifest("/slot", now); err != nil {
		t.Fatal(err)
	}
	again, err := records.Manifest("/slot")
	if err != nil || len(again.Foreign(permitOf(dir), now, "")) > 0 || len(now) != len(again) {
		t.Errorf("written and read: %v, %v", again, err)
	}
}

// sharedYard has a release with the files of a source, and shared_dir beside it.
func sharedYard(t *testing.T, dir string) (y *yard, s Shared, source, release string) {
	t.Helper()
	y = newYard(t, dir)
	source = dir + "/source"
	mkdirs(t, source+"/public/uploads", source+"/storage/logs")
	writeFile(t, source+"/storage/logs/.gitkeep", "")
	writeFile(t, source+"/.env", "first")
	release = y.made("1")
	return y, Shared{Dir: dir + "/shared", Paths: []string{"storage", "public/uploads", ".env", "cache/"}}, source, release
}

func TestShared_IsWhatTheSourceBringsAtFirstAndStays(t *testing.T) {
	y, s, source, release := sharedYard(t, t.TempDir())
	for range 2 {
		if err := s.Prepare(source); err != nil {
			t.Fatal(err)
		}
		if err := s.Link(y.permit(release)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, source+"/.env", "second")
	}
	for name, want := range map[string]string{
		"storage": "../../shared/storage", "public/uploads": "../../../shared/public/uploads", ".env": "../../shared/.env", "cache": "../../shared/cache",
	} {
		if got := linkText(t, release+"/"+name); got != want {
			t.Errorf("%s leads to %s, want %s", name, got, want)
		}
	}
	if text, err := os.ReadFile(release + "/.env"); err != nil || string(text) != "first" {
		t.Errorf("the shared .env is %q, %v", text, err)
	}
	if !exists(release + "/storage/logs/.gitkeep") {
		t.Error("what the source has is not shared")
	}
	s.Paths = []string{"none"}
	if err := s.Prepare(source); err == nil || !strings.Contains(err.Error(), "mkdir "+s.Dir+"/none") {
		t.Errorf("neither has it: %v", err)
	}
}

func TestShared_StaysInSharedDirWhateverIsInTheWay(t *testing.T) {
	y, s, source, release := sharedYard(t, t.TempDir())
	outside := t.TempDir()
	mkdirs(t, s.Dir)
	link(t, outside, s.Dir+"/public")
	if err := s.Prepare(source); err == nil || exists(outside+"/uploads") {
		t.Errorf("it went by a symlink of shared_dir: %v", err)
	}
	os.Remove(s.Dir + "/public")
	if err := s.Prepare(source); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(release + "/public"); err != nil {
		t.Fatal(err)
	}
	link(t, outside, release+"/public")
	if err := s.Link(y.permit(release)); err == nil || exists(outside+"/uploads") {
		t.Errorf("it went by a symlink of the release: %v", err)
	}
}

func TestShared_ThatIsKilledIsCarriedOnWith(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		y := newYard(t, dir)
		s := Shared{Dir: dir + "/shared", Paths: []string{"storage", "public/uploads", ".env", "cache/"}}
		if err := s.Prepare(dir + "/source"); err != nil {
			t.Fatal(err)
		}
		t.Fatal(s.Link(y.permit(dir + "/releases/1")))
	}
	for _, at := range []string{"before what is shared has its name", "before a shared link", "before a shared link has its name"} {
		y, s, source, release := sharedYard(t, t.TempDir())
		crash(t, at, y.dir)
		writeFile(t, y.dir+"/shared-sentinel", "")
		if err := s.Prepare(source); err != nil {
			t.Fatal(err)
		}
		if err := s.Link(y.permit(release)); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(release + "/.env"); err != nil || string(text) != "first" {
			t.Errorf("killed %s: .env is %q, %v", at, text, err)
		}
		for _, dir := range []string{s.Dir, release, release + "/public", s.Dir + "/public"} {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.Contains(e.Name(), "realdocd-next") {
					t.Errorf("killed %s: %s is left in %s", at, e.Name(), dir)
				}
			}
		}
	}
}
