package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"realdocd/test/manual"
	"realdocd/test/stack"
)

// A whole deploy, as realdocd deploy makes it of these parts, into slots or releases, with
// shared paths, a command before the flip, and the removal of what is beyond keep.
func (y *yard) deploy(slots bool, n int) error {
	source := y.dir + "/source"
	mkdirs(y.t, source+"/public")
	for i := range 5 {
		writeFile(y.t, fmt.Sprintf("%s/public/%d.php", source, i), fmt.Sprint(n))
	}
	f := Filling{Source: source, Shared: []string{"storage/"}}
	shared := Shared{Dir: y.dir + "/shared", Paths: f.Shared}
	dir, final, err := y.place(slots, n)
	if err != nil {
		return err
	}
	permit, err := y.warden().MayClear(dir)
	if err != nil {
		return err
	}
	brought, err := y.records.Manifest(permit.Record.Path)
	if err != nil {
		return err
	}
	now, err := Scan(dir, nil)
	if err != nil {
		return err
	}
	if foreign := brought.Foreign(permit, now, source); slots && len(foreign) > 0 {
		return fmt.Errorf("foreign are %q", foreign)
	}
	for _, part := range []func() error{
		func() error { return shared.Prepare(source) },
		func() error { return y.records.BeginFill(permit, f) },
		func() error { _, err := Fill(y.t.Context(), f, permit, nil); return err },
		func() error { return shared.Link(permit) },
		func() error { return y.records.EndFill(permit, nil) },
		func() error {
			if dir == final {
				return nil
			}
			return Complete(dir, final)
		},
		func() error { return y.command(permit.Record, final) },
		func() error { return y.flip(final, permit.Record) },
		func() error { return y.retain(slots, final) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// place is where the n-th deploy goes.
func (y *yard) place(slots bool, n int) (dir, final string, err error) {
	if !slots {
		return y.newReleaseOf(n)
	}
	live, _ := filepath.EvalSymlinks(y.dir + "/current")
	dir, err = IdleSlot([]string{y.dir + "/A", y.dir + "/B"}, live)
	if err != nil {
		return "", "", err
	}
	if rec, err := y.records.Of(dir); err != nil || rec != nil && y.records.fits(dir, "shop") && rec.known() {
		return dir, dir, err
	}
	_, err = y.records.MakeDir(dir, Record{Kind: KindSlot, Site: "shop", Made: time.Now()})
	return dir, dir, err
}

func (y *yard) newReleaseOf(n int) (partial, final string, err error) {
	partial, final, err = y.newRelease(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC))
	return partial, final, err
}

// command is one of before_flip, which writes into the release.
func (y *yard) command(rec Record, dir string) error {
	end, err := y.records.Brings(rec, dir, nil)
	if err != nil {
		return err
	}
	writeFile(y.t, dir+"/cached.php", "")
	step("when a command has written something")
	return end()
}

func (y *yard) flip(to string, rec Record) error {
	link := y.dir + "/current"
	change := Flip
	if !exists(link) {
		change = CreateLink
	}
	if err := change(link, to); err != nil {
		return err
	}
	rec.Lived = time.Now()
	return y.records.Put(rec)
}

func (y *yard) retain(slots bool, live string) error {
	if slots {
		return nil
	}
	plan, err := Retention{
		Releases: y.dir + "/releases", Site: "shop", Records: y.records, Keep: 1,
		Lived: func(string) time.Time { return time.Time{} }, Stay: []string{live},
	}.Plan()
	if err != nil {
		return err
	}
	for _, dir := range slices.Concat(plan.Removing, plan.NeverLive, plan.Expired) {
		permit, err := y.warden().MayClear(dir)
		if err != nil {
			return err
		}
		if err := permit.Remove(y.records); err != nil {
			return err
		}
	}
	return y.records.ForgetGone("shop")
}

// served is the number of the deploy that the link leads to; it fails where that is not whole.
func (y *yard) served() string {
	y.t.Helper()
	found, _ := filepath.Glob(y.dir + "/current/public/*.php")
	texts := map[string]bool{}
	for _, file := range found {
		text, _ := os.ReadFile(file)
		texts[string(text)] = true
	}
	if len(found) != 5 || len(texts) != 1 {
		y.t.Errorf("the link leads to what is not whole: %d files of the deploys %v", len(found), slices.Collect(maps.Keys(texts)))
	}
	for text := range texts {
		return text
	}
	return ""
}

// killedYard has had three deploys, and something precious in what is shared.
func killedYard(t *testing.T, slots bool) *yard {
	y := newYard(t, t.TempDir())
	for n := 1; n <= 3; n++ {
		if err := y.deploy(slots, n); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, y.dir+"/shared/storage/photo.jpg", "precious")
	return y
}

func TestADeploy_ThatIsKilledAtAnyStepLosesNothingAndTheNextOneSucceeds(t *testing.T) {
	stack.Need(t, "rsync")
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(newYard(t, dir).deploy(exists(dir+"/A"), 4))
	}
	live := map[string][]string{} // by step, what is live after a kill there
	var order []string
	for _, slots := range []bool{true, false} {
		var steps []string
		y := killedYard(t, slots)
		was := step
		step = func(name string) { steps = append(steps, name) }
		err := y.deploy(slots, 4)
		step = was
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range steps {
			now := killAt(t, slots, i+1, name)
			if !slices.Contains(order, name) {
				order = append(order, name)
			}
			if !slices.Contains(live[name], now) {
				live[name] = append(live[name], now)
			}
		}
		t.Logf("slots %v: killed at %d steps", slots, len(steps))
	}
	var items []manual.Item
	for _, name := range order {
		slices.SortFunc(live[name], func(a, b string) int { return strings.Compare(b, a) })
		items = append(items, manual.Item{Name: name, Says: []string{strings.Join(live[name], ", or ")}})
	}
	manual.Part{Page: "realdocd-deploy.7", By: "make destroy", Name: "steps"}.Compare(t, manual.Compact(items))
}

// killAt kills a deploy at its n-th step, and says what is live then.
func killAt(t *testing.T, slots bool, n int, name string) (live string) {
	y := killedYard(t, slots)
	crash(t, fmt.Sprint("#", n), y.dir)
	switch served := y.served(); served {
	case "3":
		live = "the old release is live"
	case "4":
		live = "the new one"
	default:
		t.Errorf("killed %s: %q is live", name, served)
	}
	if err := y.deploy(slots, 5); err != nil {
		t.Errorf("after a deploy killed %s (step %d): %v", name, n, err)
	}
	if served := y.served(); served != "5" {
		t.Errorf("after a deploy killed %s: %q is live", name, served)
	}
	for _, path := range []string{"shared/storage/photo.jpg", "current/storage/photo.jpg"} {
		if text, err := os.ReadFile(y.dir + "/" + path); err != nil || string(text) != "precious" {
			t.Errorf("killed %s: LOST: %s is %q, %v", name, path, text, err)
		}
	}
	for _, hidden := range []string{"releases/.*", "current/.*", ".*.realdocd-next", "shared/.*"} {
		if left, _ := filepath.Glob(y.dir + "/" + hidden); len(left) > 0 {
			t.Errorf("killed %s: %q is left", name, left)
		}
	}
	return live
}
