package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/incpath"
	"realdocd/test/stack"
)

// value is a variable that FPM got.
func value(q *stack.FakeRequest, name string) string {
	v, _ := q.Value(name)
	return v
}

// spelled is a site of which everything is reached in several ways:
//
//	DIR/www -> .                          a parent that is a link
//	DIR/shop/stable -> current            an alias
//	DIR/shop/html -> current/public       a link into the link
//	DIR/shop/past -> releases/2           a link to another release
func spelled(t *testing.T) *bench {
	b := newBench(t)
	for link, text := range map[string]string{"www": ".", "shop/stable": "current", "shop/html": "current/public", "shop/past": "releases/2"} {
		b.must(os.Symlink(text, filepath.Join(b.dir, link)))
	}
	return b
}

func TestADocrootIsFoundInWhicheverWayItIsWritten(t *testing.T) {
	b := spelled(t)
	b.must(os.MkdirAll(b.dir+"/else/7/public", 0o755))
	b.must(os.MkdirAll(b.dir+"/pma", 0o755))
	b.cfg.StateDir = b.dir + "/state"
	b.cfg.Sites[0].ExtraRoots = []string{b.dir + "/pma", b.link("shop") + "/admin"}
	b.must(deploy.NewHistory(b.cfg.StateDir, "shop").Add(deploy.Event{Time: time.Now(), Link: b.link("shop"), Release: b.dir + "/else/7", By: "link"}))
	b.start()
	c := b.connect()
	for _, row := range []struct{ sent, root, release string }{
		{"LINK/public", "RELEASE/public", "1"},
		{"DIR/www/shop/current/public", "RELEASE/public", "1"},
		{"DIR/shop/stable/public", "RELEASE/public", "1"},
		{"DIR/www/shop/stable/public", "RELEASE/public", "1"},
		{"DIR/shop/html", "RELEASE/public", "1"},
		{"RELEASE/public", "RELEASE/public", "1"},
		{"DIR/www/shop/releases/1/public", "RELEASE/public", "1"},
		{"DIR/shop/releases/2/public", "DIR/shop/releases/2/public", "2"},
		{"DIR/shop/past/public", "DIR/shop/releases/2/public", "2"},
		{"DIR/else/7/public", "DIR/else/7/public", "7"},
		{"LINK/public/pma", "RELEASE/public/pma", "1"},
		{"DIR/shop/stable/public/pma", "RELEASE/public/pma", "1"},
		{"LINK/admin", "RELEASE/admin", "1"},
		{"DIR/www/shop/current/admin/x", "RELEASE/admin/x", "1"},
		{"DIR/pma", "DIR/pma", "1"},
		{"DIR/pma/setup", "DIR/pma/setup", "1"},
	} {
		t.Run(row.sent, func(t *testing.T) {
			at := func(s string) string { return strings.ReplaceAll(b.paths(s), "DIR", b.dir) }
			sent := at(row.sent)
			q := b.served(c, "", "DOCUMENT_ROOT", sent, "SCRIPT_FILENAME", sent+"/a.php", "REQUEST_METHOD", "GET")
			if got := value(q, "DOCUMENT_ROOT"); got != at(row.root) {
				t.Errorf("FPM got DOCUMENT_ROOT %s, want %s", got, at(row.root))
			}
			if got := value(q, "SCRIPT_FILENAME"); got != strings.TrimSuffix(at(row.root), "/")+"/a.php" {
				t.Errorf("FPM got SCRIPT_FILENAME %s", got)
			}
			if got := value(q, "REALDOC_RELEASE"); got != row.release {
				t.Errorf("FPM got REALDOC_RELEASE %s, want %s", got, row.release)
			}
		})
	}
	for _, sent := range []string{b.dir + "/shop", b.dir + "/shop/releases", b.link("shop"), b.dir + "/shop/releases/1", b.dir + "/pma2", "/"} {
		b.send(c, "", "DOCUMENT_ROOT", sent, "SCRIPT_FILENAME", sent+"/a.php")
		b.wantRefused(c, 404)
	}
}

