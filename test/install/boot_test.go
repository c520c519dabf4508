package install

import (
	"os/exec"
	"strings"
	"testing"

	"realdocd/test/stack"
)

const bootedSite = `
mkdir -p /var/www/shop/releases/{1,2}/public
for n in 1 2; do echo "<?php echo $n, ' ', \$_SERVER['REALDOC_RELEASE'] ?? 'none';" >/var/www/shop/releases/$n/public/index.php; done
ln -s releases/1 /var/www/shop/current
printf '[pool.www]\nserver = ["/run/php/php8.2-fpm.sock"]\n[site.shop]\ndocroot = "/var/www/shop/current/public"\n' >/etc/realdocd/realdocd.toml
cat >/usr/local/bin/ask <<'END'
#!/bin/sh
export SCRIPT_FILENAME=/var/www/shop/current/public/index.php DOCUMENT_ROOT=/var/www/shop/current/public REQUEST_METHOD=GET SCRIPT_NAME=/index.php
exec setpriv --reuid=www-data --regid=www-data --init-groups sh -c 'cgi-fcgi -bind -connect /run/realdocd/realdocd.sock 2>&1 | tail -1'
END
cat >/usr/local/bin/load <<'END'
#!/bin/bash
while [ ! -e /run/stop ]; do r=$(ask); case $r in "1 1"|"2 2") ;; *) echo "answered: $r" ;; esac; n=$((n+1)); done
echo "asked $n"
END
chmod 755 /usr/local/bin/ask /usr/local/bin/load
systemctl start php8.2-fpm
systemctl enable --now realdocd.socket realdocd.service
`

// What systemd itself makes of the units: who owns what, in which order things come, what
// a restart leaves, how tight the sandbox is. www-data asks all the time, and gets an answer.
func TestBoot_TheServiceInARealSystemd(t *testing.T) {
	m := boot(t)
	m.run("dpkg -i /root/old.deb")
	m.run(bootedSite)
	owners := func() {
		t.Helper()
		for file, want := range map[string]string{
			"/run/realdocd": "realdocd:realdocd:755", "/run/realdocd/control.sock": "realdocd:realdocd:660",
			"/run/realdocd/realdocd.sock": "realdocd:www-data:660", "/var/lib/realdocd": "realdocd:realdocd:755",
		} {
			if got := m.run("stat -c %U:%G:%a " + file); got != want {
				t.Errorf("%s is %s, want %s", file, got, want)
			}
		}
		if got := m.run("ask"); got != "1 1" && got != "2 2" {
			t.Errorf("www-data gets %q", got)
		}
	}
	owners()
	m.run("(load >/run/load.log 2>&1 &) ; sleep 1")
	m.run(`for i in 1 2 3; do
		systemctl restart realdocd; realdocd flip shop /var/www/shop/releases/2 >/dev/null
		systemctl kill --kill-who=main --signal=USR2 realdocd; sleep 1; realdocd rollback shop >/dev/null; done`)
	m.run("dpkg --force-confold -i /root/new.deb; sleep 1; : >/run/stop; sleep 1")
	if said := m.run("cat /run/load.log"); strings.Contains(said, "answered") || !strings.HasPrefix(said, "asked ") {
		t.Errorf("under restarts, flips and upgrades www-data was\n%s", said)
	} else {
		t.Logf("under 3 restarts, 4 upgrades and 6 flips www-data %s times", said)
	}
	owners()
	m.run("systemctl restart realdocd.socket realdocd.service")
	owners()
	m.run("systemctl restart realdocd.socket; systemctl start realdocd") // which waits for it
	owners()
	if level := m.run("systemd-analyze security --threshold=10 realdocd | tail -1"); !strings.Contains(level, " 1.0 ") && !strings.Contains(level, " 0.") {
		t.Errorf("the unit is %s", level)
	}
	if status := m.run("cat /proc/$(systemctl show -p MainPID --value realdocd)/status"); !strings.Contains(status, "\nSeccomp:\t2\n") || !strings.Contains(status, "\nCapEff:\t0000000000000000\n") {
		t.Errorf("the process is\n%s", status)
	}
	for what, script := range map[string]string{
		"replace the probe": "rm -f /run/realdocd/fpm-probe.php", "remove the control socket": "rm -f /run/realdocd/control.sock",
		"connect to it": "realdocd status", "write beside it": ": >/run/realdocd/mine", "write into state_dir": ": >/var/lib/realdocd/mine",
	} {
		if out, err := m.try("setpriv --reuid=www-data --regid=www-data --init-groups sh -c '" + script + " && " + script + "'"); err == nil && !strings.HasPrefix(script, "rm -f") {
			t.Errorf("www-data can %s: %s", what, out)
		}
	}
	owners() // of what rm -f, which never fails, was to remove
}

// The unit on disk, as far as systemd-analyze can tell without a machine.
func TestUnit_ExposesLittle(t *testing.T) {
	stack.Need(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=10", "../../etc/systemd/system/realdocd.service").CombinedOutput()
	if err != nil {
		t.Errorf("its exposure is above 1.0: %v\n%s", err, out)
	}
}
