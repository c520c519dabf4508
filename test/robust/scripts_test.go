package robust

import (
	"flag"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"realdocd/test/stack"
)

// drawScript is a path that may lead to the file, which lies beside the site, or to a page.
func drawScript(t *rapid.T, name, docroot, file string) string {
	begins := []string{"", "proxy:fcgi://localhost:9000", "proxy:fcgi://localhost", "proxy:balancer://pool", "proxy:unix:/x|fcgi://localhost", "PROXY:FCGI://localhost", "/", "/."}
	paths := []string{
		file, docroot + "/small.php", docroot + "/../../../upload.php", docroot + "/../../upload.php", docroot + "/../../../../upload.php",
		docroot + "/small.php/../../../../upload.php", docroot, "", "/small.php", "upload.php", docroot + "x/upload.php",
		docroot + "/small.php?" + file, docroot + "/none.php", docroot + "/%2e%2e/%2e%2e/%2e%2e/upload.php", docroot + "//small.php",
	}
	ends := []string{"", "", "", "?", "?x", "\x00", "\x00.php", "\n", "/", "/info", "/../small.php", "/.", " ", "#"}
	draw := func(what string, of []string) string { return rapid.SampledFrom(of).Draw(t, name+what) }
	return draw(" begins", append(begins, "", "", "", "")) + draw(" path", paths) + draw(" ends", ends)
}

// Whichever variables a web server sends, in whichever shape: PHP runs nothing from outside the site.
func TestRandomScriptsRunNoCodeFromElsewhere(t *testing.T) {
	checks := "300"
	if long() {
		checks = "30000"
	}
	flag.Set("rapid.checks", checks)
	y := openYard(t, stack.FPMConfig{MaxChildren: 2}, nil)
	file, worked, served := y.outside(), 0, 0
	names := []string{
		"SCRIPT_FILENAME", "PATH_TRANSLATED", "SCRIPT_NAME", "PATH_INFO", "ORIG_SCRIPT_FILENAME", "ORIG_PATH_TRANSLATED", "ORIG_SCRIPT_NAME",
		"ORIG_PATH_INFO", "DOCUMENT_URI", "REDIRECT_URL", "CONTEXT_DOCUMENT_ROOT", "DOCUMENT_ROOT", "SCRIPT_FILENAME",
	}
	rapid.Check(t, func(t *rapid.T) {
		pairs := func(docroot string) []string {
			pairs := []string{"REQUEST_METHOD", "GET", "SERVER_SOFTWARE", rapid.SampledFrom([]string{"Apache/2.4", "Microsoft-IIS/10", "nginx/1"}).Draw(t, "software"), "DOCUMENT_ROOT", docroot}
			if rapid.IntRange(0, 4).Draw(t, "usual") > 0 {
				pairs = append(pairs, "SCRIPT_NAME", "/small.php", "REQUEST_URI", "/small.php", "SCRIPT_FILENAME", docroot+"/small.php")
			}
			for range rapid.IntRange(1, 4).Draw(t, "more") {
				name := rapid.SampledFrom(names).Draw(t, "name")
				pairs = append(pairs, name, drawScript(t, name, docroot, file))
			}
			return pairs
		}
		if reply, err := stack.Ask(y.fpm.Addr, nil, pairs(y.site.Release(1)+"/public")...); err == nil && strings.Contains(string(reply.Body), "pwned") {
			worked++
		}
		sent := pairs(y.site.DocRoot())
		reply, err := stack.Ask(y.gw.Addr, nil, sent...)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(reply.Body), "pwned") {
			t.Fatalf("%q: %d %.300q", sent, reply.Status, reply.Body)
		}
		if reply.Status == 200 {
			served++
		}
	})
	t.Logf("on plain PHP-FPM %d ran the file; realdocd served %d", worked, served)
	if worked == 0 || served < 10 { // of 300, some 14 work
		t.Error("nothing was shown")
	}
}
