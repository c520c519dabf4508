package check

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"realdocd/cmd/realdocd/doctor"
	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

// atLeast is how many faults the table has to have.
const atLeast = 80

// A table is of the faults that were planted and found.
type table struct {
	mu   sync.Mutex // guards the following
	rows map[string][2]string
}

// note takes a fault that was found: what was planted, and as what it was found.
func (b *table) note(name, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rows == nil {
		b.rows = map[string][2]string{}
	}
	b.rows[name] = [2]string{id, name}
}

// A system with one fault, or a site with one among sites with others: check names that
// one, and nothing else.
func TestCheckFindsWhatIsPlanted(t *testing.T) {
	var found table
	placed, alone := placedFaults(), plantedFaults(t)
	t.Run("beside others", func(t *testing.T) { findPlaced(t, &found, placed) })
	t.Run("alone", func(t *testing.T) { findPlanted(t, &found, alone) })
	var names []string
	for _, row := range placed {
		names = append(names, row.name)
	}
	for _, row := range alone {
		names = append(names, row.name)
	}
	found.compare(t, names)
}

// compare compares the table in the manual with what was found, or writes it.
func (b *table) compare(t *testing.T, names []string) {
	t.Helper()
	if len(names) < atLeast {
		t.Errorf("%d faults are planted, want %d", len(names), atLeast)
	}
	if len(b.rows) < len(names) || t.Failed() {
		t.Logf("the table is not compared: %d of %d faults were found", len(b.rows), len(names))
		return
	}
	got := fmt.Sprintf("The faults are %d.\n.Bl -tag -width Ds\n", len(names))
	for _, id := range slices.Concat(doctor.Kinds(doctor.Fault), doctor.Kinds(doctor.Warning)) {
		var of []string
		for _, name := range names {
			if row := b.rows[name]; row[0] == id {
				of = append(of, escape(name))
			}
		}
		if len(of) > 0 {
			got += ".It Li " + id + "\n" + strings.Join(of, ";\n") + ".\n"
		}
	}
	compareManual(t, "planted", got+".El\n")
}

// figures are of versions, and other than those of another day.
var figures = regexp.MustCompile(`\d[\d.,]*`)

// compareManual compares a part of the manual, but for figures if it is not of this source
// alone, or writes it.
func compareManual(t *testing.T, name, got string) {
	t.Helper()
	begin, end := ".\\\" written by make "+name+"\n", ".\\\" end of what make "+name+" writes\n"
	path := stack.InModule(t, "etc/man/realdocd-check.8")
	text, err := os.ReadFile(path)
	mustDo(t, err)
	before, rest, hasBegin := strings.Cut(string(text), begin)
	has, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	if os.Getenv("CHECK_WRITE") != "" {
		mustDo(t, os.WriteFile(path, []byte(before+begin+got+end+after), 0o644))
		return
	}
	if name == "applications" {
		has, got = figures.ReplaceAllString(has, "N"), figures.ReplaceAllString(got, "N")
	}
	if has != got {
		t.Errorf("%s says something else than the run; make %s writes it (-manual +run):\n%s", path, name, diff.Diff(has, got))
	}
}

// escape has mandoc take a text as it is.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\"", `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
