package check

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"realdocd/cmd/realdocd/doctor"
	"realdocd/test/manual"
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
	var items []manual.Item
	for _, id := range slices.Concat(doctor.Kinds(doctor.Fault), doctor.Kinds(doctor.Warning)) {
		item := manual.Item{Name: id, Literal: true}
		for _, name := range names {
			if row := b.rows[name]; row[0] == id {
				item.Says = append(item.Says, name)
			}
		}
		if len(item.Says) > 0 {
			items = append(items, item)
		}
	}
	planted := manual.Part{Page: "realdocd-check.8", By: "make planted", Name: "faults"}
	planted.Compare(t, fmt.Sprintf("The faults are %d.\n", len(names))+manual.List(items))
}
