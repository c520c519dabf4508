package conf

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every key is written in a way that is read back as the same value: a set one and the
// default.
func TestEveryKeyIsWrittenAsItIsRead(t *testing.T) {
	for _, text := range []string{everyKey, twoPools, minimal} {
		c, err := Parse("r.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		d := &document{config: c}
		tables := []table{{nil, d.topKeys()}}
		for _, is := range d.topKeys() {
			if is.isTable() {
				tables = append(tables, is.tables()...)
			}
		}
		for _, table := range tables {
			for name, is := range table.keys {
				if is.get == nil {
					continue
				}
				written := is.get()
				if err := is.set(written); err != nil {
					t.Errorf("%s in %v is written as %#v, which is refused: %v", name, table.name, written, err)
				} else if diff := cmp.Diff(written, is.get()); diff != "" {
					t.Errorf("%s in %v (-written +read back):\n%s", name, table.name, diff)
				}
			}
		}
		if diff := cmp.Diff(c, d.config, comparePrefixes, cmp.FilterValues(bothEmpty, cmp.Ignore())); diff != "" {
			t.Errorf("the configuration is another one (-before +after):\n%s", diff)
		}
	}
}

func bothEmpty(a, b []string) bool { return len(a)+len(b) == 0 }

func TestToldHasEachTableAndWhatIsADefault(t *testing.T) {
	c, err := Parse("r.toml", twoPools+"keep = 7\n[log]\nlevel = 'warn'")
	if err != nil {
		t.Fatal(err)
	}
	told := c.Told()
	var names [][]string
	for _, table := range told.Tables {
		names = append(names, table.Name)
	}
	if diff := cmp.Diff([][]string{{}, {"fleet"}, {"log"}, {"page"}, {"pool", "two"}, {"pool", "one"}, {"site", "zebra"}, {"site", "ape"}, {"trace"}}, names); diff != "" {
		t.Fatal(diff)
	}
	ape := told.Tables[7]
	if ape.Keys["keep"] != int64(7) || slices.Contains(ape.Defaults, "keep") || !slices.Contains(ape.Defaults, "resolve") || ape.Keys["resolve"] != "realpath" {
		t.Errorf("%+v", ape)
	}
	if log := told.Tables[2]; log.Keys["level"] != "warn" || slices.Contains(log.Defaults, "level") || !slices.Contains(log.Defaults, "format") {
		t.Errorf("%+v", log)
	}
}

func TestAPasswordIsNotTold(t *testing.T) {
	c, err := Parse("r.toml", everyKey)
	if err != nil {
		t.Fatal(err)
	}
	fleet := c.Told().Tables[1]
	if got := fleet.Keys["password"]; got != "xxxxx" || slices.Contains(fleet.Defaults, "password") {
		t.Errorf("password is told as %q, defaults %q", got, fleet.Defaults)
	}
	if c, err = Parse("r.toml", minimal); err != nil {
		t.Fatal(err)
	}
	if fleet := c.Told().Tables[1]; fleet.Keys["password"] != "" || !slices.Contains(fleet.Defaults, "password") {
		t.Errorf("no password is told as %q, defaults %q", fleet.Keys["password"], fleet.Defaults)
	}
}

func TestDurationsAndSizesAreWrittenShort(t *testing.T) {
	for text, want := range map[string]string{"60s": "1m", "90s": "1m30s", "1h": "1h", "3600500ms": "1h0m0.5s", "0s": "0s", "24h": "24h", "10m": "10m", "61m": "1h1m"} {
		d, err := duration(text)
		if got := durationText(d); err != nil || got != want {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{"0B": "0B", "1024B": "1KiB", "1536KiB": "1536KiB", "2048MiB": "2GiB", "5B": "5B", "3TiB": "3TiB"} {
		n, err := size(text)
		if got := sizeText(n); err != nil || got != want {
			t.Errorf("%s is written %s, want %s", text, got, want)
		}
	}
}
