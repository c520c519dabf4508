package control

import (
	"fmt"
	"time"
)

// Pins says what becomes of the pins to a release that is drained.
type Pins string

// What becomes of them: they are ended at once and for good, so that clients go to the live
// release, or they are waited for.
const (
	PinsEnd  Pins = "end"
	PinsWait Pins = "wait"
)

// A PinnedError is a release that is not drained, because pins lead there for longer than
// there is time.
type PinnedError struct {
	Release string
	End     time.Time // of the youngest
}

func (e *PinnedError) Error() string {
	return fmt.Sprintf("pins lead to release %s until %s, for %s: wait that long, or end them with --pins=end",
		e.Release, e.End.Local().Format(time.DateTime), time.Until(e.End).Round(time.Second))
}
