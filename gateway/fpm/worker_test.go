package fpm

import (
	"strings"
	"testing"
	"time"
)

// PHP-FPM's status tells neither a request's id nor its connection.
func TestFindWorker_IsTheOneThatRunsTheScriptForAsLong(t *testing.T) {
	long := "/srv/" + strings.Repeat("a", MaxScript) + ".php"
	workers := []Worker{
		{PID: 1, State: "Running", Method: "GET", Script: "/a.php", Duration: 2 * time.Second},
		{PID: 2, State: "Running", Method: "GET", Script: "/a.php", Duration: 60 * time.Second},
		{PID: 3, State: "Idle", Method: "GET", Script: "/a.php", Duration: 30 * time.Second},
		{PID: 4, State: "Running", Method: "POST", Script: "/a.php", Duration: 30 * time.Second},
		{PID: 5, State: "Running", Method: "GET", Script: "/b.php", Duration: 30 * time.Second},
		{PID: 6, State: "Running", Method: "GET", Script: long[:MaxScript], Duration: time.Second},
	}
	for _, row := range []struct {
		method, script string
		ran            time.Duration
		want           int // 0 is nobody
	}{
		{"GET", "/a.php", 3 * time.Second, 1},
		{"GET", "/a.php", 50 * time.Second, 2},
		{"GET", "/a.php", 30 * time.Second, 1}, // as the idle one's last request
		{"POST", "/a.php", time.Second, 4},
		{"GET", "/b.php", 30 * time.Second, 5},
		{"GET", long, time.Second, 6}, // of which FPM has the beginning
		{"HEAD", "/a.php", 2 * time.Second, 0},
		{"GET", "/c.php", 2 * time.Second, 0},
	} {
		got := 0
		if w := FindWorker(workers, row.method, row.script, row.ran); w != nil {
			got = w.PID
		}
		if got != row.want {
			t.Errorf("%s %s of %v runs in worker %d, want %d", row.method, row.script[:6], row.ran, got, row.want)
		}
	}
}
