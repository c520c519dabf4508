package gateway

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"realdocd/gateway/fpm"
	"realdocd/test/stack"
)

func TestPHPValue_LoadsCodeOfTheReleaseAlone(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].ExtraRoots = []string{"/opt/tools"}
	b.start()
	for _, row := range []struct {
		value  string
		passes bool
	}{
		{`memory_limit=200M`, true},
		{`auto_prepend_file="LINK/lib/a.php"`, true},
		{`auto_prepend_file="RELEASE/lib/a.php"`, true},
		{`auto_append_file="LINK/public/a.php"`, true},
		{`auto_prepend_file=/opt/tools/a.php`, true},
		{`auto_prepend_file="file://LINK/a.php"`, true},
		{`auto_prepend_file="phar://LINK/a.phar/b.php"`, true},
		{`auto_prepend_file=none`, true},
		{`auto_prepend_file=""`, true},
		{`phar.cache_list="LINK/a.phar:/opt/tools/b.phar"`, true},

		{`auto_prepend_file="/tmp/evil.php"`, false},
		{`auto_prepend_file="LINK/../../evil.php"`, false},
		{`auto_prepend_file="relative.php"`, false},
		{`auto_prepend_file="php://input"`, false},
		{`auto_prepend_file="data:text/plain,<?php evil();"`, false},
		{`auto_prepend_file="http://evil.example/a.php"`, false},
		{`auto_append_file="phar:///tmp/evil.phar"`, false},
		{`phar.cache_list="LINK/a.phar:/tmp/evil.phar"`, false},
		{`auto_prepend_file=${HOME}/evil.php`, false},
		{"memory_limit=1G\nauto_prepend_file='/tmp/evil.php'", false},
		{"  auto_prepend_file  =  /tmp/evil.php", false},
		{"\ufeffauto_prepend_file=/tmp/evil.php", false}, // PHP passes over the mark
		{"\ufeff\ufeffextension=/tmp/evil.so", false},
		{`doc_root=/tmp`, false},

		{`extension=/tmp/evil.so`, false},
		{`extension=ffi`, false},
		{`extension_dir=LINK`, false},
		{`zend_extension="LINK/a.so"`, false},
		{`ffi.enable=1`, false},
		{`ffi.preload=LINK/a.h`, false},
		{`opcache.preload=LINK/a.php`, false},
		{`opcache.file_cache=LINK/cache`, false},
	} {
		for _, name := range []string{"PHP_VALUE", "PHP_ADMIN_VALUE"} {
			t.Run(name+" "+row.value, func(t *testing.T) {
				c := b.connect()
				pairs := b.params(name, b.paths(row.value))
				if row.passes {
					b.served(c, "", pairs...)
					return
				}
				b.send(c, "", pairs...)
				if reply := b.reply(c); reply.Status != 403 && reply.Status != 500 {
					t.Errorf("the status is %d", reply.Status)
				}
				select {
				case q := <-b.fpm.Requests:
					t.Errorf("FPM got %q", q.Pairs)
				default:
				}
			})
		}
	}
}

func TestPHPValue_IsRefusedWhereTheSiteTakesNone(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[0].RefusePHPValue = true
	b.start()
	c := b.connect()
	b.send(c, "", b.params("PHP_VALUE", "memory_limit=1G")...)
	b.wantRefused(c, 403)
	b.served(b.connect(), "", b.params("PHP_VALUE", "")...)
}

