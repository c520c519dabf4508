package install

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// A kind of packages, and how its tool is told.
type kind struct {
	name                              string
	of                                func(artifacts) string
	install, upgrade, remove, version string
	web                               string // the group of the web server
	aside                             string // what is added to the name of a sample that was not installed over another file
	leaves                            string // what the tool itself writes
}

var kinds = []kind{
	{
		name: "deb", of: func(a artifacts) string { return a.deb },
		install: "dpkg -i ", upgrade: "dpkg --force-confold -i ", remove: "dpkg -r realdocd",
		version: "dpkg-query -W -f '${Version}' realdocd", web: "www-data",
		aside: ".dpkg-dist", leaves: users + `^/var/(lib/dpkg|log/dpkg.log|cache/man|cache/debconf)`,
	},
	{
		name: "rpm", of: func(a artifacts) string { return a.rpm },
		// Its database knows none of what is installed here.
		install: "rpm --force-debian --nodeps -i ", upgrade: "rpm --force-debian --nodeps -U ", remove: "rpm -e realdocd",
		version: "rpm -q --qf '%{VERSION}' realdocd", web: "apache",
		aside: ".rpmnew", leaves: users + `^/var/lib/rpm|^/root/\.rpmdb|^/usr/share/zsh/site-functions$`, // Fedora's package filesystem has that directory
	},
}

// The user stays when the package goes: a file that is left somewhere would belong to
// the next user who gets the number.
const users = `^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^/etc/\.pwd\.lock$|`

const showMain = "show --property=MainPID --value realdocd.service"

// forEachKind runs a test on a machine of its own for each kind of package.
func forEachKind(t *testing.T, test func(*testing.T, *machine, kind)) {
	b := build(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			stack.Need(t, map[string]string{"deb": "dpkg", "rpm": "rpm"}[k.name])
			m := newMachine(t)
			m.copyIn(k.of(b.old), "/root/old")
			m.copyIn(k.of(b.new), "/root/new")
			test(t, m, k)
		})
	}
}

func (k kind) installOld() string { return k.install + "/root/old/*." + k.name }
func (k kind) upgradeNew() string { return k.upgrade + "/root/new/*." + k.name }

const (
	configFile = "/etc/realdocd/realdocd.toml"
	ownConfig  = "# The operator's own.\n[pool.www]\nserver = [\"/run/php/php8.2-fpm.sock\"]\n[site.shop]\ndocroot = \"/var/www/shop/current/public\"\n"
)

func TestPackage_IsInstalledUpgradedAndRemoved(t *testing.T) {
	forEachKind(t, func(t *testing.T, m *machine, k kind) {
		before := m.changed(k.leaves)

		said := m.run("/", k.installOld())
		if next := "systemctl enable --now realdocd.socket realdocd.service"; strings.Count(said, next) != 1 {
			t.Errorf("a first installation does not say %q:\n%s", next, said)
		}
		m.wantCalls("daemon-reload")
		if got := m.run("/", k.version); got != oldVersion {
			t.Errorf("the version is %q, want %q", got, oldVersion)
		}
		if said := m.run("/", "realdocd version"); !strings.HasPrefix(said, "realdocd v"+oldVersion+" ") {
			t.Errorf("realdocd version says %q", said)
		}
		if unit := m.read("/usr/lib/systemd/system/realdocd.service"); !strings.Contains(unit, "\nUser=realdocd\nGroup=realdocd\n") {
			t.Errorf("the unit does not run as a user of its own:\n%s", unit)
		}
		if sample := m.read(configFile); strings.Contains(sample, newSample) {
			t.Error("the old version has the new sample")
		}

		m.write(configFile, ownConfig)
		said = m.run("/", k.upgradeNew())
		if strings.Contains(said, "enable --now") {
			t.Errorf("an upgrade says what to do first:\n%s", said)
		}
		m.wantCalls("daemon-reload", "try-restart realdocd-fleet.service", "is-active --quiet realdocd.service") // and nothing is started
		if got := m.run("/", k.version); got != newVersion {
			t.Errorf("the version is %q, want %q", got, newVersion)
		}
		if got := m.read(configFile); got != ownConfig {
			t.Errorf("the operator's configuration has become\n%s", got)
		}
		if shipped := m.read(configFile + k.aside); !strings.HasSuffix(shipped, newSample) {
			t.Errorf("%s%s is not the new sample", configFile, k.aside)
		}

		m.write("/var/lib/realdocd/history", "shop\n")
		m.run("/", k.remove)
		m.wantCalls("disable --now realdocd-fleet.service realdocd.socket realdocd.service", "daemon-reload")
		kept := configFile
		if k.name == "rpm" {
			kept += ".rpmsave"
		}
		if got := m.read(kept); got != ownConfig {
			t.Errorf("removal leaves as configuration\n%s", got)
		}
		if got := m.read("/var/lib/realdocd/history"); got != "shop\n" {
			t.Errorf("removal leaves as history %q", got)
		}
		if k.name == "rpm" {
			m.run("/", "rm -r /etc/realdocd /var/lib/realdocd") // rpm has no purge
		} else {
			m.write("/etc/realdocd/other.toml", "")
			m.run("/", "dpkg -P realdocd")
		}
		if after := m.changed(k.leaves); !slices.Equal(before, after) {
			t.Errorf("before the installation there was\n%s\nand after the removal\n%s", join(before), join(after))
		}
	})
}

