package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSize_HasUnits(t *testing.T) {
	for _, row := range []struct {
		text string
		want int64
	}{
		{"0B", 0}, {"17B", 17}, {"64KiB", 64 << 10}, {"10MiB", 10 << 20}, {"2GiB", 2 << 30}, {"3TiB", 3 << 40},
	} {
		if got, err := size(row.text); err != nil || got != row.want {
			t.Errorf("%s: %d, %v, want %d", row.text, got, err, row.want)
		}
	}
	for _, text := range []string{"", "5", "KiB", "1.5GiB", "+1KiB", "1 KiB", "1kib", "8388608TiB"} {
		if got, err := size(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestLoad_RefusesAFileThatIsTooLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "realdocd.toml")
	if err := os.WriteFile(file, []byte(strings.Repeat("#\n", maxFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "more than 4194304 bytes") {
		t.Errorf("the error is %v", err)
	}
}
