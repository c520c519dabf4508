package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/gateway/control"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// newHosting is a bench whose sites are one pattern, each in the pool that its name says: the
// shop has one, and the blog has none.
func newHosting(t *testing.T) *bench {
	b := newBench(t)
	b.cfg.Pools[0].Name = "fpm-shop"
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "fpm-{1}", RequestBuffering: true}}
	return b
}

func (b *bench) addPool(name string) *stack.FakeFPM {
	b.t.Helper()
	addr := filepath.Join(b.dir, name)
	c := b.cfg.Pools[0]
	c.Name, c.Servers = name, []sock.Addr{sock.Addr(addr)}
	b.cfg.Pools = append(b.cfg.Pools, c)
	return stack.ListenFPM(b.t, stack.Addr(addr))
}

func TestATenantRunsInThePoolOfItsName(t *testing.T) {
	b := newHosting(t)
	own := b.addPool("fpm-blog")
	b.start()
	shop, inShop := b.running(b.params()...)
	docroot := b.docroot("blog")
	c := b.connect()
	b.send(c, "", b.params("DOCUMENT_ROOT", docroot, "SCRIPT_FILENAME", docroot+"/index.php")...)
	inBlog := stack.Receive(b.t, own.Requests, "the blog's request in its FPM")
	for _, p := range b.server.Status().Pools {
		if p.Running != 1 {
			t.Errorf("pool %s runs %d", p.Name, p.Running)
		}
	}
	inBlog.Answer(page)
	b.wantPage(c)
	inShop.Answer(page)
	b.wantPage(shop)
	for _, pool := range []string{"fpm-blog", "fpm-shop"} {
		counted := &b.server.metrics.site("all", pool).byClass[class(200)]
		stack.Until(b.t, "the request of "+pool+" is counted", func() bool { return counted.Load() == 1 })
	}
}

func TestATenantWithoutAPoolIsRefusedAndTheLogSaysWhichIsMissing(t *testing.T) {
	b := newHosting(t).start()
	docroot := b.docroot("blog")
	c := b.connect()
	b.send(c, "", b.params("DOCUMENT_ROOT", docroot, "SCRIPT_FILENAME", docroot+"/index.php")...)
	b.wantRefused(c, 503)
	event := b.logged(`"cause":"no_pool"`)
	want := fmt.Sprintf(`there is no [pool.fpm-blog] for the docroot %s of site all: add it, or give the docroot another pool, in [site."all/blog"]`, docroot)
	if event.String("cause") != "no_pool" || !strings.Contains(event.String("error"), want) {
		t.Errorf("the log has %v", event)
	}
	b.wantMetric(`realdocd_refusals_total{cause="no_pool"} 1`)
	told := b.logged("docroots of a pattern have no pool")
	if pools, _ := told["pools"].([]any); len(pools) != 1 || pools[0] != "fpm-blog" {
		t.Errorf("the log has %v", told)
	}
	if _, err := b.server.Headroom(t.Context(), "all/blog", "", b.release("blog", "1")); err == nil || err.Error() != want {
		t.Errorf("headroom: %v", err)
	}
}

// Once a tenant is found, the patterns are not tried again; a reload finds it anew.
func TestATenantIsFoundOnceAConfiguration(t *testing.T) {
	b := newHosting(t).start()
	b.served(b.connect(), "", b.params()...)
	sites := b.server.setup.Load().sites
	first := sites.tenant(b.docroot("shop"), b.server.metrics)
	b.served(b.connect(), "", b.params()...)
	if again := sites.tenant(b.docroot("shop"), b.server.metrics); again != first || len(sites.tenants.known) != 1 {
		t.Errorf("%d tenants are known", len(sites.tenants.known))
	}
	if first.name != "shop" {
		t.Errorf("its name is %q", first.name)
	}
	b.cfg.Pools[0].Name = "fpm-other"
	b.cfg.Sites[0].Pool = "fpm-other"
	b.must(b.server.Reload(b.cfg))
	b.served(b.connect(), "", b.params()...)
	if now := b.server.setup.Load().sites.tenant(b.docroot("shop"), b.server.metrics); now.pool.Name != "fpm-other" {
		t.Errorf("its pool is %s", now.pool.Name)
	}
}

func TestNamesThatVisitorsMakeUpDoNotFillTheMemory(t *testing.T) {
	b := newHosting(t)
	s := New(b.cfg, b.logger)
	sites := s.setup.Load().sites
	for i := range deploy.MaxDocroots + 10 {
		sites.tenant(fmt.Sprintf("%s/x%d/current/public", b.dir, i), s.metrics)
	}
	if n := len(sites.tenants.known); n > deploy.MaxDocroots {
		t.Errorf("%d are remembered", n)
	}
}

