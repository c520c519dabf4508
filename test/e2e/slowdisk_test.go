package e2e

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

// Go takes the processor away from a call that blocks only after 10 ms or 20. The daemon has a quarter of the
// machine's processors, most often one: whatever waits for a disk must have another.
func TestADiskThatHangsHasAProcessorToItself(t *testing.T) {
	own := (runtime.NumCPU() + 3) / 4
	if own >= 4 {
		t.Skipf("%d processors need no spare one", own)
	}
	for _, row := range []struct {
		name  string
		top   string // the key that puts something on the disk
		touch func(t *testing.T, s *shop)
	}{
		{"the history", "state_dir", func(t *testing.T, s *shop) {
			mustDo(t, s.site.Flip(2))
			s.get(t, "/who.php")
		}},
		{"a body", "spool_dir", func(t *testing.T, s *shop) {
			client := s.Connect(s.gw.Addr)
			body := []byte(strings.Repeat("x", 1<<20))
			mustDo(t, client.Begin(true))
			mustDo(t, client.Params(stack.ParamsFor(s.site.DocRoot(), "POST", "/who.php", "CONTENT_LENGTH", "1048576")...))
			go client.Stdin(body)
		}},
		{"the log", "", func(t *testing.T, s *shop) { s.get(t, "/who.php") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			st := stack.For(t, "nginx", "php-fpm", "bindfs")
			disk := st.SlowDisk()
			t.Cleanup(func() { disk.Recover() })
			s := settings{top: stack.Keys{}}
			if row.top != "" {
				s.top[row.top] = disk.Dir
			}
			shop := openShopOn(st, st.FPM(stack.FPMConfig{}), s)
			if row.top == "" {
				shop.logTo(t, disk.Dir+"/log")
			}
			shop.get(t, "/who.php")
			mustDo(t, shop.gw.WaitMetric(float64(own), "go_sched_gomaxprocs_threads"))
			mustDo(t, disk.Hang())
			row.touch(t, shop)
			stays(t, shop.gw, float64(own+1))
			shop.get(t, "/who.php")
			mustDo(t, disk.Recover())
			mustDo(t, shop.gw.WaitMetric(float64(own), "go_sched_gomaxprocs_threads"))
		})
	}
}

// stays waits until Go has so many processors in the daemon for longer than a write to a log that takes it.
func stays(t *testing.T, gw *stack.Gateway, want float64) {
	t.Helper()
	since := time.Now()
	stack.Until(t, "a processor more for half a second", func() bool {
		got, err := gw.Metric("go_sched_gomaxprocs_threads")
		mustDo(t, err)
		if got != want {
			since = time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	})
}
