package install

import (
	"bytes"
	"debug/elf"
	"os"
	"runtime"
	"testing"
)

func TestBuild_ProgramNeedsNoOtherFile(t *testing.T) {
	file, err := elf.Open(build(t).old.binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has %v: it is not static", part.Type)
		}
	}
}

func TestBuild_IsTheSameElsewhereAndLater(t *testing.T) {
	b := build(t)
	for _, pair := range [][2]string{{b.old.binary, b.same.binary}, {b.old.deb, b.same.deb}, {b.old.rpm, b.same.rpm}} {
		one, err := os.ReadFile(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s and %s, of the same commit, differ", pair[0], pair[1])
		}
	}
}

func TestBuild_ProgramSaysWhichItIs(t *testing.T) {
	b := build(t)
	hash := command(t, b.tree, "git", "rev-parse", "--short=12", "HEAD")[:12]
	rest := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	want := "realdocd v" + oldVersion + " (commit " + hash + ") " + rest
	if said := command(t, "", b.old.binary, "version"); said != want {
		t.Errorf("realdocd version says %q, want %q", said, want)
	}
	// Without make, it is what go knows of the tree.
	plain := b.dir + "/plain"
	command(t, b.tree, "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-buildvcs=true", "-o", plain, "./cmd/realdocd")
	if said := command(t, "", plain, "version"); said != want {
		t.Errorf("built without make, realdocd version says %q, want %q", said, want)
	}
}
