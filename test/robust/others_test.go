package robust

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// times asks for so many pages, one after the other, each over a connection of its own, and
// gives how long each took.
func (y *yard) times(n int) (took []time.Duration) {
	y.t.Helper()
	for range n {
		began := time.Now()
		c, err := patient(y.gw.Addr)
		y.must(err)
		c.SetDeadline(time.Now().Add(stack.Patience))
		y.must(c.Begin(false))
		y.must(c.Params(y.params("/small.php")...))
		y.must(c.Stdin(nil))
		reply, err := c.Reply()
		y.must(err)
		if reply.Status != 200 || !reply.Ended {
			y.t.Fatalf("a visitor gets %d %.200q", reply.Status, reply.Body)
		}
		took = append(took, time.Since(began))
		c.Close()
	}
	return took
}

// under is times while the pest is there: in a process of its own, since here it would keep
// those who ask from their turns.
func (y *yard) under(n, pest int) (took []time.Duration, did int) {
	y.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), pestVariable+"="+strconv.Itoa(pest), pestAddr+"="+string(y.gw.Addr), pestDocroot+"="+y.docroot)
	cmd.Stderr = os.Stderr
	stop, err := cmd.StdinPipe()
	y.must(err)
	out, err := cmd.StdoutPipe()
	y.must(err)
	y.must(cmd.Start())
	defer cmd.Wait()
	defer stop.Close()
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); line != "at work\n" {
		y.t.Fatalf("the pest says %q, %v", line, err)
	}
	took = y.times(n)
	stop.Close()
	text, err := io.ReadAll(said)
	y.must(err)
	fmt.Sscan(string(text), &did)
	return took, did
}

// at is the time below which a share of them is.
func at(took []time.Duration, share float64) time.Duration {
	slices.Sort(took)
	return took[min(len(took)-1, int(share*float64(len(took))))]
}

// Each of them may take what it likes of the processors, and of its own bounds; nobody waits for it. The figures are
// ratios within one run: how long a page takes beside the pest, and without it.
func TestOthersAreServedBesideWhoeverIsABurden(t *testing.T) {
	n, most := 200, 100.0
	if long() {
		n, most = 4000, 25
	}
	var rows []manual.Item
	for i, a := range annoyances {
		t.Run(a.what, func(t *testing.T) {
			y := openYard(t, stack.FPMConfig{MaxChildren: 4}, func(y *yard) {
				y.config.Pools["www"]["max_conns"] = 4
				y.config.Top["max_connections"] = mostConnections() + 500
			})
			y.times(n / 4)
			quiet := y.times(n)
			beside, did := y.under(n, i)
			half, last := float64(at(beside, 0.5))/float64(at(quiet, 0.5)), float64(at(beside, 0.99))/float64(at(quiet, 0.99))
			t.Logf("%d times: half of the pages took %.2f times as long (%v, %v), 99 %% %.2f times (%v, %v)", did,
				half, at(quiet, 0.5), at(beside, 0.5), last, at(quiet, 0.99), at(beside, 0.99))
			if half > most && !a.saturates {
				t.Errorf("others wait %.0f times as long", half)
			}
			y.times(10)
			rows = append(rows, manual.Item{Name: a.what, Says: []string{fmt.Sprintf("half of the pages took %.1f times as long, the slowest hundredth %.1f times", half, last)}})
		})
	}
	compare(t, "others", rows, len(annoyances))
}
