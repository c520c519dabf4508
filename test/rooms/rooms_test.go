package rooms

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	top = "../.."
	mod = "realdocd/"
)

func TestRooms_ImportOnlyWhatTheMapNames(t *testing.T) {
	allowed, imports := readMap(t), listImports(t)
	if have, want := slices.Sorted(maps.Keys(imports)), slices.Sorted(maps.Keys(allowed)); !slices.Equal(have, want) {
		t.Errorf("the packages are\n%q\nand the rooms of CONTRIBUTING.md\n%q", have, want)
	}
	for room, others := range imports {
		for _, other := range others {
			if !slices.Contains(allowed[room], other) {
				t.Errorf("%s imports %s, which CONTRIBUTING.md does not let it", room, other)
			}
		}
	}
}

// Go keeps packages from importing each other, and not the map: a room that may import one that may import it
// is written wrongly.
func TestRooms_TheMapPointsDown(t *testing.T) {
	allowed := readMap(t)
	var below func(room string, seen []string)
	below = func(room string, seen []string) {
		if slices.Contains(seen, room) {
			t.Fatalf("the map leads in a circle: %q", append(seen, room))
		}
		for _, other := range allowed[room] {
			below(other, append(slices.Clone(seen), room))
		}
	}
	for room := range allowed {
		below(room, nil)
	}
}

// readMap gives the rooms of CONTRIBUTING.md, each with those that it may import, by their paths.
func readMap(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path.Join(top, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "| room | has | may import |\n")
	section, _, _ = strings.Cut(section, "\n\n")
	rows := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|.*\\|(.*)\\|$").FindAllStringSubmatch(section, -1)
	if !found || len(rows) == 0 {
		t.Fatal("CONTRIBUTING.md has no map of rooms")
	}
	byName := map[string]string{} // a room's path by its last word
	for _, row := range rows {
		byName[path.Base(row[1])] = row[1]
	}
	rooms := map[string][]string{}
	for _, row := range rows {
		rooms[row[1]] = nil
		for _, name := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[2], -1) {
			if byName[name[1]] == "" {
				t.Errorf("the map lets %s import %s, which is not a room", row[1], name[1])
			}
			rooms[row[1]] = append(rooms[row[1]], byName[name[1]])
		}
	}
	return rooms
}

// listImports gives the module's packages outside etc and test, each with the module's packages that it imports.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = top
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	rooms := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], mod)
		if first, _, _ := strings.Cut(room, "/"); first == "test" || first == "etc" {
			continue
		}
		rooms[room] = nil
		for _, imported := range fields[1:] {
			if other, own := strings.CutPrefix(imported, mod); own {
				rooms[room] = append(rooms[room], other)
			}
		}
	}
	return rooms
}
