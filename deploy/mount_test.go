package deploy

import (
	"bufio"
	"strings"
	"testing"
)

func TestADocrootInABindMountIsSaidToBeOne(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw
40 22 254:16 /srv/shop/releases/42 /var/www/shop/current rw,relatime - ext4 /dev/vdb1 rw
41 22 254:32 / /data rw,relatime - ext4 /dev/vdc1 rw
42 22 254:16 /with\040space /var/www/with\040space rw - ext4 /dev/vdb1 rw
43 40 0:40 / /var/www/shop/current/public/tmp rw - tmpfs tmpfs rw
`
	for _, tt := range []struct{ path, point, from string }{
		{"/var/www/shop/current/public", "/var/www/shop/current", "/srv/shop/releases/42"},
		{"/var/www/shop/current/public/tmp", "", ""},
		{"/data/www/shop", "", ""},
		{"/var/www/shop/current2", "", ""},
		{"/var/www/with space/x", "/var/www/with space", "/with space"},
	} {
		point, from := readMounts(bufio.NewScanner(strings.NewReader(mounts)), tt.path)
		if point != tt.point || from != tt.from {
			t.Errorf("%s is in %q, from %q", tt.path, point, from)
		}
	}
}
