package install

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"realdocd/test/stack"
)

// PHP-FPM in another Debian, as in a container: it has its own PHP, its own /etc, and sees the
// code at another path. map says which.
func TestBoot_AnFPMInARootOfItsOwnSeesTheCodeElsewhere(t *testing.T) {
	tree := os.Getenv("REALDOCD_MACHINE")
	if tree == "" {
		t.Skip("SKIPPED, NOT PROVEN: REALDOCD_MACHINE names no tree with a PHP-FPM; make boot makes one and runs this")
	}
	stack.NeedRoot(t, "a chroot")
	s := stack.For(t, "nginx")
	dir, err := os.MkdirTemp("/tmp", "rdroot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	command(t, "", "mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", dir)
	t.Cleanup(func() { command(t, "", "umount", dir) })
	root := dir + "/root"
	command(t, "", "mkdir", root, dir+"/upper", dir+"/work")
	command(t, "", "mount", "-t", "overlay", "overlay", "-o", "lowerdir="+tree+",upperdir="+dir+"/upper,workdir="+dir+"/work", root)
	t.Cleanup(func() { command(t, "", "umount", root) })
	site := s.Site(stack.SiteConfig{})
	command(t, "", "mkdir", "-p", root+"/srv/code", root+"/run/php")
	command(t, "", "mount", "--bind", site.Dir, root+"/srv/code")
	t.Cleanup(func() { command(t, "", "umount", root+"/srv/code") })
	const pool = "[global]\ndaemonize = no\nerror_log = /var/log/own.log\n[www]\nuser = www-data\ngroup = www-data\nlisten = /run/php/own.sock\nlisten.mode = 0666\npm = static\npm.max_children = 4\n"
	if err := os.WriteFile(root+"/etc/own.conf", []byte(pool), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := stack.Addr(root + "/run/php/own.sock")
	fpm := s.Program("own-fpm", addr, stack.PathOf(t, "chroot"), root, "/usr/sbin/php-fpm8.2", "-F", "-y", "/etc/own.conf")
	t.Cleanup(func() { fpm.Stop() }) // before its root goes

	gw := s.Gateway(stack.GatewayConfig{
		Pools: map[string]stack.Keys{"www": {"server": []string{string(addr)}, "map": []string{site.Dir + ":/srv/code"}}},
		Sites: map[string]stack.Keys{"shop": {"docroot": site.DocRoot(), "include_path": site.IncludePath()}},
	})
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr, KeepAlive: 4}}})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	traffic := stack.Load{URLs: []string{web.URL(0, "/index.php?pause=0")}, Post: true}.Start(ctx)
	flips := stack.FlipEvery(20*time.Millisecond, site)
	s.More(traffic, 400)
	stop()
	tally := traffic.Wait()
	n, err := flips.Stop()
	t.Logf("%d flips with PHP-FPM in %s: %v", n, filepath.Base(root), tally)
	if err != nil || n == 0 || tally.Failed > 0 || tally.Torn > 0 {
		t.Errorf("want none failed and none torn in %d flips (%v): %v", n, err, tally)
	}
}
