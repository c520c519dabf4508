package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAHistoryThatIsTooLongIsNotRead(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "history"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(maxText); err != nil {
		t.Fatal(err)
	}
	if text, err := readBounded(file); err != nil || len(text) != maxText {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if err := file.Truncate(maxText + 1); err != nil {
		t.Fatal(err)
	}
	file.Seek(0, 0)
	if _, err := readBounded(file); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("the error is %v", err)
	}
}

// A file that somebody else has put there is neither read into memory nor written to.
func TestHistory_RefusesAFileThatIsTooLong(t *testing.T) {
	dir := t.TempDir()
	h := NewHistory(dir, "shop")
	add(t, h, "/current", "/1")
	file := filepath.Join(dir, "history", "shop", linkFile("/current"))
	if err := os.Truncate(file, maxText+1); err != nil {
		t.Fatal(err)
	}
	for name, use := range map[string]func() error{
		"all events": func() error { _, err := h.Events(); return err },
		"of a link":  func() error { _, err := h.Of("/current"); return err },
		"a new one":  func() error { return h.Add(Event{time.Now(), "/current", "/2", "test"}) },
	} {
		if err := use(); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if fi, err := os.Stat(file); err != nil || fi.Size() != maxText+1 {
		t.Errorf("the file is %+v, %v", fi, err)
	}
}
