package deploy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// farm makes a tree of directories and links at random, some of which lead in circles or to nothing, and gives
// paths through it.
func farm(t *testing.T, random *rand.Rand) (root string, paths []string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{root}
	names := []string{"a", "b", "c", "d"}
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	for range 14 {
		dir := pick(dirs) + "/" + pick(names)
		if os.Mkdir(dir, 0o755) == nil {
			dirs = append(dirs, dir)
		}
	}
	for range 14 {
		text := []string{pick(names), "../" + pick(names), pick(names) + "/" + pick(names), "./" + pick(names) + "//..", pick(dirs), pick(dirs) + "/" + pick(names), ".."}
		os.Symlink(pick(text), pick(dirs)+"/"+pick([]string{"l", "m", "n", pick(names)})) // or there is something already
	}
	for range 20 {
		path := root
		for range 1 + random.IntN(5) {
			name := pick(names)
			if entries, _ := os.ReadDir(path); len(entries) > 0 && random.IntN(10) > 0 {
				name = entries[random.IntN(len(entries))].Name()
			}
			path += "/" + name
		}
		paths = append(paths, path)
	}
	return root, paths
}

func TestAWalkGoesWhereTheKernelGoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 12))
	ends, links := 0, 0
	for range 100 {
		_, paths := farm(t, random)
		for _, path := range paths {
			way, err := Walk(path)
			want, wantErr := filepath.EvalSymlinks(path)
			if (err == nil) != (wantErr == nil) || err == nil && way.End != want {
				t.Fatalf("%s ends at %s, %v; want %s, %v", path, way.End, err, want, wantErr)
			}
			if wantErr != nil {
				if _, kernel := os.Stat(path); errors.Is(kernel, unix.ELOOP) != errors.Is(err, unix.ELOOP) {
					t.Fatalf("%s: %v, and the kernel says %v", path, err, kernel)
				}
				continue
			}
			ends++
			for _, l := range way.Links {
				links++
				if text, err := os.Readlink(l.Path); err != nil || text != l.Text {
					t.Fatalf("%s: the link %s says %q, %v; want %q", path, l.Path, text, err, l.Text)
				}
				if leads, err := filepath.EvalSymlinks(l.Path); err != nil || leads != l.Leads {
					t.Fatalf("%s: the link %s leads to %s, %v; want %s", path, l.Path, l.Leads, err, leads)
				}
				if behind, err := filepath.EvalSymlinks(l.Leads + l.Below); err != nil || behind != way.End {
					t.Fatalf("%s: behind %s is %s, which comes to %s, %v; want %s", path, l.Path, l.Below, behind, err, way.End)
				}
				if l.As != "" && !strings.HasPrefix(way.Path, l.As) {
					t.Fatalf("%s: the link %s is written %s", path, l.Path, l.As)
				}
			}
		}
	}
	if ends < 500 || links < 300 {
		t.Errorf("only %d paths came to an end, over %d links", ends, links)
	}
}

// Whichever link is taken for the one that is flipped: what is served is the docroot, pinned, and every spelling
// leads where it says.
func TestWhateverTheLayoutADocrootIsPinned(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 12))
	resolved, doubtful := 0, 0
	for range 100 {
		_, paths := farm(t, random)
		for _, path := range paths {
			got, err := Inspect(path, Options{})
			if err != nil {
				continue
			}
			resolved++
			if got.Doubt != nil {
				doubtful++
			}
			what := fmt.Sprintf("%s: link %s, release %s, below %s", path, got.Link, got.Release, got.Below)
			if !sameDir(t, got.ResolvedDocroot, path) {
				t.Fatalf("%s: the docroot is not %s", what, got.ResolvedDocroot)
			}
			if real, err := filepath.EvalSymlinks(got.Release); err != nil || real != got.Release {
				t.Fatalf("%s: the release is %s, %v", what, real, err)
			}
			for _, s := range got.Spellings {
				if !sameDir(t, s[0], s[1]) {
					t.Fatalf("%s: %s is not %s", what, s[0], s[1])
				}
			}
		}
	}
	if resolved < 500 {
		t.Errorf("only %d docroots were there", resolved)
	}
	t.Logf("%d docroots, %d of which pass several links that could be meant", resolved, doubtful)
}
