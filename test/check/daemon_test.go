package check

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"testing"

	"realdocd/test/stack"
)

// machineFile writes a file of the machine, such as etc/crontab, where check looks for it.
func (c *checked) machineFile(t *testing.T, name, text string) {
	t.Helper()
	write(t, c.Dir+"/root/"+name, replace("DIR", c.Dir)(text))
}

// unit has systemd know the daemon's unit, with these properties and those of a sound one.
func (c *checked) unit(properties map[string]string) {
	c.at.Unit = map[string]string{"LoadState": "loaded", "ActiveState": "active", "ProtectSystem": "strict", "ReadWritePaths": c.Dir, "RestrictAddressFamilies": "AF_UNIX"}
	for key, value := range properties {
		c.at.Unit[key] = value
	}
}

// stopFor stops the daemon, and gives what it needs to another user.
func (c *checked) stopFor(t *testing.T, name string) {
	t.Helper()
	mustDo(t, c.gw.Stop())
	u, err := user.Lookup(name)
	mustDo(t, err)
	uid, err := strconv.Atoi(u.Uid)
	mustDo(t, err)
	gid, err := strconv.Atoi(u.Gid)
	mustDo(t, err)
	mustDo(t, os.Chown(c.control(), uid, gid))
	for _, file := range []string{"state", "state/records"} {
		if err := os.Chown(c.control()+"/"+file, uid, gid); !os.IsNotExist(err) {
			mustDo(t, err)
		}
	}
}

// faultsOfTheDaemon are of the one that runs.
func faultsOfTheDaemon(t *testing.T) []plantedFault {
	metrics, err := stack.FreePort()
	mustDo(t, err)
	open, err := stack.FreePort()
	mustDo(t, err)
	return []plantedFault{
		{name: "a key that is misspelt", want: "config-fault", subject: "realdocd/realdocd.toml:8", says: []string{`did you mean "docroot"`}, plan: plan{after: edited("docroot", "docrot")}},
		{name: "a control socket of something else", want: "daemon-silent", subject: "realdocd", says: []string{"is not realdocd"}, plan: plan{after: func(t *testing.T, c *checked) {
			edited(`/realdocd/control"`, `/other"`)(t, c)
			answerWith(t, c.Dir+"/other", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}}},
		{name: "another program than the one that runs", want: "daemon-other-binary", subject: "realdocd", says: []string{"DIR/newer"}, plan: plan{after: func(t *testing.T, c *checked) {
			text, err := os.ReadFile(c.binary)
			mustDo(t, err)
			c.at.Program = c.Dir + "/newer"
			mustDo(t, os.WriteFile(c.at.Program, text, 0o755))
		}}},
		{name: "a configuration that was not reloaded", want: "reload-pending", subject: "realdocd", says: []string{"pool www", "systemctl reload realdocd"}, plan: plan{after: edited("[pool.www]", "[pool.www]\nqueue = 7")}},
		{name: "a listen that was not reloaded", want: "listen-differs", subject: "realdocd", says: []string{"DIR/realdocd/other", "DIR/realdocd/sock"}, plan: plan{after: edited("/realdocd/sock", "/realdocd/other")}},
		{name: "a paused pool", want: "pool-paused", subject: "pool www", says: []string{"realdocd resume www"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.Command(c.gw, 0, "pause", "www")
		}}},
		{name: "metrics for everybody", want: "metrics-open", subject: "realdocd", says: []string{"0.0.0.0"}, plan: plan{edit: top(fmt.Sprintf("metrics = '0.0.0.0:%d'", metrics))}},
		{name: "allowed_clients for everybody", want: "listen-open", subject: "realdocd", says: []string{"0.0.0.0/0"}, plan: plan{edit: top(fmt.Sprintf("listen = ['DIR/realdocd/sock', '127.0.0.1:%d']\nallowed_clients = ['0.0.0.0/0']", open))}},
		{name: "a socket for everybody", want: "listen-world-writable", subject: "realdocd", says: []string{"0666", "0660"}, plan: plan{edit: top("listen_mode = '0666'")}},
		{name: "a state_dir below a file", want: "directory-unwritable", subject: "DIR/file/state", says: []string{"state_dir", "not a directory", "ReadWritePaths"}, plan: plan{edit: top("state_dir = 'DIR/file/state'"), before: func(t *testing.T, c *checked) {
			write(t, c.Dir+"/file", "")
		}}},
	}
}

