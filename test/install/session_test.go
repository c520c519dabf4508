package install

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"realdocd/test/manual"
)

// A session is an operator's shell in a booted machine, and the transcript of it.
type session struct {
	*booted
	dir  string
	text strings.Builder // in mdoc
}

// A story says in the transcript what comes next.
func (s *session) story(heading, text string) {
	s.text.WriteString(".Sh " + strings.ToUpper(heading) + "\n" + sentences(text) + "\n")
}

func (s *session) says(text string) { s.text.WriteString(".Pp\n" + sentences(text) + "\n") }

// sentences begin on lines of their own in mdoc.
func sentences(text string) string { return strings.ReplaceAll(text, ". ", ".\n") }

// does runs a command that must succeed, and gives what it says.
func (s *session) does(command string) string {
	s.t.Helper()
	said, err := s.types(command)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return said
}

// fails runs a command that must not succeed.
func (s *session) fails(command string) string {
	s.t.Helper()
	said, err := s.types(command)
	if err == nil {
		s.t.Fatalf("%s did not fail:\n%s", command, said)
	}
	return said
}

func (s *session) types(command string) (string, error) {
	command = strings.TrimSuffix(command, "\n")
	said, err := s.try("cd " + s.dir + "\n" + command)
	said = strings.TrimRight(tidy(said), "\n")
	s.text.WriteString(".Bd -literal\n" + manual.Literal("# "+strings.ReplaceAll(command, "\n", "\n# ")) + "\n")
	if said != "" {
		s.text.WriteString(manual.Literal(said) + "\n")
	}
	s.text.WriteString(".Ed\n")
	return said, err
}

// writes writes a file, and shows it.
func (s *session) writes(file, text string) {
	s.t.Helper()
	s.run("mkdir -p $(dirname " + file + "); cat >" + file + " <<'END-OF-FILE'\n" + text + "END-OF-FILE")
	s.does("cat " + file)
}

var progress = regexp.MustCompile(`\(Reading database[^\n]*\r?\n?|(?m)^debconf: [^\n]*\n`)

// tidy is what is left on a terminal.
func tidy(said string) string {
	return strings.ReplaceAll(progress.ReplaceAllString(said, ""), "\r", "")
}

// transcript is where the manual has it.
var transcript = manual.Part{Page: "realdocd-firsthour.7", By: "make boot", Name: "transcript"}

// publish writes the transcript into the manual, if runs write it. What a page has that somebody
// has seen is of one run, with its times and process ids.
func (s *session) publish() {
	s.t.Helper()
	if !manual.Writes() || s.t.Failed() {
		return
	}
	transcript.Compare(s.t, s.text.String())
}

// The transcript must not be of steps that the README has no more.
func TestFirstHour_HasTheStepsOfTheReadme(t *testing.T) {
	page := transcript.Text(t)
	for _, step := range readSteps(t, "In front of your site") {
		parts := []string{step.text}
		if step.file == "" {
			parts = slices.Collect(strings.Lines(strings.ReplaceAll("# "+strings.TrimSuffix(step.text, "\n"), "\n", "\n# ")))
		}
		for _, part := range parts {
			if want := manual.Literal(strings.TrimSuffix(part, "\n")); !strings.Contains(page, "\n"+want+"\n") {
				t.Errorf("realdocd-firsthour(7) has not this of the README; write it with make boot:\n%s", want)
			}
		}
	}
}
