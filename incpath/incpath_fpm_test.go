package incpath

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// What this package says of PHP is asked of a real PHP-FPM here.
func TestPHPReadsWhatThisPackageSays(t *testing.T) {
	php := startFPM(t)

	t.Run("Quote gives back every byte or refuses it", func(t *testing.T) {
		for b := 1; b <= 0xff; b++ {
			for _, path := range []string{
				"/in\x00middle", "/end\x00", "\x00/begin", "/a\x00\x00", "/a\x00{HOME}", "/a\x00\"b", "/a\\\x00b", "/\"\x00",
			} {
				path = strings.ReplaceAll(path, "\x00", string([]byte{byte(b)}))
				quoted, err := Quote(path)
				if b == '\r' || b == '\n' {
					if !errors.Is(err, ErrUnquotable) {
						t.Errorf("Quote(%q) was not refused", path)
					}
					continue
				}
				if err != nil {
					t.Errorf("Quote(%q): %v", path, err)
				} else if got := php.includePath(t, "include_path="+quoted); got != path {
					t.Errorf("PHP reads %s as %q, not %q", quoted, got, path)
				}
			}
		}
	})

	t.Run("an empty include_path is ignored", func(t *testing.T) {
		if got := php.includePath(t, "include_path=/before\ninclude_path=\"\""); got != "/before" {
			t.Errorf("PHP has %q", got)
		}
	})

	t.Run("a line's end behind an escaped quote ends the value", func(t *testing.T) {
		got := php.includePath(t, "include_path=\"/a\\\"\ninclude_path=/injected\n\"")
		if got != "/injected" {
			t.Errorf("PHP has %q; then CR and LF need not be refused", got)
		}
	})

	t.Run("Read agrees with PHP", func(t *testing.T) {
		for _, text := range readTable {
			php.compare(t, text.value)
		}
	})

	t.Run("Read agrees with PHP on random text", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		n := 3000
		if s := os.Getenv("INCPATH_RANDOM"); s != "" {
			fmt.Sscan(s, &n)
			random = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
		}
		known := 0
		for range n {
			if php.compare(t, randomINI(random)) {
				known++
			}
			if t.Failed() {
				break
			}
		}
		wantMany(t, known, n)
	})

	t.Run("PHP has what Rewrite made", func(t *testing.T) {
		random := rand.New(rand.NewPCG(5, 6))
		changed := func(s string) string { return s + `:/"$new\` }
		rewritten := 0
		for range 1000 {
			value := "include_path=/before\n" + randomINI(random)
			was, _, err := Read(value)
			if err != nil {
				continue
			}
			out, _, err := Rewrite(value, changed)
			if err != nil {
				continue
			}
			if got := php.includePath(t, out); got != changed(was) {
				t.Fatalf("%q became %q: PHP has %q", value, out, got)
			}
			rewritten++
		}
		wantMany(t, rewritten, 1000)
	})

	t.Run("PHP takes an appended directive", func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		appended := 0
		for range 1000 {
			value := randomINI(random)
			out, err := AppendDirective(value, `/app "$ended\`)
			if err != nil {
				continue
			}
			if got := php.includePath(t, out); got != `/app "$ended\` {
				t.Fatalf("PHP has %q after %q", got, out)
			}
			appended++
		}
		wantMany(t, appended, 1000)
	})
}

// wantMany fails the test if nearly all of the random texts were refused, since then it has compared nothing.
func wantMany(t *testing.T, compared, of int) {
	t.Helper()
	t.Logf("%d of %d were compared", compared, of)
	if compared < of/10 {
		t.Errorf("only %d of %d were compared", compared, of)
	}
}

// compare asks PHP and this package what include_path a text sets. known is false if the package says that
// only PHP can know.
func (php *fpm) compare(t *testing.T, text string) (known bool) {
	t.Helper()
	value := "include_path=/before\n" + text
	want := php.includePath(t, value)
	got, _, err := Read(value)
	known = !errors.Is(err, ErrUnknown)
	if known && got != want {
		t.Errorf("from %q\nPHP has  %q\nRead has %q", text, want, got)
	}
	return known
}

// randomINI strings together what INI is made of.
func randomINI(random *rand.Rand) string {
	pieces := strings.Split("include_path=|include_path|include_path = |=|=|\n|\n|\r|\r\n| |\t|;|\"|\"|'|'|\\|\\|$|${|${HOME}|}|{|"+
		"/a|/b c|x|on|off |none|null|1|-2.5|PHP_OS|[|]|[sec]\n|(|)|&|^|~|!|,|:|foo|foo=|k[0]=|é|\xff|\x01|\"/q\"|'/s'", "|")
	pieces = append(pieces, "|")
	var b strings.Builder
	if random.IntN(2) == 0 {
		b.WriteString("include_path=")
	}
	for range 1 + random.IntN(12) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}

// fpm is a PHP-FPM with one worker, whose script says which include_path it has.
type fpm struct {
	*stack.FPM
	script string
}

func startFPM(t *testing.T) *fpm {
	t.Helper()
	s := stack.For(t, "php-fpm")
	script := filepath.Join(s.Dir, "show.php")
	if err := os.WriteFile(script, []byte(`<?php echo "<", bin2hex(ini_get('include_path')), ">";`), 0o644); err != nil {
		t.Fatal(err)
	}
	return &fpm{s.FPM(stack.FPMConfig{MaxChildren: 1}), script}
}

// includePath asks FPM's worker which include_path it has under a PHP_VALUE.
func (php *fpm) includePath(t *testing.T, phpValue string) string {
	t.Helper()
	reply, err := stack.Ask(php.Addr, nil, "SCRIPT_FILENAME", php.script, "REQUEST_METHOD", "GET", "PHP_VALUE", phpValue)
	if err != nil {
		t.Fatalf("PHP_VALUE %q: %v", phpValue, err)
	}
	text, said := strings.CutPrefix(string(reply.Body), "<")
	path, err := hex.DecodeString(strings.TrimSuffix(text, ">"))
	if !said || err != nil || !reply.Ended {
		t.Fatalf("PHP_VALUE %q: PHP answers %q (complete %v), %v", phpValue, reply.Body, reply.Ended, err)
	}
	return string(path)
}
