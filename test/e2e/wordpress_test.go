package e2e

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

//go:embed wordpress
var wordpressFiles embed.FS

// wordpressDir is where Debian's package has it: 2,500 files, of which a page runs about 340.
const wordpressDir = "/usr/share/wordpress"

// A page of WordPress runs 336 scripts, its login page a few more.
const scriptsOfABlog = 330

// A blog is WordPress behind nginx, realdocd and a PHP-FPM with PHP's default settings. Its database
// is a file that answers the few questions of a page.
type blog struct {
	*stack.Stack
	dir, source string
	fpm         *stack.FPM
	gw          *stack.Gateway
	web         *stack.Nginx
	docroot     string
}

// openBlog starts it, without a release. site has keys of realdocd, with DIR for the site's directory.
func openBlog(t *testing.T, site stack.Keys, fpm stack.FPMConfig, pool stack.Keys) *blog {
	t.Helper()
	b := &blog{Stack: stack.For(t, "nginx", "php-fpm", "rsync", "wordpress")}
	b.dir, b.source = filepath.Join(b.Dir, "blog"), filepath.Join(b.Dir, "source")
	b.docroot = b.dir + "/current"
	mustDo(t, os.MkdirAll(b.dir, 0o755))
	run(t, "rsync", "-rL", "--exclude=wp-config.php", wordpressDir+"/", b.source+"/")
	files, err := fs.Sub(wordpressFiles, "wordpress")
	mustDo(t, err)
	mustDo(t, os.CopyFS(b.source, files))
	fpm.AsShipped = true
	b.fpm = b.FPM(fpm)
	keys := stack.Keys{"docroot": b.docroot, "warm": []string{"/", "/wp-login.php"}}
	for key, value := range site {
		switch v := value.(type) {
		case string:
			value = strings.ReplaceAll(v, "DIR", b.dir)
		case []string:
			var all []string
			for _, item := range v {
				all = append(all, strings.ReplaceAll(item, "DIR", b.dir))
			}
			value = all
		}
		keys[key] = value
	}
	poolKeys := stack.Keys{"server": []string{string(b.fpm.Addr)}}
	for key, value := range pool {
		poolKeys[key] = value
	}
	tools := filepath.Join(b.Dir, "tools")
	mustDo(t, os.MkdirAll(tools, 0o755))
	mustDo(t, os.WriteFile(tools+"/opcache.php", []byte(opcachePage), 0o644))
	b.gw = b.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": poolKeys},
		Sites: map[string]stack.Keys{"blog": keys, "tools": {"docroot": tools}},
	})
	b.web = b.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
		{Root: b.docroot, Backend: b.gw.Addr}, {Root: tools, Backend: b.gw.Addr},
	}})
	return b
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// build makes the source that of the n-th deploy, in which a few of its files differ from the one before.
func (b *blog) build(t *testing.T, n int) {
	t.Helper()
	mustDo(t, os.WriteFile(b.source+"/wp-content/themes/shop/number.php", fmt.Appendf(nil, "<?php return %d;\n", n), 0o644))
	all, err := filepath.Glob(b.source + "/wp-includes/*.php")
	mustDo(t, err)
	for i := range 5 {
		file := all[(5*n+i)%len(all)]
		text, err := os.ReadFile(file)
		mustDo(t, err)
		mustDo(t, os.WriteFile(file, fmt.Appendf(text, "\n// deploy %d", n), 0o644))
	}
}

// pages are what visitors ask for.
var blogPages = []string{"/", "/wp-login.php", "/?s=shoes", "/wp-login.php?action=lostpassword"}

// visit asks for each page once, and wants it to be of the n-th deploy where it says so.
func (b *blog) visit(t *testing.T, n int) {
	t.Helper()
	for _, page := range blogPages {
		a := wantServed(t, ask(t.Context(), b.web.URL(0, page)))
		if want := fmt.Sprintf("<p>deploy %d</p>", n); strings.Contains(a.body, "<p>deploy ") && !strings.Contains(a.body, want) {
			t.Errorf("%s is not of deploy %d", page, n)
		}
	}
}

// opcachePage tells what opcache has below ?dir=.
const opcachePage = `<?php
$status = opcache_get_status(true);
[$scripts, $bytes] = [0, 0];
foreach ($status['scripts'] ?? [] as $path => $script) {
    if ($script['timestamp'] > 0 && strncmp($path, $_GET['dir'] . '/', strlen($_GET['dir']) + 1) === 0) {
        $scripts++;
        $bytes += $script['memory_consumption'];
    }
}
$m = $status['memory_usage'];
$s = $status['opcache_statistics'];
echo json_encode(['scripts' => $scripts, 'bytes' => $bytes, 'used' => $m['used_memory'], 'free' => $m['free_memory'],
    'wasted' => $m['wasted_memory'], 'misses' => $s['misses'], 'restarts' => $s['oom_restarts'] + $s['hash_restarts'], 'manual' => $s['manual_restarts']]);
`

// An opcacheState is what the page says.
type opcacheState struct {
	Scripts, Bytes, Used, Free, Wasted, Misses, Restarts, Manual int64
}

// opcache asks what opcache has of the live release.
func (b *blog) opcache(t *testing.T) (o opcacheState) {
	t.Helper()
	live, err := filepath.EvalSymlinks(b.docroot)
	if err != nil {
		live = b.docroot
	}
	return b.opcacheOf(t, live)
}

func (b *blog) opcacheOf(t *testing.T, dir string) (o opcacheState) {
	t.Helper()
	a := wantServed(t, ask(t.Context(), b.web.URL(1, "/opcache.php?dir="+dir)))
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return o
}
