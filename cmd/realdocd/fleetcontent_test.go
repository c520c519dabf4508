package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"realdocd/deploy"
)

func TestContentListsWhatTheHashOfAReleaseIsMadeOf(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/releases"`, `exclude = ["*.log"]`)
	dir := s.release("2")
	for _, file := range []string{"/public/index.php", "/public/debug.log"} {
		if err := os.WriteFile(dir+file, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := s.run("fleet", "content", "shop", "2")
	want := fmt.Sprintf("d 0755 0 - \"public\"\nf 0644 1 %x \"public/index.php\"\n", sha256.Sum256([]byte("x")))
	if code != exitDone || stdout != want {
		t.Errorf("exit code %d, %s, got\n%swant\n%s", code, stderr, stdout, want)
	}
	content, err := deploy.NewContents("").Of(t.Context(), dir, deploy.Filling{Exclude: deploy.Excludes{"*.log"}})
	if sum := fmt.Sprintf("v1:%x", sha256.Sum256([]byte(stdout))); err != nil || content.Hash != sum {
		t.Errorf("the hash is %s, %v, and that of the lines %s", content.Hash, err, sum)
	}
	// What was brought, and is not what is wanted, has no name yet.
	if err := os.Rename(dir, s.dir+"/releases/.43.partial"); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := s.run("fleet", "content", "shop", "43"); code != exitDone || stdout != want {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr := s.run("fleet", "content", "shop", "44"); code != exitNo {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
