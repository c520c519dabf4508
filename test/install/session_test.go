package install

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	s.text.WriteString(".Bd -literal\n" + mdoc("# "+strings.ReplaceAll(command, "\n", "\n# ")) + "\n")
	if said != "" {
		s.text.WriteString(mdoc(said) + "\n")
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

// mdoc is literal text as a manual page has it.
func mdoc(text string) string {
	text = strings.ReplaceAll(text, `\`, `\e`)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

const (
	firstHourPage = "../../etc/man/realdocd-firsthour.7"
	beginsSession = ".\\\" written by make boot\n"
	endsSession   = ".\\\" end of what make boot writes\n"
)

// publish writes the transcript into the manual if FIRSTHOUR_WRITE is set. What a page has that
// somebody has seen is of one run, with its times and process ids.
func (s *session) publish() {
	s.t.Helper()
	if os.Getenv("FIRSTHOUR_WRITE") == "" || s.t.Failed() {
		return
	}
	page, err := os.ReadFile(firstHourPage)
	if err != nil {
		s.t.Fatal(err)
	}
	before, rest, has := strings.Cut(string(page), beginsSession)
	_, after, ends := strings.Cut(rest, endsSession)
	if !has || !ends {
		s.t.Fatalf("%s has no place for the transcript", firstHourPage)
	}
	if err := os.WriteFile(firstHourPage, []byte(before+beginsSession+s.text.String()+endsSession+after), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// The transcript must not be of steps that the README has no more.
func TestFirstHour_HasTheStepsOfTheReadme(t *testing.T) {
	page, err := os.ReadFile(firstHourPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range readSteps(t, "In front of your site") {
		parts := []string{step.text}
		if step.file == "" {
			parts = slices.Collect(strings.Lines(strings.ReplaceAll("# "+strings.TrimSuffix(step.text, "\n"), "\n", "\n# ")))
		}
		for _, part := range parts {
			if want := mdoc(strings.TrimSuffix(part, "\n")); !strings.Contains(string(page), "\n"+want+"\n") {
				t.Errorf("realdocd-firsthour(7) has not this of the README; write it with make boot:\n%s", want)
			}
		}
	}
}