func TestAFoundTenantCostsNoAllocation(t *testing.T) {
	b := newHosting(t)
	s := New(b.cfg, b.logger)
	sites, docroot := s.setup.Load().sites, b.docroot("shop")
	sites.tenant(docroot, s.metrics)
	if n := testing.AllocsPerRun(100, func() { sites.tenant(docroot, s.metrics) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOperatorsNameTenants(t *testing.T) {
	b := newHosting(t).start()
	b.served(b.connect(), "", b.params()...)
	d, err := b.server.Site("all/shop", "")
	b.must(err)
	if len(d.Docroots) != 1 || d.Docroots[0].Tenant != "shop" || d.Docroots[0].Pool != "fpm-shop" || d.Docroots[0].Docroot != b.docroot("shop") {
		t.Errorf("%+v", d)
	}
	if d, err = b.server.Site("all", ""); err != nil || len(d.Docroots) != 1 || d.Docroots[0].Tenant != "shop" || d.Pool != "fpm-{1}" {
		t.Errorf("%+v, %v", d, err)
	}
	b.flip("2")
	if _, err := b.server.Look("all/shop", "", "flip"); err != nil {
		t.Error(err)
	}
	if left, err := b.server.DrainRelease(t.Context(), "all/shop", "", b.release("shop", "1"), control.PinsEnd); err != nil || len(left) > 0 {
		t.Errorf("drain: %v, %v", left, err)
	}
	for name, want := range map[string]string{
		"al/shop":  `there is no site "al/shop"`,
		"all/a/b":  `the docroot of site all, ` + b.dir + `/*/current/public, has 1 wildcards, and "a/b" names 2 of them`,
		"allshops": `there is no site "allshops": there are "all"`,
	} {
		if _, err := b.server.Site(name, ""); !errors.Is(err, control.ErrNoSite) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.server.Site("all/shop", b.docroot("blog")); !errors.Is(err, control.ErrNoSite) {
		t.Errorf("two docroots at once: %v", err)
	}
}

// A tenant that gets settings of its own keeps its history, and who runs in it is seen.
func TestATenantThatGetsSettingsOfItsOwnKeepsItsHistory(t *testing.T) {
	b := newHosting(t)
	b.cfg.StateDir = filepath.Join(b.dir, "state")
	b.start()
	c, running := b.running(b.params()...)
	b.flip("2")
	_, err := b.server.Look("all/shop", "", "deploy")
	b.must(err)
	own := b.cfg.Sites[0].At(b.docroot("shop"))
	own.ReleaseHeader = "X-Release"
	b.cfg.Sites = append(b.cfg.Sites, own)
	b.must(b.server.Reload(b.cfg))
	d, err := b.server.Site("all/shop", "")
	b.must(err)
	if d.Name != "all/shop" || len(d.History) < 1 || d.History[len(d.History)-1].Release != b.release("shop", "2") {
		t.Errorf("%+v", d)
	}
	left, err := b.server.left(t.Context(), b.server.setup.Load().sites.named("all/shop"), b.docroot("shop"), b.release("shop", "1"))
	if err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	if d, err := b.server.Site("all", ""); err != nil || len(d.Docroots) != 1 {
		t.Errorf("while somebody is inside, the pattern has %+v, %v", d.Docroots, err)
	}
	running.Answer(page)
	b.wantPage(c)
	b.poolNow("idle", func(p control.PoolStatus) bool { return p.Running == 0 })
	if d, err := b.server.Site("all", ""); err != nil || len(d.Docroots) != 0 {
		t.Errorf("afterwards the pattern has %+v, %v", d.Docroots, err)
	}
	b.served(b.connect(), "", b.params()...)
}

// What a web server has resolved belongs to the site that has the docroot, and not to a
// pattern that fits it too and comes before.
func TestAnArrivalIsOfTheSiteThatHasTheDocrootWrittenOut(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].Name = "www"
	pattern := SiteConfig{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}
	b.cfg.Sites = []SiteConfig{pattern, b.cfg.Sites[0]}
	b.start()
	resolved := b.release("shop", "1") + "/public"
	c := b.connect()
	b.send(c, "", b.params("DOCUMENT_ROOT", resolved, "SCRIPT_FILENAME", resolved+"/index.php")...)
	stack.Receive(b.t, b.fpm.Requests, "the request").Answer(page)
	b.wantPage(c)
	if event := b.logged("request"); event.String("site") != "shop" {
		t.Errorf("the log has %v", event)
	}
}

func TestEachDocrootOfAPatternHasItsOwnReleases(t *testing.T) {
	b := newHosting(t)
	b.cfg.Sites[0].Releases = b.dir + "/{1}/data"
	b.must(os.MkdirAll(b.dir+"/shop/data/9/public", 0o755))
	b.must(os.Remove(b.link("shop")))
	b.must(os.Symlink("data/9", b.link("shop")))
	got, err := deploy.Inspect(b.docroot("shop"), b.cfg.Sites[0].Links())
	b.must(err)
	if got.Release != b.release("shop", "9") && got.Release != b.dir+"/shop/data/9" {
		t.Errorf("%+v", got)
	}
	links := b.cfg.Sites[0].Links()
	if _, releases := links.Places(b.docroot("shop")); releases != b.dir+"/shop/data" {
		t.Errorf("releases are in %q", releases)
	}
}

// The bound of the machine counts the requests of all pools.
func TestMaxConnsOfAllPoolsHoldsTheNextRequestBack(t *testing.T) {
	b := newHosting(t)
	own := b.addPool("fpm-blog")
	b.cfg.MaxConns = 1
	b.start()
	shop, inShop := b.running(b.params()...)
	docroot := b.docroot("blog")
	c := b.connect()
	b.send(c, "", b.params("DOCUMENT_ROOT", docroot, "SCRIPT_FILENAME", docroot+"/index.php")...)
	waits := func(n int) bool { return b.server.Status().Pools[1].Waiting == n }
	stack.Until(b.t, "the other pool's request waits", func() bool { return waits(1) })
	if st := b.server.Status(); st.MaxConns != 1 || len(st.Troubles(time.Now())) != 1 {
		t.Errorf("%+v", st.Troubles(time.Now()))
	}
	inShop.Answer(page)
	b.wantPage(shop)
	stack.Receive(b.t, own.Requests, "the blog's request in its FPM").Answer(page)
	b.wantPage(c)
}
