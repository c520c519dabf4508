package spare

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// processors has the test run with so many, and says how many there are.
func processors(t *testing.T, n int) func() int {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	return func() int { return runtime.GOMAXPROCS(0) }
}

func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 10_000 {
		if f() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("not seen in time: ", what)
}

func TestSpare_IsThereWhileACallBlocks(t *testing.T) {
	for _, row := range []struct{ own, calls, want int }{
		{1, 1, 2}, {1, 2, 3}, {1, 9, 4}, {3, 2, 4}, {4, 1, 4}, {8, 3, 8},
	} {
		now := processors(t, row.own)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Fd() // it blocks from now on
		var calls sync.WaitGroup
		for range row.calls {
			calls.Go(func() { During(func() { r.Read(make([]byte, 1)) }) })
		}
		waitFor(t, "spare processors", func() bool { return now() == row.want })
		w.Close()
		calls.Wait()
		waitFor(t, "the processors as they were", func() bool { return now() == row.own })
		r.Close()
	}
}

// A write to a log that is a warning comes alone; a body of 200 MB is thousands of writes.
func TestSpare_StaysForCallsThatFollowOneAnother(t *testing.T) {
	now := processors(t, 1)
	Take()
	first := spares.since
	for range 100 {
		Return()
		Take()
	}
	if now() != 2 || !spares.since.Equal(first) && time.Since(first) < atLeast {
		t.Errorf("%d processors, lent again after %v", now(), spares.since.Sub(first))
	}
	Return()
	waitFor(t, "the processors as they were", func() bool { return now() == 1 })
}
