package gateway

import (
	"net/http"
	"os"
	"testing"
)

// Under the unit the daemon may not give its socket away, and need not be in the group.
func TestControlSocket_LetsAGroupInByAListOfAccessControl(t *testing.T) {
	needOtherUsers(t)
	b := newPublicBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	if err := grantGroup(b.cfg.Control, 5001, 0o660); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(b.cfg.Control); err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("the socket is %v, %v", fi, err)
	}
	for gid, want := range map[int]int{5001: http.StatusOK, 5002: 0} {
		if got := statusAs(t, b.cfg.Control, http.MethodGet, "/v1/status", 4711, 4711, gid); got != want {
			t.Errorf("one of group %d is answered with %d, want %d", gid, got, want)
		}
	}
}
