package stack

import (
	"errors"
	"fmt"
	"time"
)

// Patience is how long a test waits for what must come, on a machine that is busy. It says nothing of how
// fast something must be.
const Patience = 20 * time.Second

// Poll tries until what it looks at is as it should be, and returns the last error if that does not come
// within [Patience]. It is for a state that has no event: one that is told only to those who ask.
func Poll(try func() error) error {
	for deadline := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still after %v: %w", Patience, err)
		}
	}
}

// Until is [Poll] for a test that only asks whether it is so; what it waits for is named in the failure.
func Until(t TB, what string, is func() bool) {
	t.Helper()
	missing := errors.New("it has not come to this: " + what)
	if err := Poll(func() error {
		if is() {
			return nil
		}
		return missing
	}); err != nil {
		t.Fatalf("%v", err)
	}
}

// Receive takes the next value of a channel, or the zero value if it is closed. The test fails if nothing
// comes within [Patience]; what names it.
func Receive[V any](t TB, from <-chan V, what string) V {
	t.Helper()
	var v V
	select {
	case v = <-from:
	case <-time.After(Patience):
		t.Fatalf("nothing within %v: %s", Patience, what)
	}
	return v
}