func TestADocrootOfAPatternIsFoundWhenTheWebServerHasResolvedIt(t *testing.T) {
	b := spelled(t)
	b.cfg.Sites = []SiteConfig{{Name: "all", Docroot: b.dir + "/*/current/public", Pool: "www", RequestBuffering: true}}
	b.start()
	c := b.connect()
	for _, row := range []struct{ sent, release string }{
		{b.release("shop", "2") + "/public", "2"}, // the first request of all
		{b.release("blog", "1") + "/public", "1"},
		{b.dir + "/www/shop/current/public", "1"},
	} {
		q := b.served(c, "", "DOCUMENT_ROOT", row.sent, "SCRIPT_FILENAME", row.sent+"/a.php")
		if got := value(q, "REALDOC_RELEASE"); got != row.release {
			t.Errorf("%s runs on %s, want %s", row.sent, got, row.release)
		}
	}
}

func TestAnExtraRootOfTwoPoolsBelongsToNone(t *testing.T) {
	b := newBench(t)
	b.must(os.MkdirAll(b.dir+"/pma", 0o755))
	other := b.cfg.Pools[0]
	other.Name = "other"
	b.cfg.Pools = append(b.cfg.Pools, other)
	for i := range b.cfg.Sites {
		b.cfg.Sites[i].ExtraRoots = []string{b.dir + "/pma"}
	}
	b.cfg.Sites[1].Pool = "other"
	b.start()
	c := b.connect()
	b.send(c, "", "DOCUMENT_ROOT", b.dir+"/pma", "SCRIPT_FILENAME", b.dir+"/pma/index.php")
	b.wantRefused(c, 404)
}

