package stack

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// A program that the tests need beside Go: its names on disk, best first, and the Debian package it is in.
type program struct {
	files []string
	pkg   string
}

var programs = map[string]program{
	"php-fpm": {[]string{"php-fpm8.5", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1", "php-fpm8.0", "php-fpm7.4", "php-fpm"}, "php-fpm"},
	"nginx":   {[]string{"nginx"}, "nginx-light"},
	"nginx-stream": {[]string{
		"/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so",
	}, "libnginx-mod-stream"},
	"apache2":         {[]string{"apache2", "httpd"}, "apache2"},
	"haproxy":         {[]string{"haproxy"}, "haproxy"},
	"lighttpd":        {[]string{"lighttpd"}, "lighttpd"},
	"caddy":           {[]string{"caddy"}, "caddy"},
	"lighttpd-magnet": {[]string{"/usr/lib/lighttpd/mod_magnet.so", "/usr/lib64/lighttpd/mod_magnet.so"}, "lighttpd-modules-lua"},
	"chromium":        {[]string{"chromium", "chromium-browser", "google-chrome-stable"}, "chromium"},
	"fcgiwrap":        {[]string{"fcgiwrap"}, "fcgiwrap"},
	"rsync":           {[]string{"rsync"}, "rsync"},
	"rclone":          {[]string{"rclone"}, "rclone"},
	"logrotate":       {[]string{"logrotate"}, "logrotate"},
	"prometheus":      {[]string{"prometheus"}, "prometheus"},
	"promtool":        {[]string{"promtool"}, "prometheus"},
	"bindfs":          {[]string{"bindfs"}, "bindfs"},
	"journald":        {[]string{"/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"}, "systemd"},
	"systemd-cat":     {[]string{"systemd-cat"}, "systemd"},
	"journalctl":      {[]string{"journalctl"}, "systemd"},

	"php-fpm8.2":              {[]string{"php-fpm8.2"}, "php8.2-fpm"}, // the version that the README names
	"php":                     {[]string{"php"}, "php-cli"},
	"chroot":                  {[]string{"chroot"}, "coreutils"},
	"make":                    {[]string{"make"}, "make"},
	"cgi-fcgi":                {[]string{"cgi-fcgi"}, "libfcgi-bin"},
	"python3-yaml":            {[]string{"/usr/lib/python3/dist-packages/yaml/__init__.py"}, "python3-yaml"},
	"tini":                    {[]string{"tini"}, "tini"},
	"runsv":                   {[]string{"runsv"}, "runit"},
	"supervisord":             {[]string{"supervisord"}, "supervisor"},
	"buildah":                 {[]string{"buildah"}, "buildah"},
	"podman":                  {[]string{"podman"}, "podman"},
	"crun":                    {[]string{"crun"}, "crun"},
	"catatonit":               {[]string{"/usr/bin/catatonit", "/usr/libexec/podman/catatonit"}, "catatonit"},
	"git":                     {[]string{"git"}, "git"},
	"npm":                     {[]string{"npm"}, "npm"},
	"cap":                     {[]string{"cap"}, "capistrano"},
	"ansible-playbook":        {[]string{"ansible-playbook"}, "ansible-core"},
	"sshd":                    {[]string{"sshd"}, "openssh-server"},
	"ssh-keygen":              {[]string{"ssh-keygen"}, "openssh-client"},
	"wordpress":               {[]string{"/usr/share/wordpress/wp-settings.php"}, "wordpress"},
	"mandoc":                  {[]string{"mandoc"}, "mandoc"},
	"dpkg":                    {[]string{"dpkg"}, "dpkg"},
	"dpkg-deb":                {[]string{"dpkg-deb"}, "dpkg"},
	"rpm":                     {[]string{"rpm"}, "rpm"},
	"nsenter":                 {[]string{"nsenter"}, "util-linux"},
	"ip":                      {[]string{"ip"}, "iproute2"},
	"etcd":                    {[]string{"etcd"}, "etcd-server"},
	"openssl":                 {[]string{"openssl"}, "openssl"},
	"etcdctl":                 {[]string{"etcdctl"}, "etcd-client"},
	"systemd-nspawn":          {[]string{"systemd-nspawn"}, "systemd-container"},
	"systemctl":               {[]string{"systemctl"}, "systemd"},
	"systemd-analyze":         {[]string{"systemd-analyze"}, "systemd"},
	"systemd-socket-activate": {[]string{"systemd-socket-activate"}, "systemd"},
}

// Find is the path of a program, by its name in the table above. PHP_FPM in the environment names the
// PHP-FPM to take if several are installed.
func Find(name string) (string, error) {
	p, known := programs[name]
	if !known {
		return "", fmt.Errorf("stack does not know a program %q", name)
	}
	if chosen := os.Getenv("PHP_FPM"); name == "php-fpm" && chosen != "" {
		return chosen, nil
	}
	for _, file := range p.files {
		// Daemons live in sbin, which is not on everybody's PATH.
		for _, candidate := range []string{file, "/usr/sbin/" + file, "/usr/local/sbin/" + file, "/sbin/" + file} {
			if path, err := exec.LookPath(candidate); err == nil {
				return path, nil
			}
		}
		if filepath.IsAbs(file) { // a module: not executable
			if _, err := os.Stat(file); err == nil {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not installed: on Debian, apt-get install %s", name, p.pkg)
}

// TB is what the helpers need of a test or a benchmark.
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Logf(format string, args ...any)
}

// Need ends the test by [Unproven] if a program is missing.
func Need(t TB, names ...string) {
	t.Helper()
	for _, name := range names {
		PathOf(t, name)
	}
}

// PathOf is the path of a program that the test needs: [Need] and [Find] in one.
func PathOf(t TB, name string) (path string) {
	t.Helper()
	path, err := Find(name)
	if err != nil {
		Unproven(t, err.Error())
	}
	return path
}

// NeedRoot ends the test by [Unproven] if it does not run as root. what names what takes root.
func NeedRoot(t TB, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		Unproven(t, what+" takes root")
	}
}

// Unproven skips a test that cannot run on this machine. If CI is set it fails instead, because there a skip
// would pass for a proof.
func Unproven(t TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s", why)
	} else {
		t.Skipf("SKIPPED, NOT PROVEN: %s", why)
	}
}

// worker is the user that workers run as; "" if we are not root: then everything is ours anyway.
func worker() string {
	if os.Getuid() != 0 {
		return ""
	}
	names := []string{"www-data", "apache", "nginx", "nobody"}
	i := slices.IndexFunc(names, func(name string) bool { _, err := user.Lookup(name); return err == nil })
	if i < 0 {
		return "root"
	}
	return names[i]
}

// workerDir makes a directory that workers may write to.
func workerDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil || worker() == "" {
		return err
	}
	u, err := user.Lookup(worker())
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, -1)
}

// workerGroup is that user's group.
func workerGroup() string {
	u, err := user.Lookup(worker())
	if err != nil {
		return worker()
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return worker()
	}
	return g.Name
}
