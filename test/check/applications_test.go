package check

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// An application is one that Debian packages. Its releases are copies of what the package
// has, with the package's own symlinks into /etc, /var/lib and /usr/share.
type application struct {
	name, pkg, dir string // of the package, and where it has it
	below          string // the docroot in the release
	page           string
	says           string // in the page, whatever else is there
	prepare        func(t *testing.T, release string)
}

var applications = []application{
	{name: "WordPress", pkg: "wordpress", dir: "/usr/share/wordpress", page: "/index.php", says: "<p>deploy ", prepare: func(t *testing.T, release string) {
		mustDo(t, os.Remove(release+"/wp-config.php"))
		mustDo(t, os.RemoveAll(release+"/wp-content")) // with symlinks to directories that only an administrator fills
		mustDo(t, os.CopyFS(release, os.DirFS("../e2e/wordpress")))
		write(t, release+"/wp-content/themes/shop/number.php", "<?php return 1;\n")
	}},
	{name: "MediaWiki", pkg: "mediawiki", dir: "/usr/share/mediawiki", page: "/index.php?title=Main_Page", says: "MediaWiki has been installed", prepare: installMediaWiki},
	{name: "DokuWiki", pkg: "dokuwiki", dir: "/usr/share/dokuwiki", page: "/doku.php", says: "DokuWiki"},
	{name: "phpMyAdmin", pkg: "phpmyadmin", dir: "/usr/share/phpmyadmin", page: "/index.php", says: "phpMyAdmin"},
	{name: "Roundcube", pkg: "roundcube-core", dir: "/usr/share/roundcube", page: "/index.php", says: "Roundcube Webmail", prepare: configureRoundcube},
	{name: "phpSysInfo", pkg: "phpsysinfo", dir: "/usr/share/phpsysinfo", page: "/index.php?disp=static", says: "phpSysInfo"},
}

// configureRoundcube gives it a database in a file, which both releases have, and has it find
// itself as its authors' version does: Debian's is in one place only.
func configureRoundcube(t *testing.T, release string) {
	t.Helper()
	database := filepath.Dir(filepath.Dir(release)) + "/database"
	run(t, "sed", "-i", "s|'/var/lib/roundcube/'|dirname(__DIR__, 2) . '/'|", release+"/program/include/iniset.php")
	mustDo(t, os.Mkdir(release+"/config", 0o755))
	for _, name := range []string{"defaults.inc.php", "mimetypes.php"} {
		run(t, "cp", "/etc/roundcube/"+name, release+"/config/")
	}
	mustDo(t, os.WriteFile(release+"/config/config.inc.php", []byte(`<?php
$config = ['db_dsnw' => 'sqlite:///`+database+`/mail.db?mode=0666', 'des_key' => 'abcdefghijklmnopqrstuvwx', 'log_driver' => 'syslog', 'temp_dir' => '/tmp', 'plugins' => []];
`), 0o644))
	makeOpen(t, database)
	fill := `$db = new PDO("sqlite:$argv[1]/mail.db"); $db->exec(file_get_contents("/usr/share/roundcube/SQL/sqlite.initial.sql"));`
	run(t, "php", "-r", fill, "--", database)
	mustDo(t, os.Chmod(database+"/mail.db", 0o666))
}

// installMediaWiki has its installer make a wiki with a database in a file.
func installMediaWiki(t *testing.T, release string) {
	t.Helper()
	database := filepath.Dir(filepath.Dir(release)) + "/database"
	makeOpen(t, database)
	mustDo(t, os.Remove(release+"/LocalSettings.php"))
	run(t, "php", release+"/maintenance/install.php", "--dbtype", "sqlite", "--dbpath", database, "--confpath", release,
		"--scriptpath", "", "--server", "http://wiki.example", "--pass", "a-long-password-of-tests", "Wiki", "Admin")
	run(t, "chmod", "-R", "a+rwX", database)
}

// makeOpen makes a directory that PHP may write to.
func makeOpen(t *testing.T, dir string) {
	t.Helper()
	mustDo(t, os.Mkdir(dir, 0o777))
	mustDo(t, os.Chmod(dir, 0o777))
}

// Real applications are well: check says nothing of them, however they keep their files.
func TestCheckRaisesNoFalseAlarm(t *testing.T) {
	rows := make([]manual.Item, len(applications))
	t.Run("of", func(t *testing.T) { examineAll(t, rows) })
	if t.Failed() || slices.ContainsFunc(rows, func(row manual.Item) bool { return row.Name == "" }) {
		t.Log("the table is not compared: some were not examined")
		return
	}
	part := manual.Part{Page: "realdocd-check.8", By: "make applications", Name: "applications"}
	part.CompareBut(t, manual.List(rows), func(text string) string { return figures.ReplaceAllString(text, "N") })
}