func TestAScriptIsMappedInWhicheverWayItIsWritten(t *testing.T) {
	b := spelled(t)
	b.must(os.MkdirAll(b.dir+"/shop/my app/1+1%/public", 0o755))
	b.must(os.Symlink("my app/1+1%", b.dir+"/shop/live"))
	b.cfg.Sites = append(b.cfg.Sites, SiteConfig{Name: "spaced", Docroot: b.dir + "/shop/live/public", Pool: "www", RequestBuffering: true})
	b.start()
	c := b.connect()
	docroot, apache := b.docroot("shop"), "proxy:fcgi://localhost:9000"
	for _, row := range []struct{ root, sent, got string }{
		{docroot, "DIR/shop/releases/1/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/shop/releases/2/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/www/shop/current/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/www/shop/releases/2/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/www/shop/releases/2/lib/a.php", ""},
		{docroot, "DIR/shop/html/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, apache + "DIR/shop/releases/2/public/a.php", apache + "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/shop/releases/9/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{docroot, "DIR/shop/releases/2/lib/a.php", ""},
		{b.dir + "/shop/stable/public", "DIR/shop/stable/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{b.dir + "/shop/stable/public", "DIR/shop/current/public/a.php", "DIR/shop/releases/1/public/a.php"},
		{b.dir + "/shop/live/public", "DIR/shop/live/public/a b.php", "DIR/shop/my app/1+1%/public/a b.php"},
		{b.dir + "/shop/live/public", apache + "DIR/shop/live/public/a.php", apache + "DIR/shop/my app/1+1%/public/a.php"},
		{b.dir + "/shop/live/public", apache + "DIR/shop/my%20app/1+1%25/public/a%20b.php", apache + "DIR/shop/my%20app/1+1%25/public/a%20b.php"},
	} {
		sent, want := strings.ReplaceAll(row.sent, "DIR", b.dir), strings.ReplaceAll(row.got, "DIR", b.dir)
		pairs := []string{"DOCUMENT_ROOT", row.root, "SCRIPT_FILENAME", sent, "SCRIPT_NAME", "/a.php"}
		if want == "" {
			b.send(c, "", pairs...)
			b.wantRefused(c, 403)
			continue
		}
		if got := value(b.served(c, "", pairs...), "SCRIPT_FILENAME"); got != want {
			t.Errorf("sent  %s\ngot   %s\nwant  %s", sent, got, want)
		}
	}
}

func TestPathTranslatedAloneIsTheScript(t *testing.T) {
	b := newBench(t).start()
	q := b.served(b.connect(), "", "DOCUMENT_ROOT", b.docroot("shop"), "PATH_TRANSLATED", b.docroot("shop")+"/a.php")
	if got := value(q, "PATH_TRANSLATED"); got != b.release("shop", "1")+"/public/a.php" {
		t.Errorf("FPM got %s", got)
	}
}

func TestPHPFrom85OnDecodesWhatApacheSends(t *testing.T) {
	b := newBench(t)
	b.must(os.MkdirAll(b.release("shop", "50%+é")+"/public", 0o755))
	b.facts.Version = "8.5.1"
	b.start()
	b.flip("50%+é")
	c := b.connect()
	for sent, want := range map[string]string{
		"proxy:fcgi://h" + b.docroot("shop") + "/a.php": "proxy:fcgi://h" + b.dir + "/shop/releases/50%25+%c3%a9/public/a.php",
		b.docroot("shop") + "/a.php":                    b.dir + "/shop/releases/50%+é/public/a.php",
	} {
		if got := value(b.served(c, "", b.params("SCRIPT_FILENAME", sent)...), "SCRIPT_FILENAME"); got != want {
			t.Errorf("FPM got %s, want %s", got, want)
		}
	}
}

func TestWhatTheWebServerSetsFollowsTheRelease(t *testing.T) {
	b := spelled(t)
	b.cfg.Sites[0].MapParams = []string{"HTTP_X_ACCEL_MAPPING"}
	b.cfg.Sites[0].KeepParams = []string{"KEPT", "PATH_TRANSLATED"}
	b.start()
	c := b.connect()
	for _, row := range []struct{ name, sent, got string }{
		{"FLOW_ROOTPATH", "LINK", "RELEASE"},
		{"TYPO3_PATH_APP", "LINK/typo3", "RELEASE/typo3"},
		{"MY_PATHS", "/usr/lib:LINK/lib:LINK/vendor", "/usr/lib:RELEASE/lib:RELEASE/vendor"},
		{"MY_PATHS", ".:LINK/lib", ".:RELEASE/lib"},
		{"RESOLVED", "DIR/shop/releases/2/lib", "RELEASE/lib"},
		{"REDIRECT_FLOW_ROOTPATH", "LINK", "RELEASE"},
		{"CONTEXT_DOCUMENT_ROOT", "DIR/shop/releases/2/public", "RELEASE/public"},
		{"HTTP_X_ACCEL_MAPPING", "LINK/files=/protected", "RELEASE/files=/protected"},
		{"HTTP_X_OTHER", "LINK/files", "LINK/files"},
		{"KEPT", "LINK", "LINK"},
		{"PATH_TRANSLATED", "LINK/public/x", "LINK/public/x"},
		{"REQUEST_URI", "LINK/public", "LINK/public"},
		{"DOCUMENT_URI", "LINK/public", "LINK/public"},
		{"QUERY_STRING", "LINK", "LINK"},
		{"PATH_INFO", "LINK/public", "LINK/public"},
		{"ORIG_PATH_INFO", "LINK/public", "LINK/public"},
		{"REDIRECT_REDIRECT_URL", "LINK/public", "LINK/public"},
		{"REDIRECT_QUERY_STRING", "LINK", "LINK"},
		{"REMOTE_USER", "LINK", "LINK"},
		{"PHP_AUTH_USER", "LINK", "LINK"},
		{"MY_TEXT", "see LINK", "see LINK"},
	} {
		sent, want := strings.ReplaceAll(b.paths(row.sent), "DIR", b.dir), b.paths(row.got)
		if got := value(b.served(c, "", b.params(row.name, sent)...), row.name); got != want {
			t.Errorf("%s: FPM got %s, want %s", row.name, got, want)
		}
	}
}

func TestEachPathInAPHPValueFollowsTheRelease(t *testing.T) {
	b := spelled(t).start()
	c := b.connect()
	for _, name := range []string{"PHP_VALUE", "PHP_ADMIN_VALUE"} {
		for _, n := range []string{"1", "2", "1"} {
			b.flip(n)
			sent := "auto_prepend_file=" + b.link("shop") + "/boot.php\nopen_basedir=\"" + b.link("shop") + ":/tmp\"\nsession.save_path='2;" + b.link("shop") + "/s'"
			release := b.release("shop", n)
			want := "auto_prepend_file=\"" + release + "/boot.php\"\nopen_basedir=\"" + release + ":/tmp\"\nsession.save_path=\"2;" + release + "/s\""
			if got := value(b.served(c, "", b.params(name, sent)...), name); got != want {
				t.Errorf("FPM got\n%s, want\n%s", got, want)
			}
		}
	}
}

func TestFPMThatSeesTheTreeElsewhereGetsItsOwnPaths(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].Map = [][2]string{{b.dir, "/var/www/html"}}
	b.cfg.Sites[0].IncludePath = ".:" + b.link("shop") + "/lib"
	b.start()
	c := b.connect()
	link := b.link("shop")
	q := b.served(c, "", b.params("PHP_ADMIN_VALUE", "auto_prepend_file="+link+"/boot.php", "FLOW_ROOTPATH", link, "HTTP_X", link, "PATH_TRANSLATED", "proxy:fcgi://h"+link+"/x")...)
	const release = "/var/www/html/shop/releases/1"
	for name, want := range map[string]string{
		"DOCUMENT_ROOT": release + "/public", "SCRIPT_FILENAME": release + "/public/index.php", "FLOW_ROOTPATH": release,
		"PATH_TRANSLATED": "proxy:fcgi://h" + release + "/x", "HTTP_X": link, "SCRIPT_NAME": "/index.php",
		"PHP_ADMIN_VALUE": `auto_prepend_file="` + release + `/boot.php"`,
	} {
		if got := value(q, name); got != want {
			t.Errorf("%s: FPM got %s, want %s", name, got, want)
		}
	}
	if got, _, err := incpath.Read(value(q, "PHP_VALUE")); err != nil || got != ".:"+release+"/lib" {
		t.Errorf("FPM got the include_path %s, %v", got, err)
	}
}

func TestAPoolsIncludePathIsPHPsOwnUnlessItIsSet(t *testing.T) {
	b := newBench(t)
	b.cfg.Pools[0].IncludePath = ""
	b.cfg.Sites[0].IncludePath = b.link("shop") + "/lib"
	b.facts.IncludePath = ".:/opt/php"
	b.start()
	q := b.served(b.connect(), "", "DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog")+"/a.php")
	if got, _, err := incpath.Read(value(q, "PHP_VALUE")); err != nil || got != ".:/opt/php" {
		t.Errorf("FPM got the include_path %s, %v", got, err)
	}
}