// A package may be installed on a machine without a running systemd, as in a container that is built.
func TestPackage_IsInstalledAndRemovedWithoutSystemd(t *testing.T) {
	forEachKind(t, func(t *testing.T, m *machine, k kind) {
		m.run("/", "rmdir /run/systemd/system")
		m.run("/", k.installOld())
		m.run("/", k.upgradeNew())
		m.wantCalls()
		enabled := "/etc/systemd/system/multi-user.target.wants/realdocd.service"
		m.run("/", "systemctl enable realdocd.service; test -L "+enabled)
		m.calls()
		m.run("/", k.remove)
		m.wantCalls("disable realdocd-fleet.service realdocd.socket realdocd.service")
		m.run("/", "! test -L "+enabled)

		m.run("/", "umount "+systemctlPath+"; rm "+systemctlPath+" "+ownBin+systemctlName)
		m.run("/", k.installOld())
		m.run("/", k.remove)
	})
}

// A restart would have new requests wait for old ones.
func TestPackage_UpgradesARunningServiceInPlace(t *testing.T) {
	forEachKind(t, func(t *testing.T, m *machine, k kind) {
		m.run("/", k.installOld())
		m.write(configFile, ownConfig)
		m.run("/", "systemctl start realdocd.socket realdocd.service")
		before := m.mainProcess()
		m.calls()
		m.run("/", k.upgradeNew())
		m.wantCalls("daemon-reload", "try-restart realdocd-fleet.service", "is-active --quiet realdocd.service", showMain, "kill --kill-who=main --signal=USR2 realdocd.service")
		stack.Until(t, "another process is the main one", func() bool { return m.mainProcess() != before })
		if said := m.run("/", "/proc/"+m.mainProcess()+"/exe version"); !strings.HasPrefix(said, "realdocd v"+newVersion+" ") {
			t.Errorf("the program that runs is %s", said)
		}
		stack.Until(t, "the old process has ended", func() bool {
			_, err := os.Stat(m.path("/proc/" + before))
			return os.IsNotExist(err)
		})
	})
}

// asBefore makes the installed units those of a version that ran as the web server's user.
const asBefore = `
id -u WEB >/dev/null 2>&1 || useradd --system --no-create-home -U WEB || useradd --system --no-create-home -g WEB WEB
cd /usr/lib/systemd/system
sed -i 's/^User=.*/User=WEB/; s/^Group=.*/Group=WEB/' realdocd.service
sed -i '/^ExecStartPre=/d; s/^SocketUser=.*/SocketUser=WEB/' realdocd.socket
systemctl start realdocd.socket realdocd.service
mkdir -p /var/lib/realdocd/history/shop
echo '{}' >/var/lib/realdocd/history/shop/a.jsonl
ln -s /etc/shadow /var/lib/realdocd/history/shop/b.jsonl
ln -s /etc/shadow /var/lib/realdocd/history/shop/c.jsonl
chown -hR WEB:WEB /var/lib/realdocd
test "$(stat -c %U /run/realdocd)" = WEB
`

// What belonged to the web server's user, and so to PHP, is realdocd's after an upgrade.
func TestPackage_MovesARunningServiceToAUserOfItsOwn(t *testing.T) {
	forEachKind(t, func(t *testing.T, m *machine, k kind) {
		m.run("/", k.installOld())
		m.write(configFile, ownConfig)
		m.run("/", strings.ReplaceAll(asBefore, "WEB", k.web))
		before := m.mainPID()
		// What PHP could do then.
		m.run("/", "setpriv --reuid="+k.web+" --regid="+k.web+" --clear-groups sh -euc 'rm /run/realdocd/control.sock; rm /var/lib/realdocd/history/shop/b.jsonl'")
		said := m.run("/", k.upgradeNew())
		m.wantCalls("daemon-reload", "try-restart realdocd-fleet.service", "is-active --quiet realdocd.service", showMain, "restart realdocd.service")
		main := m.mainPID()
		if main == before {
			t.Fatalf("the process is the one from before: %s", said)
		}
		for file, want := range map[string]string{
			"/proc/" + main: "realdocd:realdocd", "/run/realdocd": "realdocd:realdocd", "/run/realdocd/control.sock": "realdocd:realdocd",
			"/run/realdocd/realdocd.sock": "realdocd:" + k.web,
			"/var/lib/realdocd":           "realdocd:realdocd", "/var/lib/realdocd/history/shop/a.jsonl": "realdocd:realdocd",
			"/etc/shadow": "root:shadow",
		} {
			if got := strings.TrimSpace(m.run("/", "stat -c %U:%G "+file)); got != want {
				t.Errorf("%s is of %s, want %s", file, got, want)
			}
		}
		m.wantShutOut(k.web)
	})
}

