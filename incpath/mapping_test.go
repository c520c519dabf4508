package incpath

import (
	"errors"
	"testing"
)

// site is a site whose parents are links, and whose docroot has a name of its own.
var site = Mapping{
	Spellings: []Spelling{{"/var/www/shop/current", release}, {"/data/www/shop/current", release}, {"/home/shop/public_html", release + "/public"}},
	Release:   release, Others: []string{"/srv/elsewhere/41"}, Roof: "/var/www/shop/releases", ResolvedDocroot: release + "/public",
}

func TestAPathIsMappedHoweverItIsSpelled(t *testing.T) {
	for _, row := range []struct {
		path, want string
		has        bool
	}{
		{"/var/www/shop/current", release, true},
		{"/var/www/shop/current/lib/a.php", release + "/lib/a.php", true},
		{"/data/www/shop/current/lib", release + "/lib", true},
		{"/home/shop/public_html/a.php", release + "/public/a.php", true},
		{release + "/lib", release + "/lib", true},
		{"/srv/elsewhere/41/lib", release + "/lib", true},
		{"/var/www/shop/releases/7/lib", release + "/lib", true},
		{"/var/www/shop/releases/7", release, true},
		{"/var/www/shop/releases", "/var/www/shop/releases", false},
		{"/var/www/shop/releases/.43.partial/lib", "/var/www/shop/releases/.43.partial/lib", false},
		{"/var/www/shop/shared/x", "/var/www/shop/shared/x", false},
		{"/var/www/shop/current2/x", "/var/www/shop/current2/x", false},
		{"current/x", "current/x", false},
		{"", "", false},
	} {
		if got, has := site.Path(row.path); got != row.want || has != row.has {
			t.Errorf("Path(%q) = %q, %v; want %q, %v", row.path, got, has, row.want, row.has)
		}
	}
}

func TestPathsInATextAreMapped(t *testing.T) {
	for text, want := range map[string]string{
		"/var/www/shop/current/files=/protected/":                 release + "/files=/protected/",
		"/data/www/shop/current/a=/x, /var/www/shop/current/b=/y": release + "/a=/x, " + release + "/b=/y",
		"root:/var/www/shop/current;x":                            "root:" + release + ";x",
		"x/var/www/shop/current":                                  "x/var/www/shop/current",
		"/var/www/shop/current2=/x":                               "/var/www/shop/current2=/x",
		"":                                                        "",
	} {
		if got := site.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestAPathThatIsInTheReleaseAlreadyCostsNothing(t *testing.T) {
	m, value := site, `open_basedir="`+release+`:/tmp"`
	if n := testing.AllocsPerRun(100, func() {
		m.Path(release + "/public/index.php")
		m.List(".:/usr/share/php:" + release + "/lib")
		RewritePaths(value, &m)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEachDirectiveThatTakesPathsFollowsTheRelease(t *testing.T) {
	const sent, want = "/var/www/shop/current", release
	for _, row := range []struct{ value, want string }{
		{"auto_prepend_file=" + sent + "/boot.php", `auto_prepend_file="` + want + `/boot.php"`},
		{"auto_append_file='/data/www/shop/current/end.php'", `auto_append_file="` + want + `/end.php"`},
		{"auto_prepend_file=\"phar://" + sent + "/a.phar/b.php\"", `auto_prepend_file="phar://` + want + `/a.phar/b.php"`},
		{"open_basedir=" + sent + ":/tmp:" + sent + "/", `open_basedir="` + want + `:/tmp:` + want + `/"`},
		{`session.save_path="2;0600;` + sent + `/var/sessions"`, `session.save_path="2;0600;` + want + `/var/sessions"`},
		{`session.save_path="` + sent + `/var"`, `session.save_path="` + want + `/var"`},
		{`session.save_path="tcp://127.0.0.1:6379?prefix=` + sent + `"`, `session.save_path="tcp://127.0.0.1:6379?prefix=` + sent + `"`},
		{`sendmail_path="` + sent + `/bin/mail -t -i ` + sent + `"`, `sendmail_path="` + want + `/bin/mail -t -i ` + sent + `"`},
		{"error_log=" + sent + "/log/php.log\nmemory_limit=" + sent, `error_log="` + want + `/log/php.log"` + "\nmemory_limit=" + sent},
		{"upload_tmp_dir=" + sent + "/tmp", `upload_tmp_dir="` + want + `/tmp"`},
		{"sys_temp_dir=" + sent + "/tmp", `sys_temp_dir="` + want + `/tmp"`},
		{"doc_root=" + sent + "/public", `doc_root="` + want + `/public"`},
		{"include_path=.:" + sent, `include_path=".:` + want + `"`},
		{"error_log=${LOGS}/x", "error_log=${LOGS}/x"},
		{"error_reporting=E_ALL & ~E_NOTICE\nerror_log=/var/log/php", "error_reporting=E_ALL & ~E_NOTICE\nerror_log=/var/log/php"},
		{"my.directive=" + sent, "my.directive=" + sent},
	} {
		if got, _, err := RewritePaths(row.value, &site); got != row.want || err != nil {
			t.Errorf("%s\nbecame %s, %v\nwant   %s", row.value, got, err, row.want)
		}
	}
}

func TestADirectiveThatLoadsCodeAndCannotBeKnownIsRefused(t *testing.T) {
	for value, want := range map[string]error{
		"auto_prepend_file=${APP}/boot.php":            ErrUnknown,
		"open_basedir=/tmp:${APP}":                     ErrUnknown,
		"open_basedir=/var/www/shop/current|/tmp":      ErrUnknown,
		"error_log=\"x\nauto_prepend_file=/var/www/a":  ErrUnreadable,
		"auto_prepend_file=/var/www/shop/current/\xff": nil,
	} {
		got, _, err := RewritePaths(value, &site)
		if !errors.Is(err, want) || want != nil && got != value {
			t.Errorf("%q became %q, %v; want %v", value, got, err, want)
		}
	}
}
