package robust

import (
	"flag"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"realdocd/test/stack"
)

// drawValues is a text for PHP_VALUE that may have PHP run a file, if PHP reads it so: what is
// a value, a line and a quote is for PHP's own scanner to say.
func drawValues(t *rapid.T, file string) string {
	half := len(file) / 2
	tokens := []string{
		"auto_prepend_file", "auto_append_file", "=", " = ", file, file[:half], file[half:], "\"", "'", "\n", "\r", "\r\n", ";", "#", "\\", "\\\n",
		"[", "]", "[PATH=/]", "{", "}", "${", "${PATH}", "(", ")", "|", "&", "!", "^", "~", ",", "\t", " ", "\x00", "\x0b", "\x0c", "\xef\xbb\xbf", "\xff",
		"memory_limit=64M\n", "include_path=\"", "include_path=/x\n", "yes", "null", "0", "[]", ".", ":", "=\n", "\"\"", "<?php", "include_path",
	}
	parts := rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 6)
	draw := func(name string) string { return strings.Join(parts.Draw(t, name), "") }
	mark := rapid.SampledFrom([]string{"", "", "", "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf"}).Draw(t, "mark")
	if rapid.IntRange(0, 3).Draw(t, "shape") == 0 {
		return draw("any") + draw("more")
	}
	// Most are nearly right, so that many of them work where nobody looks.
	directive := rapid.SampledFrom([]string{"auto_prepend_file", "auto_append_file"}).Draw(t, "directive")
	quote := rapid.SampledFrom([]string{"", "", "\"", "'", " ", "\"\"", "\\"}).Draw(t, "quote")
	value := rapid.SampledFrom([]string{file, file[:half] + "\"" + file[half:] + "\"", "/" + file, "/." + file, "file://" + file, "php://filter/resource=" + file, file + "\x00"}).Draw(t, "value")
	return mark + draw("before") + rapid.SampledFrom([]string{"\n", "\r", "", ";\n", "\"\n"}).Draw(t, "line") + directive +
		rapid.SampledFrom([]string{"=", " = ", "\t=", "[]="}).Draw(t, "equals") + quote + value + quote +
		rapid.SampledFrom([]string{"", "\n", ";", "\n\"", " ; x"}).Draw(t, "end") + draw("behind")
}

// Whatever the text is like: PHP and realdocd never read it so differently that PHP runs what
// realdocd has not seen.
func TestRandomValuesRunNoCodeFromElsewhere(t *testing.T) {
	checks := "300"
	if long() {
		checks = "30000"
	}
	flag.Set("rapid.checks", checks)
	y := openYard(t, stack.FPMConfig{MaxChildren: 2}, nil)
	// Values stay in a worker, where nobody sees to it: each request there has a new one.
	plain := openYard(t, stack.FPMConfig{MaxChildren: 8, Pool: []string{"pm.max_requests = 1"}}, nil)
	file, worked, tried := y.outside(), 0, 0
	var sent [][]string // a value that stays shows in a later request
	rapid.Check(t, func(t *rapid.T) {
		pairs := []string{"PHP_VALUE", drawValues(t, file)}
		if rapid.Bool().Draw(t, "admin") {
			pairs = append(pairs, "PHP_ADMIN_VALUE", drawValues(t, file))
		}
		if tried++; tried <= 100 {
			if ok, _ := plain.says(plain.fpm.Addr, "pwned", nil, stack.ParamsFor(plain.site.Release(1)+"/public", "GET", "/small.php", pairs...)...); ok {
				worked++
			}
		}
		for _, more := range [][]string{pairs, nil} { // and the next request sees nothing of it
			sent = append(sent, more)
			reply, err := stack.Ask(y.gw.Addr, nil, y.params("/small.php", more...)...)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(reply.Body), "pwned") || more == nil && !strings.Contains(string(reply.Body), "prepend= ") {
				t.Fatalf("%d %.300q; the last requests were %q", reply.Status, reply.Body, sent[max(0, len(sent)-8):])
			}
		}
	})
	t.Logf("of the first %d on plain PHP-FPM %d ran the file", min(tried, 100), worked)
	if worked < 10 {
		t.Error("nothing was shown")
	}
}
