package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A yard is a directory of releases with the records of its state_dir.
type yard struct {
	t       *testing.T
	dir     string
	records *Records
}

func newYard(t *testing.T, dir string) *yard {
	t.Helper()
	mkdirs(t, dir+"/releases")
	return &yard{t, dir, NewRecords(dir + "/state")}
}

// made is a release that deploy has made, with a file in it.
func (y *yard) made(name string) string {
	y.t.Helper()
	path := y.dir + "/releases/" + name
	if _, err := y.records.MakeDir(path, Record{Kind: KindRelease, Site: "shop", Made: time.Now()}); err != nil {
		y.t.Fatal(err)
	}
	mkdirs(y.t, path+"/public")
	writeFile(y.t, path+"/public/index.php", name)
	return path
}

func (y *yard) warden() *Warden { return &Warden{Records: y.records, Site: "shop"} }

func (y *yard) permit(path string) *Permit {
	y.t.Helper()
	p, err := y.warden().MayClear(path)
	if err != nil {
		y.t.Fatal(err)
	}
	return p
}

func (y *yard) newRelease(now time.Time) (partial, final string, err error) {
	return NewRelease(y.dir+"/releases", now, y.records, Record{Site: "shop", Made: now})
}

func TestNewRelease_HasTheTimeForANameAndCarriesOnWithWhatIsLeft(t *testing.T) {
	y := newYard(t, t.TempDir())
	dir := y.dir + "/releases"
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	mkdirs(t, dir+"/.20271124120000.partial") // of somebody else
	partial, final, err := y.newRelease(now)
	if err != nil || final != dir+"/20261124120000" || partial != dir+"/.20261124120000.partial" {
		t.Fatalf("got %s, %s, %v", partial, final, err)
	}
	writeFile(t, partial+"/half", "")
	again, sameFinal, err := y.newRelease(now.Add(time.Hour))
	if err != nil || again != partial || sameFinal != final {
		t.Errorf("after an interrupted deploy: %s, %s, %v", again, sameFinal, err)
	}
	if err := Complete(partial, final); err != nil {
		t.Fatal(err)
	}
	y.permit(final) // its record has come along
	partial, second, err := y.newRelease(now)
	if err != nil || second != final+"-2" {
		t.Errorf("in the same second: %s, %v", second, err)
	}
	if err := errors.Join(Complete(partial, second), y.permit(final).Remove(y.records)); err != nil {
		t.Fatal(err)
	}
	if _, third, err := y.newRelease(now); err != nil || third != final+"-3" {
		t.Errorf("when the first is removed: %s, %v", third, err)
	}
}

func TestNewRelease_ThatIsKilledLeavesWhatTheNextOneTakes(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		newYard(t, dir).newRelease(now)
		t.Fatal("not killed")
	}
	for _, at := range []string{
		"before a record has its name", "when a record has its name", "before the directory is made", "before the directory is recorded",
	} {
		y := newYard(t, t.TempDir())
		crash(t, at, y.dir)
		partial, final, err := y.newRelease(now)
		if err != nil {
			t.Fatalf("killed %s: %v", at, err)
		}
		writeFile(t, partial+"/file", "")
		if err := Complete(partial, final); err != nil {
			t.Errorf("killed %s: %v", at, err)
		}
		if err := y.permit(final).Remove(y.records); err != nil {
			t.Errorf("killed %s: %v", at, err)
		}
		if left, _ := os.ReadDir(y.dir + "/releases"); len(left) > 0 {
			t.Errorf("killed %s: %v is left", at, left)
		}
	}
}

func TestComplete_ThatIsKilledLeavesAPartialReleaseOrAWholeOne(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(Complete(dir+"/.1.partial", dir+"/1"))
	}
	for at, want := range map[string]string{"before the release has its name": ".1.partial", "when the release has its name": "1"} {
		dir := t.TempDir()
		mkdirs(t, dir+"/.1.partial/public")
		crash(t, at, dir)
		if names, _ := filepath.Glob(dir + "/*"); want == "1" && !slices.Equal(names, []string{dir + "/1"}) {
			t.Errorf("killed %s: there is %q", at, names)
		}
		if _, err := os.Stat(dir + "/" + want + "/public"); err != nil {
			t.Errorf("killed %s: %v", at, err)
		}
	}
}

