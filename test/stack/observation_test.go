package stack_test

import (
	"strings"
	"testing"

	"realdocd/test/stack"
)

func TestVerdict(t *testing.T) {
	whole := func() *stack.Observation {
		return &stack.Observation{
			DocumentRoot: "/s/releases/1/public", ScriptFilename: "/s/releases/1/public/index.php", File: "/s/releases/1/public/index.php",
			IncludePath: ".:/s/releases/1/lib", Release: "1", Parts: map[string]int{"1": 50},
		}
	}
	for _, c := range []struct {
		name    string
		change  func(*stack.Observation)
		release string
		torn    string
		unnamed string
	}{
		{"all on one release", func(o *stack.Observation) {}, "1", "", ""},
		{"the docroot is the link", func(o *stack.Observation) { o.DocumentRoot = "/s/current/public" }, "1", "", "DOCUMENT_ROOT"},
		{"no release is told", func(o *stack.Observation) { o.Release = "" }, "1", "", "REALDOC_RELEASE"},
		{"another docroot", func(o *stack.Observation) { o.DocumentRoot = "/s/releases/2/public" }, "", "2: DOCUMENT_ROOT", ""},
		{"another script", func(o *stack.Observation) { o.ScriptFilename = "/s/releases/2/public/x.php" }, "", "2: SCRIPT_FILENAME", ""},
		{"another file", func(o *stack.Observation) { o.File = "/s/releases/2/public/x.php" }, "", "2: __FILE__", ""},
		{"another include_path", func(o *stack.Observation) { o.IncludePath = ".:/s/releases/2/lib" }, "", "2: include_path", ""},
		{"two in one include_path", func(o *stack.Observation) { o.IncludePath = "/s/releases/1/a:/s/releases/2/b" }, "", "1+2: include_path", ""},
		{"another release is told", func(o *stack.Observation) { o.Release = "2" }, "", "2: REALDOC_RELEASE", ""},
		{"one include of another release", func(o *stack.Observation) { o.Parts = map[string]int{"1": 49, "2": 1} }, "", "2: 1 included files", ""},
		{"one include not found", func(o *stack.Observation) { o.Parts = map[string]int{"1": 49, "": 1} }, "", "none (not found): 1 included files", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := whole()
			c.change(o)
			v := o.Verdict()
			if v.Release != c.release || !strings.Contains(v.Torn, c.torn) || (c.torn == "") != (v.Torn == "") || v.Unnamed != c.unnamed {
				t.Errorf("got %+v", v)
			}
		})
	}
}