// wantShutOut wants a user, as whom PHP runs, to be able to write nothing of realdocd's.
func (m *machine) wantShutOut(user string) {
	m.t.Helper()
	for what, script := range map[string]string{
		"replace the probe":            "rm -f /run/realdocd/fpm-probe.php; : >/run/realdocd/fpm-probe.php",
		"remove the control socket":    "rm -f /run/realdocd/control.sock && ! test -e /run/realdocd/control.sock",
		"connect to it":                "realdocd status",
		"write into its directory":     ": >/run/realdocd/mine",
		"write into state_dir":         ": >/var/lib/realdocd/mine",
		"write to the configuration":   ": >>/etc/realdocd/realdocd.toml",
		"write to the log's directory": ": >/var/log/realdocd/mine",
	} {
		if out, err := m.try("/", "setpriv --reuid="+user+" --regid="+user+" --init-groups sh -euc '"+script+"'"); err == nil {
			m.t.Errorf("%s can %s: %s", user, what, out)
		}
	}
}

// A PHP-FPM that lets in only the users of an ACL does not know the new one.
func TestPackage_StaysAsItWasIfPHPFPMIsNotOpenToTheNewUser(t *testing.T) {
	forEachKind(t, func(t *testing.T, m *machine, k kind) {
		m.run("/", k.installOld())
		m.write(configFile, ownConfig)
		m.run("/", strings.ReplaceAll(asBefore, "WEB", k.web))
		m.run("/", "mkdir -p /run/php; chown "+k.web+": /run/php; chmod 0700 /run/php")
		before := m.mainPID()
		said := m.run("/", k.upgradeNew())
		if !strings.Contains(said, "listen.acl_users") {
			t.Errorf("the upgrade says\n%s", said)
		}
		if m.mainPID() != before {
			t.Error("the service was restarted, and cannot reach PHP-FPM")
		}
	})
}

// mainPID is what the service manager says.
func (m *machine) mainPID() string {
	m.t.Helper()
	defer m.calls()
	return strings.TrimSpace(m.run("/", "systemctl "+showMain))
}

// mainProcess is what the running realdocd says of itself.
func (m *machine) mainProcess() string {
	m.t.Helper()
	return strings.TrimSpace(m.run("/", `realdocd status --json | sed -n 's/^  "pid": \([0-9]*\),$/\1/p'`))
}

func TestPackage_IsWell(t *testing.T) {
	stack.Need(t, "rpm")
	stack.Need(t, "dpkg-deb")
	b := build(t)
	if said := command(t, "", "rpm", "-K", "--nosignature", b.old.rpm); !strings.Contains(said, "digests OK") {
		t.Errorf("rpm -K says %q", said)
	}
	wanted := command(t, "", "rpm", "-qp", "--requires", b.old.rpm)
	for line := range strings.Lines(wanted) {
		// What rpm has itself, and what runs the scripts.
		if !regexp.MustCompile(`^(rpmlib\(|config\(realdocd\)|/bin/sh)`).MatchString(line) {
			t.Errorf("the rpm requires %s", line)
		}
	}
	if depends := command(t, "", "dpkg-deb", "-f", b.old.deb, "Depends", "Pre-Depends"); depends != "" {
		t.Errorf("the deb depends: %s", depends)
	}
	for _, field := range []string{"Architecture", "Maintainer", "Recommends", "Description"} {
		if strings.TrimSpace(command(t, "", "dpkg-deb", "-f", b.old.deb, field)) == "" {
			t.Errorf("the deb has no %s", field)
		}
	}
}

// changed lists what was written in the machine, but for what only matches.
func (m *machine) changed(but string) []string {
	m.t.Helper()
	ignored := regexp.MustCompile(but)
	var found []string
	root := m.path(changedDir)
	err := filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		name := strings.TrimPrefix(file, root)
		if err != nil || ignored.MatchString(name) {
			return err
		}
		if entry.IsDir() {
			if _, err := os.Stat(name); err == nil {
				return nil // only something in it was written
			}
		}
		found = append(found, name)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return found
}

// calls gives what systemctl was asked since the last look.
func (m *machine) calls() []string {
	m.t.Helper()
	text, err := os.ReadFile(m.path(callsFile))
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = os.Remove(m.path(callsFile))
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (m *machine) wantCalls(want ...string) {
	m.t.Helper()
	if got := m.calls(); !slices.Equal(got, want) {
		m.t.Errorf("systemctl was asked\n%s\nwant\n%s", join(got), join(want))
	}
}
