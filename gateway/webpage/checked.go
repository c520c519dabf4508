package webpage

import (
	"time"

	"realdocd/gateway/control"
)

// A checked is what realdocd check has found last.
type checked struct {
	Known    bool
	Ago      string
	Findings []control.CheckedFault
}

func checkedOf(found *control.Checked, now time.Time) checked {
	if found == nil {
		return checked{}
	}
	return checked{true, age(now.Sub(found.Time)), found.Findings}
}