// faultsOfTheMachine are met by the next start, or by what runs beside the daemon.
func faultsOfTheMachine(t *testing.T) []plantedFault {
	port, err := stack.FreePort()
	mustDo(t, err)
	stopped := func(t *testing.T, c *checked) { t.Helper(); mustDo(t, c.gw.Stop()) }
	return []plantedFault{
		{name: "a log in a directory that is not there", want: "log-unwritable", subject: "DIR/nowhere/realdocd.log", says: []string{"no such file", "LogsDirectory="}, plan: plan{after: withLog("DIR/nowhere/realdocd.log")}},
		{name: "a log that is a directory", want: "log-unwritable", subject: "DIR/realdocd", says: []string{"is a directory"}, plan: plan{after: withLog("DIR/realdocd")}},
		{name: "a log that the daemon's user may not write", want: "log-unwritable", subject: "DIR/realdocd.log", says: []string{"as nobody", "permission denied"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			c.stopFor(t, "nobody")
			withLog("DIR/realdocd.log")(t, c)
		}}},
		{name: "a log where the unit lets the daemon write nothing", want: "log-unwritable", subject: "DIR/srv/realdocd.log", says: []string{"read-only"}, plan: plan{edit: top("user = 'root'"), after: func(t *testing.T, c *checked) {
			c.unit(map[string]string{"ReadWritePaths": c.Dir + "/realdocd"})
			withLog("DIR/srv/realdocd.log")(t, c)
		}}},
		{name: "a metrics port that another process has", want: "address-taken", subject: "realdocd", says: []string{"metrics has", "another process listens"}, plan: plan{after: func(t *testing.T, c *checked) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			mustDo(t, err)
			t.Cleanup(func() { ln.Close() })
			edited("[pool.www]", fmt.Sprintf("metrics = %q\n[pool.www]", ln.Addr()))(t, c)
			stopped(t, c)
		}}},
		{name: "metrics at an address of another machine", want: "address-unusable", subject: "realdocd", says: []string{"10.255.255.254", "cannot assign"}, plan: plan{after: func(t *testing.T, c *checked) {
			edited("[pool.www]", fmt.Sprintf("metrics = '10.255.255.254:%d'\n[pool.www]", port))(t, c)
			stopped(t, c)
		}}},
		{name: "a port below 1024", want: "address-unusable", subject: "realdocd", says: []string{"127.0.0.1:81", "permission denied"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			edited("[pool.www]", "metrics = '127.0.0.1:81'\n[pool.www]")(t, c)
			c.stopFor(t, "nobody")
		}}},
		{name: "a listen that another process has", want: "address-taken", subject: "DIR/other", says: []string{"pid"}, plan: plan{after: func(t *testing.T, c *checked) {
			answerWith(t, c.Dir+"/other", "")
			edited("/realdocd/sock", "/other")(t, c)
			stopped(t, c)
		}}},
		{name: "a file in the place of the socket", want: "address-taken", subject: "DIR/other", says: []string{"not a socket"}, plan: plan{after: func(t *testing.T, c *checked) {
			write(t, c.Dir+"/other", "")
			edited("/realdocd/sock", "/other")(t, c)
			stopped(t, c)
		}}},
		{name: "a directory of control that is not there", want: "directory-unwritable", subject: "DIR/nowhere", says: []string{"its socket of control", "RuntimeDirectory="}, plan: plan{after: func(t *testing.T, c *checked) {
			edited("/realdocd/control", "/nowhere/control")(t, c)
			stopped(t, c)
		}}},
		{name: "a directory of control where everybody may write", want: "directory-unsafe", subject: "DIR/realdocd", says: []string{"everybody", "0755"}, plan: plan{after: func(t *testing.T, c *checked) {
			mustDo(t, os.Chmod(c.control(), 0o777))
		}}},
		{name: "a spool_dir of another user", want: "directory-unwritable", subject: "DIR/spool", says: []string{"as nobody", "spool_dir"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			mustDo(t, os.Mkdir(c.Dir+"/spool", 0o755))
			edited("[pool.www]", fmt.Sprintf("spool_dir = '%s/spool'\n[pool.www]", c.Dir))(t, c)
			c.stopFor(t, "nobody")
		}}},
		{name: "a configuration that the daemon may not read", want: "config-unreadable", subject: "DIR/realdocd/realdocd.toml", says: []string{"as nobody"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			c.stopFor(t, "nobody")
			mustDo(t, os.Chmod(c.gw.Config, 0o600))
		}}},
		{name: "a docroot that the daemon's user may not reach", want: "docroot-unseen", subject: "site shop", says: []string{"as nobody", "chmod o+rx"}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			www, err := user.Lookup("www-data")
			mustDo(t, err)
			gid, err := strconv.Atoi(www.Gid)
			mustDo(t, err)
			mustDo(t, os.Chown(c.site.Dir, 0, gid))
			mustDo(t, os.Chmod(c.site.Dir, 0o750))
			c.stopFor(t, "nobody")
		}}},
		{name: "a unit of a user that there is not", want: "user-unknown", subject: "realdocd", says: []string{"nobody-here", "systemd-sysusers"}, plan: plan{edit: top("user = 'nobody-here'"), after: func(t *testing.T, c *checked) {
			c.unit(nil)
			stopped(t, c)
		}}},
		{name: "a unit of another user than user", want: "unit-other-user", subject: "realdocd", says: []string{"runs the daemon as root", `user is "nobody"`}, asRoot: true, plan: plan{edit: top("user = 'nobody'"), after: func(t *testing.T, c *checked) {
			c.unit(map[string]string{"User": "root"})
		}}},
		{name: "metrics where the unit allows no TCP", want: "unit-forbids-tcp", subject: "realdocd", says: []string{"RestrictAddressFamilies=AF_INET"}, plan: plan{edit: top("user = 'root'"), after: func(t *testing.T, c *checked) {
			c.unit(nil)
			edited("[pool.www]", fmt.Sprintf("metrics = '127.0.0.1:%d'\n[pool.www]", port))(t, c)
			stopped(t, c)
		}}},
		{name: "a daemon that systemd has given up", want: "daemon-failed", subject: "realdocd", says: []string{"start-limit-hit", "reset-failed"}, plan: plan{edit: top("user = 'root'"), after: func(t *testing.T, c *checked) {
			c.unit(map[string]string{"ActiveState": "failed", "Result": "start-limit-hit"})
			stopped(t, c)
		}}},
		{name: "a cron job by the link", want: "job-names-link", subject: "DIR/root/etc/cron.d/shop:2", says: []string{"site shop", "realdocd exec shop -- COMMAND"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.machineFile(t, "etc/cron.d/shop", "# php DIR/srv/shop/current/bin/a.php\n* * * * * www-data php DIR/srv/shop/current/bin/cron.php\n")
			c.machineFile(t, "etc/cron.d/fine", "* * * * * root realdocd exec shop -- php DIR/srv/shop/current/bin/cron.php\n")
		}}},
		{name: "a worker of systemd by the link", want: "job-names-link", subject: "DIR/root/etc/systemd/system/queue.service:2", says: []string{"WorkingDirectory"}, plan: plan{after: func(t *testing.T, c *checked) {
			c.machineFile(t, "etc/systemd/system/queue.service", "[Service]\nWorkingDirectory=DIR/srv/shop/current\nExecStart=/usr/bin/php artisan queue:work\n")
		}}},
	}
}

// withLog has the file name an output of the log. What runs has another one.
func withLog(file string) func(*testing.T, *checked) {
	return func(t *testing.T, c *checked) {
		t.Helper()
		edited("[pool.www]", "[log]\noutput = \""+c.Dir+file[len("DIR"):]+"\"\n[pool.www]")(t, c)
	}
}
