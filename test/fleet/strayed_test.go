package fleet

import (
	"os"
	"testing"

	"realdocd/test/stack"
)

// A host whose link somebody flips without the fleet says that it is not ready, serves on, and is in step again with
// the next flip of all.
func TestHost_FlippedByHandIsNotReady(t *testing.T) {
	y := openFleet(t, 2, pace{ask: 50 * ms, probe: 50 * ms})
	h := y.hosts[0]
	y.must(os.Symlink("releases/1", h.link()+".next"))
	y.must(os.Rename(h.link()+".next", h.link()))
	stack.Until(t, "the host says that it is not ready", func() bool { return !h.ready() })
	if took := h.takes(1); len(took) != 1 {
		t.Errorf("it serves nothing any more")
	}
	if code, said := y.command(h, "flip", site, "2"); code != 1 {
		t.Errorf("a flip of one host alone ended with %d: %s", code, said)
	}
	if !y.hosts[1].ready() {
		t.Errorf("the other host is not ready")
	}
	release := y.flips()
	if live := h.live(); live != release {
		t.Errorf("the host is on release %s, and committed is %s", live, release)
	}
}

// command runs a verb on a host.
func (y *yard) command(h *host, args ...string) (code int, said string) {
	y.t.Helper()
	code, said, err := h.gw.Command(args...)
	y.must(err)
	return code, said
}
