package etc

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each line of realdocd-security(7) that says who may do what names the test that tries
// what it forbids. A line without one is a promise that nobody keeps.
func TestSecurityPage_EachLineHasATest(t *testing.T) {
	text, err := os.ReadFile("man/realdocd-security.7")
	if err != nil {
		t.Fatal(err)
	}
	_, lists, _ := strings.Cut(string(text), ".Ss The visitor")
	lists, _, _ = strings.Cut(lists, ".Sh ")
	known := testNames(t)
	lines := strings.Split(lists, "\n")
	items := 0
	for i, line := range lines {
		if line != ".It" {
			continue
		}
		items++
		name, found := strings.CutPrefix(lines[i+1], `.\" `)
		switch {
		case !found:
			t.Errorf("%q names no test", strings.Join(lines[i+1:i+3], " "))
		case !known[name]:
			t.Errorf("%q names %s, which is no test", strings.Join(lines[i+2:i+4], " "), name)
		}
	}
	if items < 20 {
		t.Errorf("the page has %d lines", items)
	}
}

// testNames are all tests of the tree.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	declared := regexp.MustCompile(`^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if name := declared.FindStringSubmatch(lines.Text()); name != nil {
				known[name[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}
