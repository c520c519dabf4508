package incpath

import (
	"errors"
	"testing"
)

// readTable has what PHP-FPM 8.2 was seen to read; the test against FPM asks
// it again.
var readTable = []struct{ value, want string }{
	{`include_path=/a:/b`, `/a:/b`},
	{`include_path=/a;b`, `/a`},
	{`include_path=/pl(a)in`, `/pl`},
	{`include_path=/a=b`, `/a`},
	{`include_path="/q;u(o)t!e|&~^ x"`, `/q;u(o)t!e|&~^ x`},
	{`include_path='${HOME}/x'`, `${HOME}/x`},
	{`include_path="/esc \${HOME} \$x"`, `/esc ${HOME} $x`},
	{`include_path="/with \"dq\""`, `/with "dq"`},
	{`include_path="/back\\slash"`, `/back\slash`},
	{`include_path="/it\'s"`, `/it\'s`},
	{`include_path="c:\path\"`, `c:\path\`},
	{`include_path='/it'\''s'`, `/it\`},
	{`include_path= "/a" '/b' /c ; d`, `/a/b /c`},
	{`include_path=On`, `1`},
	{"include_path=/a\rinclude_path=/b", `/b`},
	{"include_path=/a\ninclude_path=/b", `/b`},
	{"include_path=/a\r\nfoo\tinclude_path=/b", `/b`},
	{"include_path=/a\ninclude_path=\"/b", `/a`},
	{"include_path=/a\ninclude_path='/b", `/a`},
	{"include_path=\"/a\nb\"", "/a\nb"},
	{"include_path=/a$\ninclude_path", "/a$\ninclude_path"},
	{"include_path=/a$", "/a$\n"},
	{"include_path=/a\n{\ninclude_path=/b", `/a`},
	{"include_path=/a\ninclude_path[x]=/b", `/a`},
	{"]\nfoo]=1\ninclude_path=/a", `/a`},
	{"include_path=/a\n[include_path]\n", `/a`},
	{`include_path="/a\"` + "\ninclude_path=/b\n\"", `/b`},
}

func TestReadGivesWhatPHPHas(t *testing.T) {
	for _, row := range readTable {
		if got, found, err := Read(row.value); got != row.want || !found || err != nil {
			t.Errorf("Read(%q) = %q, %v, %v; want %q", row.value, got, found, err, row.want)
		}
	}
}

func TestReadSaysWhatItCannotKnow(t *testing.T) {
	for _, value := range []string{`include_path=/a|b`, `include_path="${HOME}/x"`, `include_path=${HOME}/x`, `include_path=PHP_OS`} {
		if got, found, err := Read(value); got != "" || !found || !errors.Is(err, ErrUnknown) {
			t.Errorf("Read(%q) = %q, %v, %v; want ErrUnknown", value, got, found, err)
		}
	}
}
