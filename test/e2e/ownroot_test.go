package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// A PHP-FPM with a chroot sees neither the control socket's directory nor the releases by their
// paths: what it makes of a release is not known, which is not a reason not to flip. With map and
// probe_dir it is asked.
func TestAnFPMWithARootOfItsOwnIsAskedWhereItSeesTheProbe(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT PROVEN: only root may change the root of a PHP-FPM")
	}
	for _, row := range []struct {
		name  string
		top   stack.Keys
		known bool
	}{
		{"no probe that it sees", nil, false},
		{"a probe that it sees", stack.Keys{"probe_dir": "ROOT/probe"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := stack.For(t, "php-fpm")
			root := filepath.Join(s.Dir, "root")
			for _, dir := range []string{"probe", "dev", "shop/releases/1", "shop/releases/2"} {
				mustDo(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
			}
			for _, n := range []string{"1", "2"} {
				mustDo(t, os.WriteFile(root+"/shop/releases/"+n+"/index.php", []byte("<?php echo 'release "+n+"';"), 0o644))
			}
			mustDo(t, os.Symlink("releases/1", root+"/shop/current"))
			fpm := s.FPM(stack.FPMConfig{Pool: []string{"chroot = " + root}})
			top := stack.Keys{}
			for key, value := range row.top {
				top[key] = strings.ReplaceAll(value.(string), "ROOT", root)
			}
			gw := s.Gateway(stack.GatewayConfig{
				Top:   top,
				Pools: map[string]stack.Keys{"www": {"server": []string{string(fpm.Addr)}, "map": []string{root + ":/"}}},
				Sites: map[string]stack.Keys{"shop": {"docroot": root + "/shop/current", "warm": []string{"/"}}},
			})
			said := s.Command(gw, 0, "flip", "shop", "2")
			if known := !strings.Contains(said, "the opcache is not known"); known != row.known {
				t.Errorf("flip said:\n%s", said)
			}
			if !strings.Contains(said, "/ 200") {
				t.Errorf("the warm-up did not run:\n%s", said)
			}
		})
	}
}
