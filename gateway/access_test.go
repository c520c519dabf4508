package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

// needOtherUsers skips where nobody can become somebody else.
func needOtherUsers(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("other users take root")
	}
	t.Skip("SKIPPED, NOT PROVEN: other users take root")
}

// newPublicBench is one whose directory others may look into.
func newPublicBench(t *testing.T) *bench {
	b := newBench(t)
	b.must(os.Chmod(b.dir, 0o755))
	return b
}

func TestAllowedUsers_NobodyElseConnects(t *testing.T) {
	needOtherUsers(t)
	b := newPublicBench(t)
	b.cfg.ListenMode = 0o666
	b.cfg.AllowedUsers = []uint32{4711}
	b.start()
	for uid, want := range map[int]bool{0: true, 4711: true, 4712: false} {
		conn, err := stack.DialAs(string(b.cfg.Listen[0]), uid, uid)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1)) // the gateway is silent to whom it serves, and closes the others
		timeout, _ := err.(net.Error)
		if served := timeout != nil && timeout.Timeout(); served != want {
			t.Errorf("uid %d: served is %t, want %t (%v)", uid, served, want, err)
		}
		conn.Close()
	}
}

// operators ask the control socket as somebody.
func statusAs(t *testing.T, socket, method, path string, uid, gid int, groups ...int) int {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return stack.DialAs(socket, uid, gid, groups...)
		},
	}}
	rq, err := http.NewRequest(method, "http://realdocd"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(rq)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestControlSocket_WhoMayDoWhat(t *testing.T) {
	needOtherUsers(t)
	const look, operate, deploy = "/v1/status", "/v1/pools/www/pause", "/v1/sites/shop/look"
	rows := []struct {
		who                   string
		uid, gid              int
		groups                []int
		look, operate, deploy int
	}{
		{"root", 0, 0, nil, 200, 200, 200},
		{"one of control_group", 4711, 4711, []int{5001}, 200, 200, 200},
		{"one of operate_groups", 4711, 4711, []int{5002}, 200, 200, 403},
		{"one of look_groups", 4711, 5003, nil, 200, 403, 403},
		{"a visitor of the machine", 4711, 4711, nil, 403, 403, 403},
	}
	b := newPublicBench(t)
	b.cfg.Control = b.dir + "/control"
	b.cfg.ControlMode, b.cfg.ControlGroup = 0o660, "5001"
	b.cfg.OperateGroups, b.cfg.LookGroups = []string{"5002"}, []string{"5003"}
	b.start()
	for _, row := range rows {
		t.Run(row.who, func(t *testing.T) {
			for path, want := range map[string]int{look: row.look, operate: row.operate, deploy: row.deploy} {
				method := http.MethodPost
				if path == look {
					method = http.MethodGet
				}
				if got := statusAs(t, b.cfg.Control, method, path, row.uid, row.gid, row.groups...); got != want {
					t.Errorf("%s is answered with %d, want %d", path, got, want)
				}
			}
		})
	}
}

func TestControlSocket_IsForItsGroupAloneWithoutRoles(t *testing.T) {
	needOtherUsers(t)
	b := newPublicBench(t)
	b.cfg.Control = b.dir + "/control"
	b.cfg.ControlMode, b.cfg.ControlGroup = 0o660, "5001"
	b.start()
	if got := statusAs(t, b.cfg.Control, http.MethodPost, "/v1/pools/www/pause", 4711, 5001); got != http.StatusOK {
		t.Errorf("one of control_group gets %d", got)
	}
	if got := statusAs(t, b.cfg.Control, http.MethodGet, "/v1/status", 4711, 4711); got != 0 {
		t.Errorf("somebody else gets %d, and should not even connect", got)
	}
}

// Who may do nothing must not keep those out who may.
func TestControlSocket_StrangersKeepNobodyOut(t *testing.T) {
	needOtherUsers(t)
	b := newPublicBench(t)
	b.cfg.Control = b.dir + "/control"
	b.cfg.LookGroups = []string{"5003"}
	b.start()
	for range 200 {
		conn, err := stack.DialAs(b.cfg.Control, 4711, 4711)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if got := statusAs(t, b.cfg.Control, http.MethodGet, "/v1/status", 0, 0); got != http.StatusOK {
		t.Errorf("root gets %d while a stranger has 200 connections", got)
	}
}

func TestRoleOf_TheModeOfTheSocketCounts(t *testing.T) {
	for _, row := range []struct {
		name string
		cfg  Config
		want control.Role
	}{
		{"the group's mode", Config{ControlGroup: "5001", ControlMode: 0o660, LookGroups: []string{"5003"}}, control.RoleDeploy},
		{"the owner's alone", Config{ControlGroup: "5001", ControlMode: 0o600, LookGroups: []string{"5003"}}, control.RoleNone},
		{"everybody's", Config{ControlGroup: "5009", ControlMode: 0o666, LookGroups: []string{"5003"}}, control.RoleDeploy},
	} {
		if got := row.cfg.roleOf(sock.Creds{UID: 4711, Groups: []uint32{4711, 5001}}); got != row.want {
			t.Errorf("%s: the role is %v, want %v", row.name, got, row.want)
		}
	}
}

// A page that a visitor's browser runs reaches what listens on his machine, by a name
// that its own name server gives that address.
func TestMetrics_AreForWhoNamesThisMachine(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	h := hostChecked("web1.example:9117", newBench(t).newServer().exporter())
	for host, want := range map[string]int{
		"127.0.0.1:9117": 200, "[::1]:9117": 200, "[::1]": 200, "10.1.2.3": 200, "localhost:9117": 200, "LOCALHOST.": 200,
		machine: 200, "web1.example:9117": 200,
		"evil.example:9117": 421, "127.0.0.1.evil.example": 421, "": 421, "localhost.evil.example": 421,
	} {
		rq := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		rq.Host = host
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, rq)
		if answer.Code != want {
			t.Errorf("Host %q is answered with %d, want %d", host, answer.Code, want)
		}
	}
}

func TestMetrics_HaveABoundOnConnections(t *testing.T) {
	b := newBench(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	b.cfg.Metrics = ln.Addr().String()
	ln.Close()
	b.start()
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	served := func(conn net.Conn) bool {
		io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
		conn.SetReadDeadline(time.Now().Add(patience))
		answer := make([]byte, 12)
		io.ReadFull(conn, answer)
		return strings.HasPrefix(string(answer), "HTTP/1.1 200")
	}
	for n := range maxScrapes + 1 {
		conn, err := net.Dial("tcp", b.cfg.Metrics)
		b.must(err)
		open = append(open, conn)
		if got, want := served(conn), n < maxScrapes; got != want {
			t.Fatalf("connection %d: served is %t, want %t", n+1, got, want)
		}
	}
	open[0].Close()
	stack.Until(t, "there is room again", func() bool {
		conn, err := net.Dial("tcp", b.cfg.Metrics)
		b.must(err)
		open = append(open, conn)
		return served(conn)
	})
}
