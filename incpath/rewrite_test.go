package incpath

import (
	"errors"
	"strings"
	"testing"
)

func toRelease(s string) string { return mapList(s, link, release) }

func TestRewriteMapsEachIncludePathAndKeepsTheRest(t *testing.T) {
	const lib, want = link + "/lib:/usr/share/php", `"` + release + `/lib:/usr/share/php"`
	for _, row := range []struct{ value, want string }{
		{"include_path=" + lib, "include_path=" + want},
		{`include_path="` + lib + `"`, "include_path=" + want},
		{"include_path='" + lib + "'", "include_path=" + want},
		{"include_path = \t" + lib + " ; why\nfoo=1", "include_path = \t" + want + " ; why\nfoo=1"},
		{"a=1\r\n include_path=\"" + lib + "\" \r\nb=2", "a=1\r\n include_path=" + want + " \r\nb=2"},
		{"include_path=" + lib + "\ninclude_path=" + lib, "include_path=" + want + "\ninclude_path=" + want},
		{"[s]\ninclude_path=(" + lib + ")", "[s]\ninclude_path=(" + want + ")"},
		{`foo="` + "\ninclude_path=" + lib + "\n\"\ninclude_path=" + lib, `foo="` + "\ninclude_path=" + lib + "\n\"\ninclude_path=" + want},
		{`include_path="` + link + `/\"a\$b\""`, `include_path="` + release + `/\"a\$b\""`},
		{"include_path=" + lib + "\x00include_path=x", "include_path=" + want + "\x00include_path=x"},
	} {
		if got, found, err := Rewrite(row.value, toRelease); got != row.want || !found || err != nil {
			t.Errorf("Rewrite(%q) = %q, %v, %v; want %q", row.value, got, found, err, row.want)
		}
	}
}

func TestRewriteLeavesWhatIsNoIncludePathBelowTheLink(t *testing.T) {
	for value, wantFound := range map[string]bool{
		"":                                     false,
		"foo=" + link:                          false,
		";include_path=" + link:                false,
		"Include_Path=" + link:                 false,
		"my_include_path=" + link:              false,
		"include_path[]=" + link:               false,
		"include_path=":                        false,
		"include_path=\"\"":                    false,
		"include_path":                         false,
		"foo=\"include_path=" + link + "\"":    false,
		"include_path=.:/usr/share/php ; x":    true,
		"include_path=lib":                     true,
		"include_path=E_ALL | E_STRICT":        true,
		"include_path=" + link + "2:lib\nfoo=": true,
	} {
		if got, found, err := Rewrite(value, toRelease); got != value || found != wantFound || err != nil {
			t.Errorf("Rewrite(%q) = %q, %v, %v; want found %v", value, got, found, err, wantFound)
		}
	}
}

func TestRewriteRefusesWhatItCannotKnow(t *testing.T) {
	for value, want := range map[string]string{
		`include_path="${APP}/lib"`:                      "at byte 13, a variable",
		`include_path=/a:${APP}`:                         "at byte 16, a variable",
		"include_path=" + link + "|x":                    "an unquoted |",
		"include_path=!" + link:                          "an unquoted !",
		`include_path=PHP_OS ":` + link + `"`:            "the word PHP_OS",
		"foo=\"a\ninclude_path=" + link:                  "a quote that is not closed at byte 4",
		"foo=(\ninclude_path=" + link:                    "PHP cannot read on",
		"include_path=\"" + link + "/\n\"":               "byte 0x0a at position",
		"include_path=" + link + "\nx=a=b\ninclude_path": "PHP cannot read on",
	} {
		got, _, err := Rewrite(value, toRelease)
		if got != value || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Rewrite(%q) = %q, %v; want an error with %q", value, got, err, want)
		}
	}
}

func TestAppendDirectiveStartsALine(t *testing.T) {
	for value, want := range map[string]string{
		"":             `include_path="/a"`,
		"foo=1":        "foo=1\n" + `include_path="/a"`,
		"foo=1\n":      "foo=1\n" + `include_path="/a"`,
		"foo=1\r\n":    "foo=1\r\n" + `include_path="/a"`,
		"foo=1 ; \"x":  "foo=1 ; \"x\n" + `include_path="/a"`,
		"foo=\"c:\\\"": "foo=\"c:\\\"\n" + `include_path="/a"`,
	} {
		if got, err := AppendDirective(value, "/a"); got != want || err != nil {
			t.Errorf("AppendDirective(%q) = %q, %v; want %q", value, got, err, want)
		}
	}
}

func TestAppendDirectiveRefusesATextThatPHPDoesNotReadToItsEnd(t *testing.T) {
	for value, want := range map[string]string{
		`foo="x`:   "a quote that is not closed at byte 4",
		`foo='x`:   "a quote that is not closed at byte 4",
		`foo=(x`:   "at byte 6",
		"a=b=c":    "at byte 3",
		"a=1\x00":  "NUL at byte 3",
		"foo=x$":   "",
		"foo=${x":  "at byte 4",
		"{}\nfoo=": "at byte 0",
	} {
		got, err := AppendDirective(value, "/a")
		if got != "" || !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), want) {
			t.Errorf("AppendDirective(%q) = %q, %v; want an error with %q", value, got, err, want)
		}
	}
	if _, err := AppendDirective("", "/a\n"); !errors.Is(err, ErrUnquotable) {
		t.Errorf("AppendDirective of a path with a line's end: %v", err)
	}
}

func FuzzRewrite(f *testing.F) {
	for _, row := range readTable {
		f.Add(row.value)
	}
	f.Add("a=${x}\n[s]\nk[\"o\"]=1\ninclude_path=(/var/www/shop/current/lib)|2 ; c")
	f.Fuzz(func(t *testing.T, value string) {
		same, _, _ := Rewrite(value, func(s string) string { return s })
		if same != value {
			t.Fatalf("identity makes %q of %q", same, value)
		}
		double := func(s string) string { return s + ":/x" }
		out, found, err := Rewrite(value, double)
		if err != nil || !found {
			if out != value {
				t.Fatalf("%q became %q, error %v", value, out, err)
			}
			return
		}
		before, after := newINI(value), newINI(out)
		for {
			was, ok := before.next()
			is, still := after.next()
			if ok != still {
				t.Fatalf("%q and %q differ in how many directives they have", value, out)
			}
			if !ok {
				break
			}
			if was.key == directiveName && was.value != "" {
				was.value = double(was.value)
			}
			if was.key != is.key || was.value != is.value {
				t.Fatalf("%q became %q: %q is %q, want %q", value, out, is.key, is.value, was.value)
			}
		}
	})
}
