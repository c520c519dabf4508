package standing

import (
	"testing"
	"time"

	"realdocd/gateway/control"
)

func TestTable_AStateFollowsAtItsMoment(t *testing.T) {
	at := Moment(time.Hour)
	for name, row := range map[string]struct {
		next  string
		after time.Duration // of the telling
		want  string
		left  time.Duration
	}{
		"none follows":         {"", 100 * time.Hour, control.FleetInStep, 0},
		"before":               {control.FleetInDoubt, 4 * time.Second, control.FleetInStep, time.Second},
		"at the moment":        {control.FleetInDoubt, 5 * time.Second, control.FleetInDoubt, 0},
		"long after, in sleep": {control.FleetInDoubt, 100 * time.Hour, control.FleetInDoubt, 0},
	} {
		told := control.FleetStanding{Site: "shop", State: control.FleetInStep, Release: "7", Why: "a", Next: row.next}
		if row.next != "" {
			told.NextWhy, told.For = "b", control.Seconds(5*time.Second)
		}
		one := New(control.FleetReport{Standings: []control.FleetStanding{told}}, at, time.Now()).All()[0]
		now := at.After(row.after)
		is := one.Now(now)
		if is.State != row.want || time.Duration(is.For) != row.left || is.Release != "7" || one.State(func() Moment { return now }) != row.want {
			t.Errorf("%s: it is %+v, want %s", name, is, row.want)
		}
		if followed := is.State != told.State; followed && (is.Why != "b" || is.Next != "") {
			t.Errorf("%s: it is %+v, and nothing more can follow", name, is)
		}
	}
}

func TestTable_AnAgentIsSilentOnceItIsOverdue(t *testing.T) {
	at := Moment(time.Hour)
	table := New(control.FleetReport{Again: control.Seconds(5 * time.Second)}, at, time.Now())
	for after, silent := range map[time.Duration]bool{time.Second: false, 14 * time.Second: false, 16 * time.Second: true} {
		if got := table.Silent(at.After(after)); (got > 0) != silent {
			t.Errorf("after %v it is silent for %v", after, got)
		}
	}
	if got := New(control.FleetReport{}, at, time.Now()).Silent(at.After(time.Hour)); got != 0 {
		t.Errorf("one that has not said when it tells again is silent for %v", got)
	}
}

// The clock of the machine must not decide.
func TestMoment_GoesOnAsTimeDoes(t *testing.T) {
	began, wall := Now(), time.Now()
	for Now() == began {
	}
	if went := Now().Until(began); went <= 0 || went > time.Since(wall)+time.Second {
		t.Errorf("it went on by %v in %v", went, time.Since(wall))
	}
	id, err := BootID()
	if err != nil || len(id) < 30 {
		t.Errorf("the boot is %q, %v", id, err)
	}
}
