package gateway

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMemoryIsThatOfTheNarrowestCgroup(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"a/memory.max": "max\n", "memory.max": "5000\n", "a/b/memory.max": "9000\n",
		"memory/docker/memory.limit_in_bytes": "9223372036854771712\n", "memory/docker/x/memory.limit_in_bytes": "7000\n",
		"memory/memory.limit_in_bytes": "6000\n",
	} {
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		of   string
		want int64
	}{
		{"", 8000},
		{"0::/a/b\n", 5000},
		{"0::/\n", 5000},
		{"5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n", 6000},
		{"4:hugetlb,memory:/only/outside\n", 6000},
		{"3:cpuset:/\nnonsense\n", 8000},
	} {
		if got := leastLimit(8000, []byte(row.of), root); got != row.want {
			t.Errorf("%q: %d bytes, want %d", row.of, got, row.want)
		}
	}
}
