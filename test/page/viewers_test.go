package page

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"realdocd/test/stack"
)

// What 50 viewers cost is measured, and shown with -v; PAGE_VIEWERS is how long, such as 30s.
func TestPage_ServesManyViewersFromOneSampler(t *testing.T) {
	long := 3 * time.Second
	if text := os.Getenv("PAGE_VIEWERS"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := openShop(t, 3)
	for n := range s.sites {
		defer s.traffic(t, n, "/serves.php")()
	}
	measure := func() float64 {
		before, err := s.gw.Usage()
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(long)
		after, err := s.gw.Usage()
		if err != nil {
			t.Fatal(err)
		}
		return 100 * (after.CPU - before.CPU).Seconds() / long.Seconds()
	}
	nobody := measure()
	var heard atomic.Int64
	const viewers = 50
	for n := range viewers {
		url := s.page + "events"
		if n%2 == 1 {
			url += "?name=" + s.sites[0].Name
		}
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		go func() {
			lines := bufio.NewScanner(response.Body)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "data: ") {
					heard.Add(1)
				}
			}
		}()
	}
	stack.Until(t, "all have heard something", func() bool { return heard.Load() >= viewers })
	before := heard.Load()
	all := measure()
	told := float64(heard.Load()-before) / viewers / long.Seconds()
	t.Logf("realdocd takes %.1f %% of a core for the traffic, and %.1f %% with %d viewers, who hear %.2f times a second", nobody, all, viewers, told)
	if told < 0.5 || told > 2 {
		t.Errorf("each viewer has heard %.2f times a second: want about once", told)
	}
}
