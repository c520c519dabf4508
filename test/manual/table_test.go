package manual

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// nasty are texts that mandoc would take for something else.
var nasty = []string{
	"An upload in the idle slot",
	"In the slot, No thing Is Li Bro it was",
	".env was written by hand",
	"'quoted' by \"both\" marks",
	`a \fBbackslash\fP and \(dq`,
	"rsync --delete -a",
	"%A is a macro, 5 % is not",
	"Ta and Xo",
	"a | b ( c ) . d",
}

// shown is what mandoc shows of a page with this in it, as words.
func shown(t *testing.T, body string) string {
	t.Helper()
	cmd := exec.Command(stack.PathOf(t, "mandoc"), "-T", "ascii", "-W", "warning", "-O", "width=200")
	cmd.Stdin = strings.NewReader(".Dd January 2, 2026\n.Dt ONE 7\n.Os\n.Sh NAME\n.Nm one\n.Nd page\n.Sh ROWS\n" + body)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s\n%s", err, out, body)
	}
	bold := regexp.MustCompile("(?s).\b")
	return words(bold.ReplaceAllString(string(out), ""))
}

// words leaves out how mandoc sets a text: lines, indentation, and the space around signs.
func words(text string) string { return regexp.MustCompile(`[\s|+]+`).ReplaceAllString(text, "") }

func TestAList_ShowsTextsAsTheyAre(t *testing.T) {
	for _, text := range nasty {
		for form, body := range map[string]string{
			"a name": List([]Item{{Name: text, Says: []string{"x"}}}), "what is said": Compact([]Item{{Name: "x", Says: []string{text}}}),
			"a literal name": List([]Item{{Name: text, Literal: true, Says: []string{"x"}}}),
		} {
			if got := shown(t, body); !strings.Contains(got, words(text)) {
				t.Errorf("%q as %s is shown as %q", text, form, got)
			}
		}
	}
}

func TestATable_ShowsTextsAsTheyAre(t *testing.T) {
	for _, text := range nasty {
		for form, rows := range map[string][][]string{
			"the first column": {{text, "z"}, {"-", "z"}, {"", "z"}}, "the last column": {{"first", text}, {"-", "z"}},
		} {
			if got := shown(t, Columns(rows)); strings.Count(got, words(text)) != 1 || !strings.Contains(got, "-z") {
				t.Errorf("%q in %s is shown as %q", text, form, got)
			}
		}
		drawn := Drawn([][]string{{"first", "x"}, {text, "z"}})
		if got := shown(t, drawn); !strings.Contains(got, "firstx"+words(text)+"z") {
			t.Errorf("%q, drawn, is shown as %q", text, got)
		}
	}
}

func TestADrawnTable_BreaksItsFirstColumnSoThatItFits(t *testing.T) {
	got := Drawn([][]string{
		{"Fault", "times", strings.Repeat("x", 50)},
		{"a host is cut off", "4", "no"},
		{"an etcd", "10", "yes"},
	})
	want := ".Bd -literal\n" +
		"Fault          times  " + strings.Repeat("x", 50) + "\n" +
		"a host is cut  4      no\n" +
		"off\n" +
		"an etcd        10     yes\n" +
		".Ed\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADrawnTable_HasRoomForTheLongestWordOfItsFirstColumn(t *testing.T) {
	got := Drawn([][]string{{"", strings.Repeat("x", 65)}, {"realpath_every = 2s", "1"}})
	want := ".Bd -literal\n" + strings.Repeat(" ", 16) + strings.Repeat("x", 65) + "\nrealpath_every  1\n= 2s\n.Ed\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAList_PutsSemicolonsBetweenAndAFullStopBehind(t *testing.T) {
	got := List([]Item{{Name: "a", Says: []string{"one", "two: it ends.", "three"}}, {Name: "b"}, {Name: "c", Says: []string{"so:"}}})
	want := ".Bl -tag -width Ds\n.It a\none;\ntwo: it ends.\nthree.\n.It b\n.It c\nso:\n.El\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWrapped_BreaksBetweenWords(t *testing.T) {
	long := strings.Repeat("word ", 40)
	got := Wrapped(long)
	for line := range strings.Lines(got) {
		if len(line) > 91 {
			t.Errorf("a line has %d characters: %s", len(line), line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != strings.TrimSpace(long) {
		t.Errorf("got %q", got)
	}
}
