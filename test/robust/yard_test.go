package robust

import (
	"embed"
	"io/fs"
	"os"
	"testing"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) {
	if n := os.Getenv(pestVariable); n != "" {
		runPest(n)
	}
	os.Exit(stack.Main(m))
}

//go:embed pages
var embedded embed.FS

func pages() fs.FS {
	sub, err := fs.Sub(embedded, "pages")
	if err != nil {
		panic(err) // the directory is in this package
	}
	return sub
}

// long says that a run may take as long as it needs.
func long() bool { return os.Getenv("ROBUST") == "long" }

// yard is PHP-FPM with one site, and realdocd before it.
type yard struct {
	*stack.Stack
	t      testing.TB
	site   *stack.Site
	fpm    *stack.FPM
	config stack.GatewayConfig
	gw     *stack.Gateway
	// docroot is that of requests; the site's, but where a fault wants another.
	docroot string
	disk    *stack.SlowDisk // of a fault
	// deployed is a site of an attack.
	deployed *deployed
}

// openYard starts it; change may be nil.
func openYard(t testing.TB, fpm stack.FPMConfig, change func(*yard)) *yard {
	t.Helper()
	s := stack.For(t, "php-fpm")
	y := &yard{Stack: s, t: t, site: s.Site(stack.SiteConfig{Pages: pages()}), fpm: s.FPM(fpm)}
	y.config = stack.GatewayFor(y.fpm, y.site)
	y.docroot = y.site.DocRoot()
	delete(y.config.Sites["shop"], "include_path")
	if change != nil {
		change(y)
	}
	y.gw = s.Gateway(y.config)
	return y
}

// params of a request through realdocd.
func (y *yard) params(script string, more ...string) []string {
	return stack.ParamsFor(y.docroot, "GET", script, more...)
}
