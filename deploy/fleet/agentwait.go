package fleet

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"
)

// patience is how long something is waited with that fails: twice as long each time, up to a bound.
// Hosts that fail for the same cause do not come back together.
type patience struct{ times int }

func (b *patience) next(first, most time.Duration) time.Duration {
	d := min(first<<min(b.times, 20), most)
	b.times++
	return d/2 + rand.N(d/2+1)
}

// sleep waits, and says whether ctx has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// encode is a record as the store has it.
func encode(record any) []byte {
	text, err := json.Marshal(record)
	if err != nil {
		panic(err) // no record has what JSON cannot say
	}
	return text
}

// parse reads a record; ok is false if it is none.
func parse[R any](text []byte) (record R, ok bool) {
	return record, json.Unmarshal(text, &record) == nil
}