// knows has FPM say what it has of its own, and counts how often it is asked.
func (b *bench) knows(own map[string]string, err error) (asked func() []string) {
	var mu sync.Mutex
	var all []string
	answer := func(q fpm.Question) (fpm.Answer, error) {
		if len(q.INI) == 0 {
			return b.facts, nil
		}
		mu.Lock()
		all = append(all, strings.Join(q.INI, " "))
		mu.Unlock()
		is := fpm.Answer{INI: map[string]string{}}
		for _, key := range q.INI {
			if value, ok := own[key]; ok {
				is.INI[key] = value
			}
		}
		return is, err
	}
	b.asked.Store(&answer)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// FPM leaves what one request sets in the worker for the next, of whichever site.
func TestPHPValue_OfOneSiteStaysWithIt(t *testing.T) {
	b := newBench(t).start()
	asked := b.knows(map[string]string{"memory_limit": "128M", "auto_prepend_file": ""}, nil)
	value := func(site, sent string) string {
		docroot := b.docroot(site)
		pairs := b.params("DOCUMENT_ROOT", docroot, "SCRIPT_FILENAME", docroot+"/a.php")
		if sent != "" {
			pairs = append(pairs, "PHP_VALUE", sent)
		}
		got, _ := b.served(b.connect(), "", pairs...).Value("PHP_VALUE")
		return got
	}
	for i, row := range []struct{ site, sent, want string }{
		{"blog", "", ""},
		{"shop", "memory_limit=1G", "memory_limit=1G"},
		{"blog", "", `memory_limit="128M"`},
		{"shop", "auto_prepend_file=LINK/a.php", "auto_prepend_file=\"RELEASE/a.php\"\n" + `memory_limit="128M"`},
		{"blog", "", "auto_prepend_file=\"\"\n" + `memory_limit="128M"`},
		{"blog", "memory_limit=2G", "memory_limit=2G\n" + `auto_prepend_file=""`},
		{"shop", "not.known=1", "not.known=1\nauto_prepend_file=\"\"\n" + `memory_limit="128M"`},
		{"blog", "", "auto_prepend_file=\"\"\n" + `memory_limit="128M"`},
	} {
		want := strings.Replace(b.paths(row.want), `auto_prepend_file="`+b.release("shop", "1"), `auto_prepend_file="`+b.release("shop", "1"), 1)
		if got := value(row.site, b.paths(row.sent)); got != want {
			t.Errorf("%d: %s with %q: FPM got %q, want %q", i, row.site, row.sent, got, want)
		}
	}
	if got := strings.Join(asked(), ", "); got != "memory_limit, auto_prepend_file, not.known" {
		t.Errorf("FPM was asked %q", got)
	}
}

func TestPHPValue_GoesToASharedPoolOnlyIfFPMTellsItsOwn(t *testing.T) {
	for name, row := range map[string]struct {
		sites  int
		passes bool
	}{"the site is alone on its pool": {1, true}, "two sites share it": {2, false}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.cfg.Sites = b.cfg.Sites[:row.sites]
			b.start()
			b.knows(nil, errors.New("open_basedir"))
			c := b.connect()
			if row.passes {
				b.served(c, "", b.params("PHP_VALUE", "memory_limit=1G")...)
				return
			}
			b.send(c, "", b.params("PHP_VALUE", "memory_limit=1G")...)
			b.wantRefused(c, 500)
		})
	}
}

func TestPHPValue_ABoundOnDirectives(t *testing.T) {
	b := newBench(t).start()
	own := map[string]string{}
	var lines []string
	for i := range 65 {
		key := "a." + strings.Repeat("x", i+1)
		own[key], lines = "1", append(lines, key+"=2")
	}
	b.knows(own, nil)
	c := b.connect()
	b.send(c, "", b.params("PHP_VALUE", strings.Join(lines, "\n"))...)
	b.wantRefused(c, 500)
	b.logged("more than 64 different directives")
}

func TestParams_WhatMustNotPassAndWhatGoesOnOnce(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	q := b.served(c, "", append([]string{"SCRIPT_FILENAME", "/etc/passwd", "PHP_VALUE", "extension=evil"},
		b.params("PHP_VALUE", "", "HTTP_PROXY", "http://evil.example", "REALDOC_RELEASE", "evil", "HTTP_X", "1", "HTTP_X", "2")...)...)
	count := map[string]int{}
	for i := 0; i < len(q.Pairs); i += 2 {
		count[q.Pairs[i]]++
	}
	for name, want := range map[string]int{"SCRIPT_FILENAME": 1, "PHP_VALUE": 1, "HTTP_PROXY": 0, "REALDOC_RELEASE": 1, "HTTP_X": 2} {
		if count[name] != want {
			t.Errorf("%s went on %d times, want %d", name, count[name], want)
		}
	}
	if got, _ := q.Value("SCRIPT_FILENAME"); got == "/etc/passwd" {
		t.Error("the first one went on")
	}
}

func TestParams_APathWithAnEndInItIsRefused(t *testing.T) {
	b := newBench(t).start()
	for _, name := range []string{"SCRIPT_FILENAME", "PATH_INFO", "PATH_TRANSLATED", "DOCUMENT_ROOT"} {
		for _, end := range []string{"\x00", "\r", "\n"} {
			c := b.connect()
			b.send(c, "", b.params(name, b.docroot("shop")+"/a.php"+end+"/b")...)
			b.wantRefused(c, 400)
		}
	}
	b.served(b.connect(), "", b.params("HTTP_X", "a\nb", "QUERY_STRING", "a\x00b")...)
}

// The workers of FPM outlive the daemon, and what was set in them does too.
func TestPHPValue_OfASiteIsKnownAfterARestart(t *testing.T) {
	b := newBench(t)
	b.cfg.StateDir = b.dir + "/state"
	b.start()
	b.knows(map[string]string{"memory_limit": "128M"}, nil)
	b.served(b.connect(), "", b.params("PHP_VALUE", "memory_limit=1G")...)
	file := b.cfg.StateDir + "/directives/www.json"
	stack.Until(t, "it is written down", func() bool { _, err := os.Stat(file); return err == nil })

	next := b.newServer()
	for _, p := range next.setup.Load().pools {
		if own := p.Carried(); own == nil || (*own)["memory_limit"] != "128M" {
			t.Errorf("the next process knows %v", own)
		}
	}
}
