package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noted is a test that notes what it is told, and goes on.
type noted struct {
	*testing.T
	said []string
}

func (n *noted) Errorf(format string, args ...any) {
	n.said = append(n.said, fmt.Sprintf(format, args...))
}
func (n *noted) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

const page = ".Sh ONE\n.\\\" written by make one: rows\nold 1\n.\\\" end of rows\n.Sh TWO\n"

// partOf is the part of a page in a directory of its own.
func partOf(t *testing.T, page string) (p Part, file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "one.7")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	return Part{Page: "one.7", By: "make one", Name: "rows", dir: dir}, file
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCompare_FailsIfThePageSaysSomethingElse(t *testing.T) {
	t.Setenv("MANUAL_WRITE", "")
	p, file := partOf(t, page)
	n := &noted{T: t}
	p.Compare(n, "old 1\n")
	if len(n.said) != 0 {
		t.Errorf("the same is another: %q", n.said)
	}
	p.Compare(n, "new 1\n")
	if len(n.said) != 1 || !strings.Contains(n.said[0], "make one writes it") {
		t.Errorf("what is another came to %q", n.said)
	}
	if textOf(t, file) != page {
		t.Errorf("the page was written: %s", textOf(t, file))
	}
}

func TestCompareBut_LeavesOutWhatIsAnotherEachTime(t *testing.T) {
	t.Setenv("MANUAL_WRITE", "")
	p, _ := partOf(t, page)
	without := func(text string) string { return strings.TrimRight(text, "0123456789\n") }
	n := &noted{T: t}
	p.CompareBut(n, "old 17\n", without)
	if len(n.said) != 0 {
		t.Errorf("another figure is a difference: %q", n.said)
	}
	p.CompareBut(n, "new 1\n", without)
	if len(n.said) != 1 {
		t.Errorf("another word is none: %q", n.said)
	}
}

func TestCompare_WritesWhatTheRunCameTo(t *testing.T) {
	t.Setenv("MANUAL_WRITE", "1")
	p, file := partOf(t, page)
	n := &noted{T: t}
	p.Compare(n, "new\n")
	if len(n.said) != 0 {
		t.Errorf("it says %q", n.said)
	}
	if got, want := textOf(t, file), strings.Replace(page, "old 1", "new", 1); got != want {
		t.Errorf("the page is\n%s\nwant\n%s", got, want)
	}
}

// A page without the marks, or with one of them, has no place for a table: that is said, and nothing is written.
func TestAPart_NeedsBothOfItsMarks(t *testing.T) {
	for _, without := range []string{".\\\" written by make one: rows\n", ".\\\" end of rows\n"} {
		cut := strings.Replace(page, without, "", 1)
		p, file := partOf(t, cut)
		if err := p.Write("new\n"); err == nil || !strings.Contains(err.Error(), "it has no lines") {
			t.Errorf("without %q: %v", without, err)
		}
		if textOf(t, file) != cut {
			t.Errorf("without %q the page was written", without)
		}
	}
}
