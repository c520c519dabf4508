package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/test/stack"
)

const failedPage = "Status: 500 No\r\nContent-Type: text/plain\r\n\r\nno"

// requestEvents are the events of requests so far.
func (b *bench) requestEvents() (events []stack.Event) {
	lines, _ := b.log.now()
	for _, line := range lines {
		if strings.Contains(line, `"message":"request"`) {
			events = append(events, stack.ParseEvent(line))
		}
	}
	return events
}

// visit has PHP answer a request.
func (b *bench) visit(c *stack.Client, answer string, pairs ...string) {
	b.t.Helper()
	b.send(c, "", b.params(pairs...)...)
	b.fpm.Next().Answer(answer)
	b.reply(c)
}

func TestAccessLog_TakesWhatItIsFor(t *testing.T) {
	for _, row := range []struct {
		access             AccessLog
		good, bad, refused int
	}{
		{LogAll, 4, 4, 4},
		{LogNone, 0, 0, 4},
		{LogErrors, 0, 4, 4},
	} {
		t.Run(fmt.Sprint(row.access), func(t *testing.T) {
			b := newBench(t)
			b.cfg.AccessLog = row.access
			b.start()
			c := b.connect()
			for range 4 {
				b.visit(c, page)
				b.visit(c, failedPage)
				b.send(c, "", "DOCUMENT_ROOT", "/none", "SCRIPT_FILENAME", "/none/a.php")
				b.reply(c)
			}
			b.server.Shutdown(t.Context()) // all has been written
			got := map[string]int{}
			for _, e := range b.requestEvents() {
				got[e.String("status")]++
			}
			if got["200"] != row.good || got["500"] != row.bad || got["404"] != row.refused {
				t.Errorf("the log has %v", got)
			}
		})
	}
}

// With a share, one in so many is logged, and says so; what fails is always there. A site may have its own.
func TestAccessLog_AShareIsDrawnAtRandom(t *testing.T) {
	const n = 400
	b := newBench(t)
	b.cfg.AccessLog = 0.25
	b.cfg.Sites[1].AccessLog = new(LogNone)
	b.start()
	c := b.connect()
	for i := range n {
		b.visit(c, page)
		if i%100 == 0 {
			b.visit(c, failedPage)
			b.visit(c, page, "DOCUMENT_ROOT", b.docroot("blog"), "SCRIPT_FILENAME", b.docroot("blog")+"/index.php")
		}
	}
	b.server.Shutdown(t.Context())
	good, bad := 0, 0
	for _, e := range b.requestEvents() {
		switch {
		case e.String("site") == "blog":
			t.Errorf("the site that logs nothing has %v", e)
		case e.String("status") == "500":
			bad++
		case e.String("sample") != "0.25":
			t.Errorf("an event does not say for how many it stands: %v", e)
		default:
			good++
		}
	}
	// 100 are expected, with a deviation of 8.7: six of them are a chance of one in 10^8.
	if good < 48 || good > 152 || bad != 4 {
		t.Errorf("of %d requests %d are logged, and %d of 4 that failed", n, good, bad)
	}
}

func TestAppendMillis_IsTheNumberAsJSONHasIt(t *testing.T) {
	for _, us := range []int64{0, 1, 10, 56, 100, 999, 1000, 1001, 7040, 10_245, 100_000, 1_000_000, 3_600_000_100, -5, -1500} {
		want := strconv.FormatFloat(float64(us)/1000, 'f', -1, 64)
		if got := string(appendMillis(nil, time.Duration(us)*time.Microsecond)); got != want {
			t.Errorf("%d µs are %s ms, want %s", us, got, want)
		}
	}
}