// figures are of versions, and other than those of another day.
var figures = regexp.MustCompile(`\d[\d.,]*`)

// examineAll examines all, or WordPress alone, which the tests have anyway.
func examineAll(t *testing.T, rows []manual.Item) {
	t.Helper()
	for i, app := range applications {
		if app.pkg != "wordpress" && os.Getenv("APPLICATIONS") == "" {
			continue
		}
		t.Run(app.name, func(t *testing.T) {
			t.Parallel()
			stack.Need(t, "nginx", "php-fpm", "wordpress")
			files := app.examine(t)
			rows[i] = manual.Item{
				Name: app.name + " " + versionOf(t, app.pkg),
				Says: []string{fmt.Sprintf("%d files of code and settings; its page %s was served on two releases", files, app.page)},
			}
		})
	}
}

// examine gives the number of files that check has read.
func (app *application) examine(t *testing.T) (files int) {
	t.Helper()
	c := &checked{Stack: stack.For(t, "nginx", "php-fpm")}
	var err error
	c.binary, err = stack.Binary()
	mustDo(t, err)
	site := c.Dir + "/srv/app"
	copyPackage(t, app.dir, site+"/releases/1")
	if app.prepare != nil {
		app.prepare(t, site+"/releases/1")
	}
	run(t, "cp", "-al", site+"/releases/1", site+"/releases/2") // the files need no room of their own
	mustDo(t, os.Symlink("releases/1", site+"/current"))
	age(t, site)
	docroot := site + "/current" + app.below
	c.fpm = c.FPM(stockFPM(t))
	c.gw = c.Gateway(stack.GatewayConfig{
		Top:   stack.Keys{"listen_mode": "0660"},
		Pools: map[string]stack.Keys{"www": {"server": []string{string(c.fpm.Addr)}}},
		Sites: map[string]stack.Keys{"app": {"docroot": docroot}},
	})
	shareSocket(t, string(c.fpm.Addr), string(c.gw.Addr))
	web := c.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: docroot, Backend: c.gw.Addr, KeepAlive: 4}}})
	c.web = "http://" + string(web.Addrs[0])
	for _, n := range []string{"1", "2"} {
		mustDo(t, os.Symlink("releases/"+n, site+"/next"))
		mustDo(t, os.Rename(site+"/next", site+"/current"))
		app.visit(t, c)
		all := c.examine(t)
		for _, f := range grave(all) {
			t.Errorf("of release %s it finds %s: %s\n%s\n%s", n, f.ID, f.Subject, f.What, f.Do)
		}
		for _, f := range all {
			if f.ID == "code" {
				_, err := fmt.Sscanf(f.What, "None of %d files", &files)
				mustDo(t, err)
			}
		}
	}
	if files == 0 {
		t.Error("check does not say how many files it has read")
	}
	return files
}

// versionOf is that of a package's authors.
func versionOf(t *testing.T, pkg string) string {
	t.Helper()
	out, err := exec.Command("dpkg-query", "-W", "-f", "${source:Upstream-Version}", pkg).Output()
	mustDo(t, err)
	version, _, _ := strings.Cut(string(out), "+")
	return version
}

// visit sees that the application runs.
func (app *application) visit(t *testing.T, c *checked) {
	t.Helper()
	resp, err := http.Get(c.web + app.page)
	mustDo(t, err)
	defer resp.Body.Close()
	if page := readAll(t, resp); !strings.Contains(page, app.says) {
		t.Fatalf("its page has the status %d, and %q is not in\n%.2000s", resp.StatusCode, app.says, page)
	}
}

// copyPackage copies what a package has. A symlink that leads out of it leads to the same
// place from the copy.
func copyPackage(t *testing.T, from, to string) {
	t.Helper()
	mustDo(t, os.MkdirAll(filepath.Dir(to), 0o755))
	run(t, "cp", "-a", from, to)
	mustDo(t, filepath.WalkDir(to, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		text, err := os.Readlink(file)
		if err != nil || filepath.IsAbs(text) {
			return err
		}
		meant := filepath.Join(from, strings.TrimPrefix(filepath.Dir(file), to), text)
		if meant == from || strings.HasPrefix(meant, from+"/") {
			return nil
		}
		if err := os.Remove(file); err != nil {
			return err
		}
		return os.Symlink(meant, file)
	}))
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}
