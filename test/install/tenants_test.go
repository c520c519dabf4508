package install

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

const tenants = 300

// manyTenants makes the machine one of many sites: each has a docroot, two releases, a pool of
// PHP-FPM that starts workers on demand, and a file of realdocd's configuration. Workers do not
// end when they are idle: a PHP-FPM that ends its only worker in the moment in which a
// connection comes starts none for it, until another comes.
var manyTenants = fmt.Sprintf(`
mkdir -p /etc/realdocd/conf.d
for n in $(seq %d); do
	t=s$n
	mkdir -p /var/www/$t/releases/1/public /var/www/$t/releases/2/public
	for r in 1 2; do echo "<?php echo '$t ', basename(dirname(__DIR__)), ' ', \$_SERVER['REALDOC_RELEASE'] ?? 'none';" >/var/www/$t/releases/$r/public/index.php; done
	ln -s releases/1 /var/www/$t/current
	printf '[%%s]\nuser = www-data\ngroup = www-data\nlisten = /run/php/%%s.sock\nlisten.owner = www-data\nlisten.group = www-data\npm = ondemand\npm.max_children = 2\npm.process_idle_timeout = 1h\n' $t $t >/etc/php/8.2/fpm/pool.d/$t.conf
	printf '[pool.fpm-%%s]\nserver = ["/run/php/%%s.sock"]\n' $t $t >/etc/realdocd/conf.d/$t.toml
done
rm -f /etc/php/8.2/fpm/pool.d/www.conf
cat >/etc/realdocd/realdocd.toml <<'END'
include   = ["conf.d/*.toml"]
max_conns = 20

[site.all]
docroot  = "/var/www/*/current/public"
pool     = "fpm-{1}"
releases = "/var/www/{1}/releases"
END
echo 'upstream realdocd { server unix:/run/realdocd/realdocd.sock; keepalive 64; keepalive_requests 100000; }' >/etc/nginx/conf.d/realdocd.conf
cat >/etc/nginx/sites-enabled/all.conf <<'END'
server {
    listen 80;
    server_name ~^(?<tenant>s\d+)\.example\.com$;
    root /var/www/$tenant/current/public;
    index index.php;
    location / { try_files $uri $uri/ /index.php$is_args$args; }
    location ~ \.php$ {
        include        fastcgi_params;
        fastcgi_param  SCRIPT_FILENAME $document_root$fastcgi_script_name;
        fastcgi_keep_conn on;
        fastcgi_pass   realdocd;
    }
}
END
cat >/usr/local/bin/visit <<'END'
#!/bin/bash
# visit FROM TO: what each tenant answers
for n in $(seq $1 $2); do echo "$(curl -sS --max-time 60 -H "Host: s$n.example.com" http://127.0.0.1/ 2>&1)"; done
END
chmod 755 /usr/local/bin/visit
systemctl restart php8.2-fpm
systemctl enable --now realdocd.socket realdocd.service 2>/dev/null
systemctl restart nginx
`, tenants)

// Three hundred sites on one machine, each with a PHP-FPM pool of its own.
func TestBoot_ThreeHundredTenants(t *testing.T) {
	m := boot(t)
	m.run("dpkg -i /root/new.deb")
	m.run(manyTenants)
	all := func(release string) {
		t.Helper()
		said := m.run(fmt.Sprintf("(visit 1 100 & visit 101 200 & visit 201 %d & wait) | sort -V", tenants))
		answers := map[string]bool{}
		for line := range strings.Lines(said + "\n") {
			answers[strings.TrimSpace(line)] = true
		}
		for n := 1; n <= tenants; n++ {
			want := fmt.Sprintf("s%d %s %[2]s", n, release)
			if !answers[want] {
				t.Errorf("no tenant answers %q", want)
			}
			delete(answers, want)
		}
		if len(answers) > 0 {
			t.Errorf("beside that there is %q", slices.Collect(maps.Keys(answers)))
		}
	}
	all("1")

	m.run("realdocd flip all/s7 /var/www/s7/releases/2")
	if said := m.run("visit 7 8"); said != "s7 2 2\ns8 1 1" {
		t.Errorf("after a flip of one of them\n%s", said)
	}
	m.run("realdocd rollback all/s7")
	for _, shown := range []string{"realdocd status", "realdocd status all"} {
		said := m.run(shown)
		lines := strings.Count(said, "\n") + 1
		t.Logf("%s has %d lines", shown, lines)
		if most := 2*tenants + 40; lines > most {
			t.Errorf("%s has %d lines, want at most %d:\n%s", shown, lines, most, said[:min(len(said), 2000)])
		}
	}
	checked := m.run("bash -c 'time realdocd check' 2>&1")
	t.Logf("check says\n%s", checked)
	if lines := strings.Count(checked, "\n"); lines > 40 {
		t.Errorf("check has %d lines of a machine on which all is well", lines)
	}

	// A typo in one tenant's file is told by its name, and changes nothing.
	m.run("sed -i s/server/sever/ /etc/realdocd/conf.d/s5.toml")
	if said, err := m.try("systemctl reload realdocd"); err == nil {
		t.Errorf("a reload with a typo did not fail: %s", said)
	}
	if said := m.run("journalctl --no-pager -p warning -u realdocd | tail -3"); !strings.Contains(said, "/etc/realdocd/conf.d/s5.toml:2: ") {
		t.Errorf("the journal does not name the file:\n%s", said)
	}
	m.run("sed -i s/sever/server/ /etc/realdocd/conf.d/s5.toml")

	m.run(`(while [ ! -e /root/done ]; do visit 1 300; done >/root/visitors 2>&1) & (while [ ! -e /root/done ]; do visit 150 300; visit 1 150; done >/root/others 2>&1) &
		sleep 1
		for i in 1 2; do systemctl restart realdocd; systemctl reload realdocd; systemctl kill --kill-who=main --signal=USR2 realdocd; sleep 2; done
		touch /root/done; wait`)
	if said := m.run(`cat /root/visitors /root/others | grep -vE '^s[0-9]+ 1 1$' || true`); said != "" {
		t.Errorf("under restarts, reloads and upgrades visitors got\n%s", said)
	}
	t.Logf("under 2 restarts, 2 reloads and 2 upgrades visitors got %s pages", m.run("cat /root/visitors /root/others | wc -l"))
	t.Logf("realdocd has %s KiB resident", m.run("awk '/VmRSS/ {print $2}' /proc/$(systemctl show -p MainPID --value realdocd)/status"))
	all("1")
}
