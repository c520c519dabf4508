package main

import (
	"fmt"
	"os"
	"strings"
)

// manual has the figures of the documentation, from the top of the source tree.
const manual = "etc/man/realdocd-performance.7"

// writes says whether the documentation is written: only what a machine shows that does
// nothing else belongs there.
func writes() bool { return os.Getenv("BENCH_WRITE") != "" }

// write puts what a section says between its marks in the manual.
func (r *report) write(section string) error {
	text, err := os.ReadFile(manual)
	if err != nil {
		return err
	}
	out, err := between(string(text), section, r.page.String())
	if err != nil {
		return fmt.Errorf("%s: %w", manual, err)
	}
	return os.WriteFile(manual, []byte(out), 0o644)
}

// between gives a text in which something else stands between the marks of a section.
func between(text, section, what string) (string, error) {
	begin, end := ".\\\" written by make bench: "+section+"\n", ".\\\" end of "+section+"\n"
	before, rest, hasBegin := strings.Cut(text, begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		return "", fmt.Errorf("there are no lines %q and %q", begin, end)
	}
	return before + begin + what + end + after, nil
}

// escape has mandoc take a text as it is, and in ASCII.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `"`, `\(dq`, "µs", "us", "→", "to", "≥", "at least", "≤", "at most", "×", "times").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") || text == "-" {
		text = `\&` + text
	}
	return text
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// wrapped breaks a text into lines, as the manual's source has them.
func wrapped(text string) string {
	const width = 90
	var b strings.Builder
	length := 0
	for _, word := range strings.Fields(text) {
		switch n := len(word); {
		case length == 0:
		case length+1+n > width:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String() + "\n"
}
