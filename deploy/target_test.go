package deploy

import (
	"os"
	"strings"
	"testing"
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
