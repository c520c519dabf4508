package robust

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// An attack is one that is known, in the shape that it has on the wire.
type attack struct {
	what string
	// run attacks what listens at addr, and says whether it has worked. docroot is the site's there.
	run func(y *yard, addr stack.Addr, docroot string) (worked bool, answer string)
	// open says that this PHP-FPM is open to it, so that it must work without realdocd.
	open bool
	// why says what realdocd does.
	why string
}

const code = "<?php echo 'pw'.'ned'; exit;"

// attacks are the table in the manual, in its order.
var attacks = []attack{
	{
		what: "FastCGI by SSRF: PHP_ADMIN_VALUE has PHP run the body of the request", open: true,
		why: "refused: auto_prepend_file leads out of the release",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", []byte(code), stack.ParamsFor(docroot, "POST", "/small.php", "CONTENT_LENGTH", fmt.Sprint(len(code)),
				"PHP_ADMIN_VALUE", "allow_url_include=On\nauto_prepend_file=php://input")...)
		},
	},
	{
		what: "PHP_ADMIN_VALUE loads native code: extension", open: true, why: "refused: it never passes",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "calendar=loaded", nil, stack.ParamsFor(docroot, "GET", "/small.php", "PHP_ADMIN_VALUE", "extension=calendar.so")...)
		},
	},
	{
		what: "a script that PATH_TRANSLATED names, without SCRIPT_FILENAME", open: true, why: "refused with a 403",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", nil, "REQUEST_METHOD", "GET", "DOCUMENT_ROOT", docroot, "SCRIPT_NAME", "/small.php", "PATH_TRANSLATED", y.outside())
		},
	},
	{
		what: "a script that PATH_TRANSLATED names beside SCRIPT_FILENAME, with a REDIRECT_URL", open: true, why: "refused with a 403",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php", "PATH_TRANSLATED", y.outside(), "REDIRECT_URL", "/x")...)
		},
	},
	{
		what: "a prefix that PHP-FPM strips: proxy:fcgi:// before a script outside", open: true, why: "refused with a 403",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php", "SCRIPT_FILENAME", "proxy:fcgi://localhost:9000"+y.outside()+"?"+docroot+"/small.php")...)
		},
	},
	{
		what: "a script outside the document root", open: true, why: "refused with a 403",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php", "SCRIPT_FILENAME", y.outside())...)
		},
	},
	{
		what: "PHP_VALUE injection: a line break in a value begins another directive", open: true,
		why: "refused: auto_prepend_file leads out of the release",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php",
				"PHP_VALUE", "memory_limit=64M\nauto_prepend_file="+y.outside())...)
		},
	},
	{
		what: "a byte order mark before the directive, which PHP passes over", open: true,
		why: "refused: auto_prepend_file leads out of the release",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			worked, answer := y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php", "PHP_VALUE", "\ufeffauto_prepend_file="+y.outside())...)
			if !worked {
				worked, answer = y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php", "PHP_ADMIN_VALUE", "\ufeff\ufeffauto_prepend_file="+y.outside())...)
			}
			return worked, answer
		},
	},
	{
		what: "a value that stays in the worker, and runs for the next visitor", open: true,
		why: "the value is refused, and nothing of a request stays for another",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			for range 8 {
				stack.Ask(addr, nil, stack.ParamsFor(docroot, "GET", "/small.php", "PHP_VALUE", "auto_prepend_file="+y.outside())...)
			}
			return y.says(addr, "pwned", nil, stack.ParamsFor(docroot, "GET", "/small.php")...)
		},
	},
	{
		what: "httpoxy: a header Proxy becomes HTTP_PROXY", why: "the variable is dropped",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "evil.example", nil, stack.ParamsFor(docroot, "GET", "/small.php", "HTTP_PROXY", "http://evil.example")...)
		},
	},
	{
		what: "CVE-2019-11043: a line break in the path makes PATH_INFO empty", open: true, why: "refused with a 400",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			return y.says(addr, "script=", nil, stack.ParamsFor(docroot, "GET", "/small.php/PHP\nis", "PATH_INFO", "")...)
		},
	},
	{
		what: "a variable that comes twice: one is checked, the other runs", open: true, why: "it goes on once, as it was checked",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			pairs := append([]string{"SCRIPT_FILENAME", docroot + "/small.php"}, stack.ParamsFor(docroot, "GET", "/small.php")...)
			return y.says(addr, "pwned", nil, append(pairs, "SCRIPT_FILENAME", y.outside())...)
		},
	},
	{
		what: "CVE-2026-129289: a body that PHP does not read becomes the next request", why: "after a body no connection is used again",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			var body strings.Builder
			stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, 1, 0, 0, 0, 0, 0, 0}}.WriteTo(&body)
			pairs := stack.Pairs(stack.ParamsFor(docroot, "GET", "/small.php", "SCRIPT_FILENAME", y.outside())...)
			stack.Record{Type: stack.ParamsType, ID: 1, Content: pairs}.WriteTo(&body)
			stack.Record{Type: stack.ParamsType, ID: 1}.WriteTo(&body)
			stack.Record{Type: stack.StdinType, ID: 1}.WriteTo(&body)
			c, err := stack.Connect(addr)
			y.must(err)
			defer c.Close()
			y.must(c.Begin(true))
			y.must(c.Params(stack.ParamsFor(docroot, "GET", "/small.php", "CONTENT_LENGTH", fmt.Sprint(body.Len()))...))
			c.Stdin([]byte(body.String()))
			c.Stdin(nil)
			first, _ := c.Reply()
			c.SetReadDeadline(time.Now().Add(time.Second))
			second, _ := c.Reply()
			text := string(first.Body) + string(second.Body)
			return strings.Contains(text, "pwned"), text
		},
	},
	{
		what: "a record length beyond 16 bits: a part of a header is read as a record", why: "params go on in whole records",
		run: func(y *yard, addr stack.Addr, docroot string) (bool, string) {
			// As HAProxy 2.6 has made it of long headers. The second header begins where a length that
			// has lost its seventeenth bit would end.
			x, evil := strings.Repeat("x", 40000), strings.Repeat("\x01\x04\x01\x01", 7000)
			reply, err := stack.Ask(addr, nil, stack.ParamsFor(docroot, "GET", "/spy.php", "HTTP_X", x, "HTTP_Y", evil, "QUERY_STRING", "more=0")...)
			if err != nil {
				return false, "the connection breaks: " + err.Error()
			}
			if reply.Status != 200 || len(reply.Body) == 0 {
				return false, fmt.Sprintf("%d, and nothing ran", reply.Status)
			}
			server := string(y.serverOf(reply))
			return !strings.Contains(server, x) || !strings.Contains(server, evil), fmt.Sprintf("$_SERVER has %d bytes", len(server))
		},
	},
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// says asks, and says whether the answer has the text.
func (y *yard) says(addr stack.Addr, text string, body []byte, pairs ...string) (bool, string) {
	y.t.Helper()
	reply, err := stack.Ask(addr, body, pairs...)
	y.must(err)
	return strings.Contains(string(reply.Body), text), fmt.Sprintf("%d %.200q", reply.Status, reply.Body)
}

