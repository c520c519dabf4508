package sock

import (
	"regexp"
	"runtime"
	"testing"
	"time"
)

// A goroutine in a system call keeps its processor until Go's monitor takes it away, and
// many a daemon has only one: every request would wait for that.
func TestWatcher_HoldsNoProcessorWhileItWaits(t *testing.T) {
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	go w.Run()
	c, other := dialled(t)
	told := make(owner)
	if err := w.Watch(c, told); err != nil {
		t.Fatal(err)
	}
	other.Close()
	<-told // it has waited, was woken, and waits again

	var state string
	for range 10_000 {
		if state = stateOfRun(); state == "IO wait" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("the goroutine of Run is in state %q, want IO wait", state)
}

// stateOfRun is what Go says of the goroutine that runs Watcher.Run.
func stateOfRun() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	found := regexp.MustCompile(`goroutine \d+ \[([^\],]*)[^\]]*\]:\n(?:[^\n]+\n)*?[^\n]*\(\*Watcher\)\.Run`).FindSubmatch(stacks)
	if found == nil {
		return "not running"
	}
	return string(found[1])
}
