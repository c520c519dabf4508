package install

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"realdocd/test/stack"
)

// The versions that are built, both from a git repository made of this source tree; the second has
// another sample configuration.
const (
	oldVersion = "1.0.0"
	newVersion = "1.1.0"
	newSample  = "\n# This sample came with " + newVersion + ".\n"
	// Of the commits; the packages must have these times.
	oldDate = "2026-01-02T03:04:05+00:00"
	newDate = "2026-02-03T04:05:06+00:00"
)

// Builds are what make deb rpm gives, built once for all tests.
type builds struct {
	dir      string
	tree     string    // a source tree in which oldVersion was built
	again    string    // another one, elsewhere and under another umask
	old, new artifacts // of the first tree, and of the second one's next commit
	same     artifacts // oldVersion as the second tree has it
}

// Artifacts are the files that came out of one build.
type artifacts struct{ binary, deb, rpm string }

var built struct {
	once sync.Once
	builds
	err error
}

// Build gives the packages, or ends the test with what make said.
func build(t *testing.T) *builds {
	t.Helper()
	stack.Need(t, "make")
	stack.Need(t, "git")
	built.once.Do(func() { built.err = built.make() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return &built.builds
}

func removeBuilds() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}

func (b *builds) make() (err error) {
	if b.dir, err = os.MkdirTemp("/tmp", "rdbuild"); err != nil {
		return err
	}
	b.tree, b.again = filepath.Join(b.dir, "tree"), filepath.Join(b.dir, "a directory", "elsewhere")
	for _, tree := range []string{b.tree, b.again} {
		if err := copySource(tree); err != nil {
			return err
		}
		if err := commit(tree, oldVersion, oldDate); err != nil {
			return err
		}
	}
	if b.old, err = makePackages(b.tree, "022"); err != nil {
		return err
	}
	if b.same, err = makePackages(b.again, "077"); err != nil {
		return err
	}
	// The next make removes the packages of the one before.
	kept := filepath.Join(b.dir, "kept")
	if b.same, err = b.same.move(kept); err != nil {
		return err
	}
	sample := filepath.Join(b.again, "etc/realdocd/realdocd.toml")
	text, err := os.ReadFile(sample)
	if err != nil {
		return err
	}
	if err := os.WriteFile(sample, append(text, newSample...), 0o644); err != nil {
		return err
	}
	if err := commit(b.again, newVersion, newDate); err != nil {
		return err
	}
	b.new, err = makePackages(b.again, "022")
	return err
}

func makePackages(tree, umask string) (a artifacts, err error) {
	if err := inTree(tree, "umask "+umask+"; make deb rpm"); err != nil {
		return a, err
	}
	a.binary = filepath.Join(tree, "bin/realdocd")
	for pattern, file := range map[string]*string{"dist/*.deb": &a.deb, "dist/*.rpm": &a.rpm} {
		found, _ := filepath.Glob(filepath.Join(tree, pattern))
		if len(found) != 1 {
			return a, fmt.Errorf("make deb rpm leaves %q in dist, want one of each kind", found)
		}
		*file = found[0]
	}
	return a, nil
}

func (a artifacts) move(to string) (artifacts, error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return a, err
	}
	for _, file := range []*string{&a.binary, &a.deb, &a.rpm} {
		moved := filepath.Join(to, filepath.Base(*file))
		if err := os.Rename(*file, moved); err != nil {
			return a, err
		}
		*file = moved
	}
	return a, nil
}

// copySource copies this source tree without what was built in it.
func copySource(to string) error {
	const from = "../.."
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", "bin", "dist"}, name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch info, err := entry.Info(); {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !entry.Type().IsRegular():
			return nil
		default:
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, name), text, info.Mode())
		}
	})
}

// commit commits all of the tree, and tags it. The same files at the same date are the same commit.
func commit(tree, version, date string) error {
	return inTree(tree, fmt.Sprintf(`
		export GIT_AUTHOR_DATE=%[1]s GIT_COMMITTER_DATE=%[1]s GIT_AUTHOR_NAME=a GIT_COMMITTER_NAME=a \
			GIT_AUTHOR_EMAIL=a@localhost GIT_COMMITTER_EMAIL=a@localhost GIT_CONFIG_GLOBAL=/dev/null
		git init -q
		git add -A
		git commit -qm %[2]s
		git tag v%[2]s`, date, version))
}

// inTree runs a script without what an outer make, or git, tells its children.
func inTree(tree, script string) error {
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = tree
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "MAKE") || strings.HasPrefix(name, "GIT_") ||
			slices.Contains([]string{"MFLAGS", "SOURCE_DATE_EPOCH", "VERSION", "COMMIT", "DESTDIR", "PREFIX"}, name)
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s\nin %s: %w\n%s", script, tree, err, out)
	}
	return nil
}

// command gives what a command writes, and ends the test when it fails.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}