// outside is a script that is in no release, as an upload is.
func (y *yard) outside() string {
	file := filepath.Join(y.Dir, "upload.php")
	y.must(os.WriteFile(file, []byte(code), 0o644))
	return file
}

func TestKnownAttacksWorkOnPlainFPMAndNotThroughRealdocd(t *testing.T) {
	t.Setenv("PHP_INI_SCAN_DIR", "/nowhere") // PHP has no more extensions than it must
	var rows []manual.Item
	for _, a := range attacks {
		t.Run(a.what, func(t *testing.T) {
			y := openYard(t, stack.FPMConfig{MaxChildren: 2}, nil)
			worked, answer := a.run(y, y.fpm.Addr, y.site.Release(1)+"/public")
			t.Logf("plain FPM: %v, %s", worked, answer)
			if a.open && !worked {
				t.Errorf("it does not work on plain FPM, so that nothing is shown: %s", answer)
			}
			before := "works on plain PHP-FPM"
			if !worked {
				before = "this PHP-FPM is not open to it"
			}
			y = openYard(t, stack.FPMConfig{MaxChildren: 2}, nil)
			worked, answer = a.run(y, y.gw.Addr, y.site.DocRoot())
			t.Logf("realdocd: %v, %s", worked, answer)
			if worked {
				t.Errorf("it works through realdocd: %s", answer)
			}
			if ok, answer := y.says(y.gw.Addr, "script=/small.php", nil, y.params("/small.php")...); !ok {
				t.Errorf("the next request gets %s", answer)
			}
			rows = append(rows, manual.Item{Name: a.what, Says: []string{before, a.why}})
		})
	}
	for _, a := range localAttacks {
		t.Run(a.what, func(t *testing.T) {
			stack.NeedRoot(t, "to be another user")
			y := openYard(t, stack.FPMConfig{MaxChildren: 2}, a.change)
			worked, said := a.run(y)
			t.Logf("%v: %s", worked, said)
			if worked {
				t.Errorf("it works: %s", said)
			}
			rows = append(rows, manual.Item{Name: a.what, Says: []string{a.why}})
		})
	}
	compare(t, "attacks", rows, len(attacks)+len(localAttacks))
}
