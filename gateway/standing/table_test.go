package standing

import (
	"os"
	"strconv"
	"strings"
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
	for after, silent := range map[time.Duration]bool{time.Second: false, 14 * time.Second: false, 15 * time.Second: false, 16 * time.Second: true} {
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

func TestTable_DoesNotChangeWithWhoHasTold(t *testing.T) {
	report := inStep("shop")
	table := New(report, Now(), time.Now())
	report.Standings[0].State = control.FleetBehind
	if is := table.All()[0]; is.FleetStanding.State != control.FleetInStep {
		t.Errorf("it is %+v", is)
	}
}

// What is not new is not written, and what is new has to be: the next process goes by the file.
func TestTable_SaysWhetherAReportIsNew(t *testing.T) {
	since := time.Now()
	report := func(change func(r *control.FleetReport)) *control.FleetReport {
		r := &control.FleetReport{Group: "www", Host: "web1", Again: control.Seconds(time.Second), StoreSince: since, Standings: []control.FleetStanding{
			{Site: "blog", State: control.FleetInStep, Since: since}, {Site: "shop", State: control.FleetBehind, Why: "a", Since: since},
		}}
		if change != nil {
			change(r)
		}
		return r
	}
	table := New(*report(nil), Now(), since)
	for name, row := range map[string]struct {
		change func(r *control.FleetReport)
		same   bool
	}{
		"the same":                          {nil, true},
		"the same times in another place":   {func(r *control.FleetReport) { r.StoreSince, r.Standings[0].Since = since.UTC(), since.UTC() }, true},
		"another group":                     {func(r *control.FleetReport) { r.Group = "api" }, false},
		"another host":                      {func(r *control.FleetReport) { r.Host = "web2" }, false},
		"trouble with the store":            {func(r *control.FleetReport) { r.StoreError = "x" }, false},
		"another time of the store":         {func(r *control.FleetReport) { r.StoreSince = since.Add(time.Second) }, false},
		"it tells again at another time":    {func(r *control.FleetReport) { r.Again++ }, false},
		"a site less":                       {func(r *control.FleetReport) { r.Standings = r.Standings[:1] }, false},
		"a site more":                       {func(r *control.FleetReport) { r.Standings = append(r.Standings, r.Standings[0]) }, false},
		"another state":                     {func(r *control.FleetReport) { r.Standings[1].State = control.FleetInStep }, false},
		"another reason":                    {func(r *control.FleetReport) { r.Standings[1].Why = "b" }, false},
		"another commit":                    {func(r *control.FleetReport) { r.Standings[1].Seq = 7 }, false},
		"since another time":                {func(r *control.FleetReport) { r.Standings[1].Since = since.Add(time.Second) }, false},
		"something follows":                 {func(r *control.FleetReport) { r.Standings[0].Next = control.FleetInDoubt }, false},
		"the order of the sites is another": {func(r *control.FleetReport) { r.Standings[0], r.Standings[1] = r.Standings[1], r.Standings[0] }, false},
	} {
		if got := table.Same(report(row.change)); got != row.same {
			t.Errorf("%s: it is the same: %v", name, got)
		}
	}
	// What follows does so from the telling on: told again, it follows later.
	follows := report(func(r *control.FleetReport) {
		r.Standings[0].Next, r.Standings[0].For = control.FleetInDoubt, control.Seconds(time.Second)
	})
	if New(*follows, Now(), since).Same(follows) {
		t.Error("what follows later is not new")
	}
}

// Since when a site is in doubt is when the state followed, and not when somebody looked.
func TestStanding_SaysSinceWhenAStateHasFollowed(t *testing.T) {
	at := Now().After(-time.Minute)
	is := New(inStep("shop"), at, time.Now()).All()[0].Now(at.After(time.Minute))
	if since := time.Since(is.Since); since < 54*time.Second || since > 57*time.Second {
		t.Errorf("it is so for %v", since)
	}
	if is.For != 0 || is.NextWhy != "" || is.Next != "" || is.Why != "b" {
		t.Errorf("it is %+v", is)
	}
}

// A request that nothing can follow for does not ask for the time.
func TestStanding_AsksForTheMomentOnlyIfAStateCanFollow(t *testing.T) {
	now := func() Moment {
		t.Error("it asks")
		return 0
	}
	one := New(control.FleetReport{Standings: []control.FleetStanding{{Site: "shop", State: control.FleetStrayed}}}, Now(), time.Now()).All()[0]
	if state := one.State(now); state != control.FleetStrayed {
		t.Errorf("it is %s", state)
	}
}

// The clock of the machine may be set; the time since it was started may not.
func TestMoment_IsThatOfTheBoot(t *testing.T) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Duration(seconds*float64(time.Second)) - time.Duration(Now()); off.Abs() > time.Minute {
		t.Errorf("it is %v off the machine's", off)
	}
	id, _ := BootID()
	if text, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err != nil || id != strings.TrimSpace(string(text)) {
		t.Errorf("the boot is %q, want %q, %v", id, text, err)
	}
}
