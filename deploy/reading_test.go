package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lay writes files, given as name and text; "-> " begins the text of a symlink.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, isLink := strings.CutPrefix(text, "-> "); isLink {
			err = os.Symlink(to, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatAReleaseNamesOfOtherDirectoriesIsFoundWithFileAndLine(t *testing.T) {
	for _, row := range []struct {
		name, file, text string
		want             string // FILE:LINE; "" is nothing
		runs             bool
	}{
		{"cached configuration", "bootstrap/cache/config.php", "<?php return [\n'view' => 'SRC/build/resources/views'];", "bootstrap/cache/config.php:2", true},
		{"a comment", "storage/views/a.php", "<?php /**PATH SRC/build/resources/a.blade.php */", "", false},
		{"the environment", ".env", "A=1\n# SRC/build\nAPP_PATH=SRC/build", ".env:3", true},
		{"settings of PHP", "public/.user.ini", "auto_prepend_file = SRC/releases/1/lib/a.php", "public/.user.ini:1", true},
		{"another release", "a.php", "<?php require 'SRC/releases/1/a.php';", "a.php:1", true},
		{"its own directory", "a.php", "<?php require 'SRC/releases/2/a.php';", "", false},
		{"a name that only begins alike", "a.php", "<?php require 'SRC/build2/a.php';", "", false},
		{"what PHP does not run", "composer.json", `{"dir": "SRC/build"}`, "composer.json:1", false},
		{"a symlink", "lib", "-> SRC/build/lib", "lib", true},
		{"a symlink to another release, relative", "lib", "-> ../1/lib", "lib", true},
		{"a symlink within the release", "lib", "-> public", "", false},
		{"a shared file", ".env", "-> ../../shared/.env", "../../shared/.env:1", true},
		{"a shared directory", "storage", "-> ../../shared/storage", "../../shared/storage/cache/a.php:1", true},
		{"a directory that is not read", "node_modules/a.php", "<?php 'SRC/build';", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			mkdirs(t, dir+"/releases/1/lib", dir+"/releases/2/public", dir+"/build/lib")
			fill := func(text string) string { return strings.ReplaceAll(text, "SRC", dir) }
			lay(t, dir, map[string]string{"shared/.env": fill("A=SRC/build"), "shared/storage/cache/a.php": fill("<?php 'SRC/releases/1';")})
			lay(t, dir+"/releases/2", map[string]string{row.file: fill(row.text)})
			got, err := Read(t.Context(), dir+"/releases/2", []Foreign{{dir + "/build", "the source"}, {dir + "/releases/1", "another release"}})
			if err != nil {
				t.Fatal(err)
			}
			if row.want == "" {
				if len(got.Namings) > 0 {
					t.Errorf("found %v", got.Namings)
				}
				return
			}
			want := filepath.Clean(dir + "/releases/2/" + row.want)
			if len(got.Namings) != 1 || !strings.HasPrefix(got.Namings[0].String(), want+" names ") || got.Stops() != row.runs {
				t.Errorf("found %v, stops %v; want %s, %v", got.Namings, got.Stops(), want, row.runs)
			}
		})
	}
}

func TestADirectoryOfTheRootDoesNotStopWhatLooksLikeAURL(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"a.php": "<?php route('/app/login');"})
	got, err := Read(t.Context(), dir, []Foreign{{"/app", "the source"}})
	if err != nil || len(got.Namings) != 1 || got.Stops() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheAgeOfAReleaseIsThatOfItsYoungestPHPFile(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"a.php": "<?php", "b.php": "<?php", "c.css": "", "ahead.php": "<?php", "zero.php": "<?php"})
	now := time.Now()
	young := now.Add(-time.Minute).Truncate(time.Second)
	for name, at := range map[string]time.Time{
		"a.php": now.Add(-time.Hour), "b.php": young, "c.css": now, "ahead.php": now.Add(time.Hour), "zero.php": time.Unix(0, 0),
	} {
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(t.Context(), dir, nil)
	if err != nil || !got.Newest.Equal(young) || got.Odd != 2 {
		t.Errorf("%+v, %v; want %v and two odd files", got, err, young)
	}
}
