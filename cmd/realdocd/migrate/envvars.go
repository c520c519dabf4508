package migrate

import (
	"path"
	"regexp"
	"strings"
)

var assignment = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_]\w*)=(.*)$`)

var shellVariable = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

// readEnvironment reads Debian's envvars, a shell script that sets the environment of
// Apache, as far as its lines are plain assignments outside of an if.
func (a *apache) readEnvironment(dir string) error {
	file := path.Join(dir, "envvars")
	if !a.files.isFile(file) {
		return nil
	}
	text, err := a.files.Read(file)
	if err != nil {
		return err
	}
	depth := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "if "):
			depth++
		case line == "fi":
			depth--
		}
		if set := assignment.FindStringSubmatch(line); set != nil && depth == 0 {
			if value, plain := a.shellValue(set[2]); plain {
				a.vars[set[1]] = value
			}
		}
	}
	return nil
}

// shellValue reads a value that needs no shell.
func (a *apache) shellValue(s string) (value string, plain bool) {
	quote := ""
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote = s[:1]
		s, _, _ = strings.Cut(s[1:], quote)
	} else {
		s, _ = cutWord(s)
	}
	if quote != "'" {
		s = shellVariable.ReplaceAllStringFunc(s, func(v string) string { return a.vars[strings.Trim(v, "${}")] })
	}
	return s, !strings.ContainsAny(s, "$`")
}