func TestComplete_ReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	mkdirs(t, dir+"/.1.partial", dir+"/1")
	if err := Complete(dir+"/.1.partial", dir+"/1"); err == nil {
		t.Error("a directory that was there is replaced")
	}
}

func TestRemove_ThatIsKilledLeavesNoHalfReleaseAndIsCarriedOnWith(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		y := newYard(t, dir)
		t.Fatal(y.permit(dir + "/releases/1").Remove(y.records))
	}
	for _, row := range []struct {
		at          string
		whole, left bool
	}{
		{"before the release loses its name", true, true},
		{"when the release has lost its name", false, true},
		{"before the record of a removed release is removed", false, false},
	} {
		y := newYard(t, t.TempDir())
		y.made("1")
		crash(t, row.at, y.dir)
		if exists(y.dir+"/releases/1/public") != row.whole {
			t.Errorf("killed %s: whole is %v", row.at, !row.whole)
		}
		plan := y.plan(t, 1)
		if left := len(plan.Removing)+len(plan.NeverLive) == 1; left != row.left || len(plan.Left) > 0 {
			t.Errorf("killed %s: %+v", row.at, plan)
		}
		for _, path := range append(plan.Removing, plan.NeverLive...) {
			if err := y.permit(path).Remove(y.records); err != nil {
				t.Error(err)
			}
		}
		if err := y.records.ForgetGone("shop"); err != nil {
			t.Error(err)
		}
		if all, err := y.records.All(); err != nil || len(all) > 0 {
			t.Errorf("killed %s: the records are %+v, %v", row.at, all, err)
		}
	}
}

func (y *yard) plan(t *testing.T, keep int, lived ...string) Plan {
	t.Helper()
	at := map[string]time.Time{}
	for i, name := range lived {
		at[y.dir+"/releases/"+name] = time.Unix(int64(i+1), 0)
	}
	plan, err := Retention{
		Releases: y.dir + "/releases", Site: "shop", Records: y.records, Keep: keep,
		Lived: func(path string) time.Time { return at[path] }, Stay: []string{y.dir + "/releases/live"},
	}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func bases(paths []string) string {
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return strings.Join(names, " ")
}

func TestPlan_KeepsTheNewestThatHaveBeenLive(t *testing.T) {
	for _, row := range []struct {
		name, made, foreign, lived         string // lived in order, the newest last
		keep                               int
		expired, neverLive, removing, left string
	}{
		{name: "by when, not by name", made: "9 10 2", lived: "9 10 2", keep: 2, expired: "9"},
		{name: "the live one is not counted", made: "1 2 live", lived: "1 2 live", keep: 2},
		{name: "never live", made: "1 2 3 .4.partial", lived: "1 2", keep: 5, neverLive: ".4.partial 3"},
		{name: "a removal that was killed", made: "1 .0.removing", lived: "0 1", keep: 5, removing: ".0.removing"},
		{name: "what is not ours", made: "1", foreign: "shared v7.3 .x.partial .y.removing", lived: "1", keep: 1, left: ".x.partial .y.removing shared v7.3"},
		{name: "few", made: "1 2", lived: "1 2", keep: 5},
	} {
		y := newYard(t, t.TempDir())
		for name := range strings.FieldsSeq(row.made) {
			y.made(name)
		}
		for name := range strings.FieldsSeq(row.foreign) {
			mkdirs(t, y.dir+"/releases/"+name)
		}
		plan := y.plan(t, row.keep, strings.Fields(row.lived)...)
		if got, want := fmt.Sprint(bases(plan.Expired), "|", bases(plan.NeverLive), "|", bases(plan.Removing), "|", bases(plan.Left)),
			fmt.Sprint(row.expired, "|", row.neverLive, "|", row.removing, "|", row.left); got != want {
			t.Errorf("%s: got %s, want %s", row.name, got, want)
		}
	}
}
