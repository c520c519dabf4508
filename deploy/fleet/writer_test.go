package fleet

import (
	"slices"
	"testing"
	"time"
)

// The word of an operator's flip may come while the store is refusing what it makes void.
func TestWriter_WhatIsDroppedWhileItIsWrittenIsNotWrittenAgain(t *testing.T) {
	w, now := newWriter(nil, nil, 0, nil), time.Now()
	for _, key := range []string{"commit", "have"} {
		w.put(key, letter{value: []byte("x")})
	}
	keys, letters, _ := w.take(now)
	if !slices.Equal(keys, []string{"commit", "have"}) {
		t.Fatalf("%v are written", keys)
	}
	w.drop("commit")
	w.putBack(keys, letters)
	if keys, _, _ = w.take(now); !slices.Equal(keys, []string{"have"}) {
		t.Errorf("%v are written again", keys)
	}
}
