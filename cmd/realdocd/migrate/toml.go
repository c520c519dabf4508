package migrate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// toml writes the configuration.
func (m *model) toml(paths []string) string {
	w := &writer{}
	w.comment("", "realdocd's configuration, made by realdocd migrate from "+strings.Join(paths, ", ")+".")
	w.comment("", "What begins with DECIDE needs somebody. When none is left: realdocd check --config FILE. "+
		"How to switch over, and back, is in realdocd-migrate(7).")
	for _, n := range compact(m.infos) {
		w.comment("", n.String())
	}
	w.notes(compact(m.notes))
	for _, p := range m.pools {
		w.table("pool", p.name)
		w.notes(p.notes)
		w.keys(p.keys())
	}
	for _, st := range m.sites {
		w.table("site", st.name)
		for _, from := range st.from {
			w.comment("", from.String())
		}
		w.notes(compact(st.notes))
		w.keys(append([]key{{"docroot", quote(st.docroot), ""}, {"pool", quote(st.pool.name), ""}}, st.keys...))
	}
	return w.String()
}

type writer struct{ strings.Builder }

func (w *writer) table(kind, name string) { fmt.Fprintf(w, "\n[%s.%s]\n", kind, name) }

func (w *writer) notes(notes []note) {
	for _, n := range notes {
		w.comment("DECIDE ", n.String())
	}
}

// width is how long a line of a comment may be.
const width = 100

// comment writes a text as a comment of as many lines as it needs.
func (w *writer) comment(label, text string) {
	line := "# " + label
	empty := true
	for _, word := range strings.Fields(printable(text)) {
		if !empty && len(line)+1+len(word) > width {
			w.WriteString(line + "\n")
			line, empty = "#    ", true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	w.WriteString(line + "\n")
}

func (w *writer) keys(keys []key) {
	longest := 0
	for _, k := range keys {
		longest = max(longest, len(k.name))
	}
	for _, k := range keys {
		fmt.Fprintf(w, "%-*s = %s", longest, k.name, k.value)
		if k.comment != "" {
			w.WriteString("  # " + printable(k.comment))
		}
		w.WriteByte('\n')
	}
}

// isPlain says whether realdocd takes a text for a value.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// printable makes a text fit for a comment.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// quote writes a plain text as a string of TOML.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