func TestNothingThatIsProperlyEndedIsABodyOfLengthNothing(t *testing.T) {
	b := newBench(t).start()
	c := b.connect()
	for sent, want := range map[string]string{"10": "0", "-1": "0", "0": "0"} {
		q := b.served(c, "", b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", sent)...)
		if got := value(q, "CONTENT_LENGTH"); got != want {
			t.Errorf("a length of %s became %s", sent, got)
		}
	}
	if got := value(b.served(c, "four", b.params("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "-1")...), "CONTENT_LENGTH"); got != "4" {
		t.Errorf("an unknown length of 4 became %s", got)
	}
}

func TestAnUnpinnedDocrootIsNeverQuiet(t *testing.T) {
	b := newBench(t)
	b.cfg.Sites[1].Docroot = b.release("blog", "1") + "/public"
	b.must(os.Remove(b.link("shop")))
	b.must(errors.Join(os.Symlink("releases/1", b.dir+"/shop/A"), os.Symlink("A", b.link("shop"))))
	b.start()
	if event := b.logged("there is nothing to flip"); event.String("site") != "blog" || event.String("level") != "warn" {
		t.Errorf("the log has %v", event)
	}
	if event := b.logged("which of them deploys flip cannot be told"); event.String("site") != "shop" {
		t.Errorf("the log has %v", event)
	}
	for _, site := range b.server.Status().Sites {
		if site.Fault == "" {
			t.Errorf("the status of %s has no fault", site.Name)
		}
	}
}

func TestReleasesBesideEachOtherAreKnownByTheShapeOfTheirNames(t *testing.T) {
	for _, row := range []struct {
		script, release, below, rest string
		ok                           bool
	}{
		{"/srv/rel-2/a.php", "/srv/rel-1", "", "/a.php", true},
		{"/srv/rel-2", "/srv/rel-1", "", "", true},
		{"/srv/20261127101500/a.php", "/srv/20261126093000", "", "/a.php", true},
		{"/srv/4f79ceb/a.php", "/srv/1a29824", "", "/a.php", true},
		{"/srv/blog/a.php", "/srv/rel-1", "", "", false},
		{"/srv/blog/a.php", "/srv/shop", "", "", false},
		{"/srv/rel-1.old/a.php", "/srv/rel-1", "", "", false},
		{"/srv/blog/public/a.php", "/srv/rel-1", "/public", "/public/a.php", true},
		{"/srv/rel-2/a.php", "/srv/rel-1", "/public", "", false},
		{"/other/rel-2/a.php", "/srv/rel-1", "", "", false},
	} {
		rest, ok := besideRelease(row.script, row.release, row.below)
		if ok != row.ok || ok && rest != row.rest {
			t.Errorf("%s beside %s with %q: %q, %v", row.script, row.release, row.below, rest, ok)
		}
	}
}
