package work

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// The job notes that it has begun and that it has ended. Some go on after their response, some write.
const job = `<?php
$note = fn($what) => file_put_contents($_GET['log'], "$what\n", FILE_APPEND | LOCK_EX);
ignore_user_abort(true);
$note('began');
if ($_GET['kind'] == 1) { echo 'done'; fastcgi_finish_request(); }
if ($_GET['kind'] == 2) { echo str_repeat('x', 100000); flush(); }
usleep(1000 * (int) $_GET['ms']);
$note('ended');
`

// descriptors are how many a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// Jobs that were begun are ended: whoever hangs up, and whatever is paused, drained, restarted, flipped and
// upgraded meanwhile.
func TestJobsThatWereBegunAreEnded(t *testing.T) {
	requests := 600
	if n, err := strconv.Atoi(os.Getenv("WORK_JOBS")); err == nil {
		requests = n
	}
	s := stack.For(t, "nginx", "php-fpm")
	site := s.Site(stack.SiteConfig{Pages: fstest.MapFS{"job.php": {Data: []byte(job)}}})
	fpm := s.FPM(stack.FPMConfig{MaxChildren: 4, Status: true})
	config := stack.GatewayFor(fpm, site)
	config.Pools["www"]["max_conns"] = 4
	config.Pools["www"]["status"] = string(fpm.Status)
	config.Pools["www"]["status_path"] = stack.StatusPath
	gw := s.Gateway(config)
	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{{Root: site.DocRoot(), Backend: gw.Addr, KeepAlive: 8}}})
	log := s.Dir + "/jobs"
	if err := os.WriteFile(log, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	os.Chmod(log, 0o666)
	before := descriptors(t, gw.Pid())

	var sent, left atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for sent.Add(1) <= int64(requests) {
				ctx, leave := context.WithTimeout(t.Context(), 20*time.Second)
				if rand.IntN(3) == 0 { // hangs up
					leave()
					ctx, leave = context.WithTimeout(t.Context(), time.Duration(rand.IntN(30))*time.Millisecond)
				}
				at := web.URL(0, fmt.Sprintf("/job.php?kind=%d&ms=%d&log=%s", rand.IntN(3), rand.IntN(20), url.QueryEscape(log)))
				request, _ := http.NewRequestWithContext(ctx, "POST", at, strings.NewReader(strings.Repeat("x", rand.IntN(100_000))))
				if resp, err := client.Do(request); err == nil {
					resp.Body.Close() // often before all of it was read
				} else {
					left.Add(1)
				}
				leave()
			}
		})
	}
	over := make(chan struct{})
	go func() { clients.Wait(); close(over) }()
	did := map[string]int{}
	for n := 1; ; n++ {
		select {
		case <-over:
		case <-time.After(100 * time.Millisecond):
			what := []string{"pause and resume", "restart of PHP-FPM", "flip", "upgrade"}[rand.IntN(4)]
			did[what]++
			switch what {
			case "pause and resume":
				s.Command(gw, 0, "pause", "www")
				s.Command(gw, 0, "resume", "www")
			case "restart of PHP-FPM":
				s.Command(gw, 0, "pause", "www", "--drain")
				s.Restart(fpm)
				s.Command(gw, 0, "resume", "www")
			case "flip":
				s.Flip(site, n%2+1)
			case "upgrade":
				s.Upgrade(gw)
			}
			continue
		}
		break
	}
	client := control.NewClient(string(gw.Control))
	stack.Until(t, "nothing runs any more", func() bool {
		st, err := client.Status(t.Context())
		return err == nil && len(st.Retiring) == 0 && st.Pools[0].Running == 0 && st.Pools[0].Abandoned == 0 && st.Sites[0].Running == 0
	})
	s.Command(gw, 0, "pause", "www", "--drain") // waits for those that go on after their response
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	began, ended := strings.Count(string(text), "began"), strings.Count(string(text), "ended")
	t.Logf("%d requests, %d broken off by the visitor; %d jobs begun, %d ended; meanwhile %v", requests, left.Load(), began, ended, did)
	if began != ended || began < requests/2 {
		t.Errorf("%d jobs were begun, and %d ended", began, ended)
	}
	web.Stop()
	stack.Until(t, "no descriptor is left over", func() bool { return descriptors(t, gw.Pid()) <= before+2 })
	if usage, err := gw.Usage(); err != nil || usage.PeakRSS > 64<<20 {
		t.Errorf("%v, %v", usage, err)
	} else {
		t.Log(usage)
	}
}
