package incpath

import (
	"errors"
	"strings"
	"testing"
)

func TestQuoteEscapesWhatPHPWouldRead(t *testing.T) {
	for path, want := range map[string]string{
		`/a:/b;c`:      `"/a:/b;c"`,
		`/say "hi"`:    `"/say \"hi\""`,
		`/back\slash\`: `"/back\\slash\\"`,
		`/${HOME}/$x`:  `"/\${HOME}/\$x"`,
		`/it's é`:      `"/it's é"`,
	} {
		if got, err := Quote(path); got != want || err != nil {
			t.Errorf("Quote(%q) = %s, %v; want %s", path, got, err, want)
		}
	}
}

func TestQuoteNamesTheByteThatItRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"/a\x00b":  "byte 0x00 at position 2",
		"/a\n":     "byte 0x0a at position 2",
		"\r/a\n":   "byte 0x0d at position 0",
		"":         "PHP ignores it",
		"/a\"\nx=": "byte 0x0a at position 3",
	} {
		got, err := Quote(path)
		if got != "" || !errors.Is(err, ErrUnquotable) || !strings.Contains(err.Error(), want) {
			t.Errorf("Quote(%q) = %q, %v; want an error with %q", path, got, err, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"/a:/b", `\`, `"`, `\"`, "${HOME}", "$", "a\nb", "\xff'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		quoted, err := Quote(path)
		if err != nil {
			return
		}
		p := newINI("include_path=" + quoted)
		if d, ok := p.next(); !ok || d.value != path || d.unknown.what != "" {
			t.Fatalf("%s is read as %q", quoted, d.value)
		}
		if d, ok := p.next(); ok || p.stopped >= 0 {
			t.Fatalf("%s is followed by %+v, stopped at %d", quoted, d, p.stopped)
		}
	})
}
