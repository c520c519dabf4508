package stack_test

import (
	"fmt"
	"testing"

	"realdocd/test/stack"
)

// verdict is a test that only notes how it was ended.
type verdict struct {
	testing.TB
	ended string
}

func (v *verdict) Helper() {}

func (v *verdict) Fatalf(text string, arg ...any) { v.ended = "failed: " + fmt.Sprintf(text, arg...) }

func (v *verdict) Skipf(text string, arg ...any) { v.ended = "skipped: " + fmt.Sprintf(text, arg...) }

func TestAMissingProgramSkipsAndFailsInCI(t *testing.T) {
	const why = `stack does not know a program "abacus"`
	for ci, want := range map[string]string{
		"":     "skipped: SKIPPED, NOT PROVEN: " + why,
		"true": "failed: " + why,
	} {
		t.Run("CI="+ci, func(t *testing.T) {
			t.Setenv("CI", ci)
			v := &verdict{TB: t}
			stack.Need(v, "abacus")
			if v.ended != want {
				t.Errorf("got %q, want %q", v.ended, want)
			}
		})
	}
}
