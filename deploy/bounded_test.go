package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
