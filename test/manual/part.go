package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	diff "github.com/google/go-cmp/cmp"

	"realdocd/test/stack"
)

// Writes says whether runs write the manual, and do not compare it.
func Writes() bool { return os.Getenv("MANUAL_WRITE") != "" }

// A Part is what stands between two marks of a page.
type Part struct {
	Page string // such as realdocd-deploy.7
	By   string // the command that writes it
	Name string

	dir string // of the page; "" is that of the source tree
}

// marks are the lines around it.
func (p Part) marks() (begin, end string) {
	return fmt.Sprintf(".\\\" written by %s: %s\n", p.By, p.Name), fmt.Sprintf(".\\\" end of %s\n", p.Name)
}

func (p Part) file() (string, error) {
	if p.dir != "" {
		return filepath.Join(p.dir, p.Page), nil
	}
	top, err := stack.ModuleDir()
	return filepath.Join(top, "etc/man", p.Page), err
}

// read gives the part, and what stands before and after it.
func (p Part) read() (before, text, after string, err error) {
	file, err := p.file()
	if err != nil {
		return "", "", "", err
	}
	page, err := os.ReadFile(file)
	if err != nil {
		return "", "", "", err
	}
	before, text, after, err = p.cut(string(page))
	if err != nil {
		return "", "", "", fmt.Errorf("%s: %w", file, err)
	}
	return before, text, after, nil
}

// cut finds the part in the text of a page.
func (p Part) cut(page string) (before, text, after string, err error) {
	begin, end := p.marks()
	before, rest, begins := strings.Cut(page, begin)
	text, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", "", "", fmt.Errorf("it has no lines %q and %q", begin, end)
	}
	return before, text, after, nil
}

// Text is what the page has.
func (p Part) Text(t stack.TB) string {
	t.Helper()
	_, text, _, err := p.read()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return text
}

// Write has the page say this, whatever it has said.
func (p Part) Write(text string) error {
	before, _, after, err := p.read()
	if err != nil {
		return err
	}
	file, err := p.file()
	if err != nil {
		return err
	}
	begin, end := p.marks()
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}

// Compare fails if the page has something else than the run came to, or writes it.
func (p Part) Compare(t stack.TB, run string) {
	t.Helper()
	p.CompareBut(t, run, func(text string) string { return text })
}

// CompareBut is [Part.Compare] for what is not the same in every run: without leaves that out of a text.
func (p Part) CompareBut(t stack.TB, run string, without func(string) string) {
	t.Helper()
	has := p.Text(t)
	if Writes() {
		if err := p.Write(run); err != nil {
			t.Fatalf("%v", err)
		}
		return
	}
	if has, run := without(has), without(run); has != run {
		t.Errorf("%s says something else than the run; %s writes it (-manual +run):\n%s", p.Page, p.By, diff.Diff(has, run))
	}
}
