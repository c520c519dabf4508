package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/cmd/realdocd/doctor"
	"realdocd/test/stack"
)

// A placedFault lies in one site, or in the pool of PHP-FPM that runs it. In its texts,
// SITE is the site's directory, POOL the name of both, and ROOT the directory of the test.
type placedFault struct {
	name string   // what was planted, for people
	want string   // the identifier
	says []string // parts of what check says of it, and of what it is about
	file map[string]string
	link map[string]string // symlinks of the release, and where they lead
	do   func(t *testing.T, site string)
	keys []string // further lines of the site in realdocd.toml, and "docroot = …" first, in place of the usual one
	pool []string // further lines of FPM's pool
	ours []string // further lines of the pool in realdocd.toml
	// asRoot is for what takes another user than PHP's.
	asRoot bool
}

// A well site: what each fault is planted in.
var wellSite = map[string]string{
	"releases/1/public/index.php": "<?php echo basename(dirname(__DIR__));\n",
	"releases/2/public/index.php": "<?php echo basename(dirname(__DIR__));\n",
	"releases/1/lib/part.php":     "<?php return 1; // SITE/current/lib and SITE/releases/2/lib\n",
	"releases/2/lib/part.php":     "<?php return 2;\n",
	"shared/uploads/a.txt":        "a\n",
}

// place makes the sites, starts one PHP-FPM with a pool for each, and realdocd.
func place(t *testing.T, rows []placedFault) *checked {
	t.Helper()
	c := &checked{Stack: stack.For(t, "php-fpm")}
	var err error
	c.binary, err = stack.Binary()
	mustDo(t, err)
	var pools []string
	rest := ""
	for i, row := range rows {
		at := c.at1(i)
		c.writeSite(t, row, at)
		pools = append(pools, "["+poolName(i)+"]", "listen = ROOT/"+poolName(i)+".sock", "listen.mode = 0666", "pm = ondemand", "pm.max_children = 5")
		pools = append(pools, asWorker()...)
		for _, line := range row.pool {
			pools = append(pools, at.Replace(line))
		}
		keys := row.keys
		if len(keys) == 0 || !strings.HasPrefix(keys[0], "docroot = ") {
			keys = append([]string{`docroot = "SITE/current/public"`}, keys...)
		}
		rest += at.Replace("[pool.POOL]\nqueue = 10\nserver = [\"ROOT/POOL.sock\"]\n" + strings.Join(row.ours, "\n") + "\n[site.POOL]\npool = \"POOL\"\n" + strings.Join(keys, "\n") + "\n")
	}
	for i, line := range pools {
		pools[i] = strings.ReplaceAll(line, "ROOT", c.Dir)
	}
	c.fpm = c.FPM(stack.FPMConfig{Pool: pools, Global: []string{"process_control_timeout = 30s"}})
	c.gw = c.Gateway(stack.GatewayConfig{Top: stack.Keys{"listen_mode": "0660", "spool_dir": "/var/tmp"}, Rest: rest})
	// PHP-FPM begins a worker in each pool when realdocd asks, and is slow to answer meanwhile.
	for i := range rows {
		_, err := c.gw.WaitEvent(0, time.Minute, func(e stack.Event) bool {
			return e.String("pool") == poolName(i) && strings.HasPrefix(e.String("message"), "connections to FPM")
		})
		mustDo(t, err)
	}
	return c
}

func poolName(i int) string { return fmt.Sprintf("f%02d", i) }

// at1 puts the paths of the i-th site into a text.
func (c *checked) at1(i int) *strings.Replacer {
	return strings.NewReplacer("SITE", c.Dir+"/srv/"+poolName(i), "POOL", poolName(i), "ROOT", c.Dir)
}

// writeSite makes one site, with its fault.
func (c *checked) writeSite(t *testing.T, row placedFault, at *strings.Replacer) {
	t.Helper()
	site := at.Replace("SITE")
	for _, files := range []map[string]string{wellSite, row.file} {
		for name, text := range files {
			write(t, filepath.Join(site, name), at.Replace(text))
		}
	}
	mustDo(t, os.Symlink("releases/1", site+"/current"))
	mustDo(t, os.Symlink("../../../shared/uploads", site+"/releases/1/public/uploads"))
	for name, to := range row.link {
		name = at.Replace(name)
		mustDo(t, os.MkdirAll(filepath.Dir(filepath.Join(site, name)), 0o755))
		mustDo(t, os.Symlink(at.Replace(to), filepath.Join(site, name)))
	}
	if row.do != nil {
		row.do(t, site)
	}
}

func placedFaults() []placedFault {
	return slices.Concat(faultsOfReleases(), faultsOfShared(), faultsOfPools())
}

// findPlaced places all in one system, beside a site that is well, and looks once.
func findPlaced(t *testing.T, all *table, rows []placedFault) {
	t.Helper()
	if os.Getuid() != 0 {
		rows = slices.DeleteFunc(rows, func(row placedFault) bool { return row.asRoot })
	}
	rows = append(slices.Clone(rows), placedFault{name: "nothing"}) // which is well
	c := place(t, rows)
	found := map[string][]doctor.Finding{}
	for _, f := range grave(c.examine(t)) {
		of := f.Subject.Site
		if of == "" {
			of = f.Subject.Pool
		}
		found[of] = append(found[of], f)
	}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			row.compare(t, c.at1(i), found[poolName(i)], all)
		})
		delete(found, poolName(i))
	}
	for of, findings := range found {
		t.Errorf("of %q it finds %+v", of, findings)
	}
}

// compare sees that the fault was found, and nothing else.
func (p placedFault) compare(t *testing.T, at *strings.Replacer, found []doctor.Finding, all *table) {
	t.Helper()
	for _, f := range found {
		if f.ID != p.want || f.What == "" || f.Do == "" {
			t.Errorf("it finds %+v", f)
		}
	}
	if len(found) == 0 {
		if p.want != "" {
			t.Errorf("it does not find %s", p.want)
		}
		return
	}
	text := found[0].Subject.String() + "\n" + found[0].What + "\n" + found[0].Do
	for _, part := range p.says {
		if part = at.Replace(part); !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if !t.Failed() {
		all.note(p.name, p.want)
	}
}
