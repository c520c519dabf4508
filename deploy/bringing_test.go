package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bringing is of a release 43 that other hosts have.
func (y *yard) bringing(hash string) *Bringing {
	return &Bringing{
		Releases: y.dir + "/releases", Name: "43", Hash: hash, Record: Record{Site: "shop", Made: time.Now()},
		Warden: y.warden(), Contents: NewContents(y.dir + "/state"),
	}
}

// filled is a run that puts these files into the directory.
func (y *yard) filled(files map[string]string) func(context.Context, string, *os.File) error {
	return func(_ context.Context, dir string, _ *os.File) error {
		putFiles(y.t, dir, files)
		return nil
	}
}

var files43 = map[string]string{"public/index.php": "43", "tmp/": ""}

func TestFetch_GivesAReleaseItsNameOnceItsContentIsTheOneThatIsWanted(t *testing.T) {
	y := newYard(t, t.TempDir())
	want := contentOf(t, files43, Filling{})
	b := y.bringing(want)
	final := y.dir + "/releases/43"
	got, err := b.Fetch(t.Context(), func(ctx context.Context, dir string, held *os.File) error {
		if exists(final) || filepath.Base(dir) != ".43.partial" {
			t.Errorf("it is filled in %s", dir)
		}
		return y.filled(files43)(ctx, dir, held)
	})
	if err != nil || got.Hash != want {
		t.Fatalf("%+v, %v", got, err)
	}
	y.permit(final) // its record has come along, and it may be removed when nobody uses it
	if brought, err := y.records.Manifest(final); err != nil || len(brought) != 1 {
		t.Errorf("brought are %v, %v", brought, err)
	}
	if kept, ok := b.Contents.Kept(final); !ok || kept.Hash != want {
		t.Errorf("kept is %+v, %v", kept, ok)
	}
	never := func(context.Context, string, *os.File) error { t.Error("it is fetched again"); return nil }
	if again, err := b.Fetch(t.Context(), never); err != nil || again.Hash != want {
		t.Errorf("what is here already: %+v, %v", again, err)
	}
	b.Hash = "v1:other"
	if _, err := b.Fetch(t.Context(), never); err == nil || !strings.Contains(err.Error(), "is here with another content") {
		t.Errorf("what is here with another content: %v", err)
	}
}

func TestFetch_LeavesWhatIsWrongHiddenAndCarriesOnWithIt(t *testing.T) {
	for name, tt := range map[string]struct {
		run  func(y *yard) func(context.Context, string, *os.File) error
		want string
	}{
		"a command that fails half-way": {func(y *yard) func(context.Context, string, *os.File) error {
			return func(ctx context.Context, dir string, held *os.File) error {
				return errors.Join(y.filled(map[string]string{"tmp/": ""})(ctx, dir, held), errors.New("rsync: connection unexpectedly closed"))
			}
		}, "bring release 43: rsync: connection"},
		"another content": {func(y *yard) func(context.Context, string, *os.File) error {
			return y.filled(map[string]string{"public/index.php": "other"})
		}, "has another content than is wanted"},
		"nothing": {func(y *yard) func(context.Context, string, *os.File) error { return y.filled(nil) }, "nothing has come into"},
	} {
		y := newYard(t, t.TempDir())
		b := y.bringing(contentOf(t, files43, Filling{}))
		_, err := b.Fetch(t.Context(), tt.run(y))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if exists(y.dir+"/releases/43") || !exists(y.dir+"/releases/.43.partial") {
			t.Errorf("%s: it has its name", name)
		}
		// Neither does a deploy take it for its own.
		partial, _, err := y.newRelease(time.Now())
		if err != nil || strings.Contains(partial, "43.partial") && !strings.Contains(filepath.Base(partial), time.Now().UTC().Format("2006")) {
			t.Errorf("%s: a deploy takes %s, %v", name, partial, err)
		}
		os.RemoveAll(y.dir + "/releases/.43.partial/public")
		if got, err := b.Fetch(t.Context(), y.filled(files43)); err != nil || got.Hash != b.Hash {
			t.Errorf("%s, and then the right thing: %+v, %v", name, got, err)
		}
	}
}

func TestTake_GivesItsNameToWhatWasPushed(t *testing.T) {
	y := newYard(t, t.TempDir())
	b := y.bringing("")
	if _, err := b.Take(t.Context()); err == nil || !strings.Contains(err.Error(), "push it there first") {
		t.Errorf("nothing was pushed: %v", err)
	}
	dir, err := b.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	putFiles(t, dir, files43)
	if again, err := b.Place(t.Context()); err != nil || again != dir {
		t.Errorf("placed again: %s, %v", again, err)
	}
	got, err := b.Take(t.Context())
	if err != nil || got.Hash != contentOf(t, files43, Filling{}) || !exists(y.dir+"/releases/43/tmp") {
		t.Errorf("%+v, %v", got, err)
	}
	if again, err := b.Take(t.Context()); err != nil || again.Hash != got.Hash {
		t.Errorf("taken again, as after an answer that was lost: %+v, %v", again, err)
	}
	if _, err := b.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "is here already") {
		t.Errorf("placed, and it is here: %v", err)
	}
}

func TestBringing_TouchesNothingOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		put  func(y *yard)
		want string
	}{
		"a directory that was made by hand": {func(y *yard) { mkdirs(y.t, y.dir+"/releases/.43.partial") }, "was not made by realdocd"},
		"a symlink":                         {func(y *yard) { link(y.t, y.dir, y.dir+"/releases/.43.partial") }, "was not made by realdocd"},
		"what an interrupted deploy has left": {func(y *yard) {
			if _, err := y.records.MakeDir(y.dir+"/releases/.43.partial", Record{Kind: KindRelease, Site: "shop"}); err != nil {
				y.t.Fatal(err)
			}
		}, "what a deploy has left"},
		"a file with the name": {func(y *yard) { writeFile(y.t, y.dir+"/releases/43", "") }, "not a directory"},
	} {
		y := newYard(t, t.TempDir())
		tt.put(y)
		_, err := y.bringing("").Fetch(t.Context(), y.filled(files43))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	y := newYard(t, t.TempDir())
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "/etc", ".hidden", "-rf", "a b", "a\nb", "$(id)", "a\x00", strings.Repeat("a", 201)} {
		b := y.bringing("")
		b.Name = bad
		_, err := b.Fetch(t.Context(), y.filled(files43))
		if _, placed := b.Place(t.Context()); err == nil || placed == nil {
			t.Errorf("a release %q was brought", bad)
		}
	}
	if entries, _ := os.ReadDir(y.dir + "/releases"); len(entries) > 0 {
		t.Errorf("there is %v", entries)
	}
	if err := CheckReleaseName("v1.2.3-rc.1+build"); err != nil {
		t.Error(err)
	}
}

// A name that somebody else gives to a directory meanwhile stays his.
func TestFetch_ReplacesNothing(t *testing.T) {
	y := newYard(t, t.TempDir())
	_, err := y.bringing("").Fetch(t.Context(), func(ctx context.Context, dir string, held *os.File) error {
		mkdirs(t, y.dir+"/releases/43")
		return y.filled(files43)(ctx, dir, held)
	})
	if !errors.Is(err, os.ErrExist) || exists(y.dir+"/releases/43/public") {
		t.Errorf("%v", err)
	}
}

// A command of a Fetch that was killed may run on.
func TestFetch_WaitsForWhatAnEarlierOneHasLeftRunning(t *testing.T) {
	y := newYard(t, t.TempDir())
	var left *exec.Cmd
	b := y.bringing("")
	if _, err := b.Fetch(t.Context(), func(_ context.Context, dir string, held *os.File) error {
		left = exec.Command("sleep", "60")
		left.ExtraFiles = []*os.File{held}
		return errors.Join(left.Start(), errors.New("killed"))
	}); err == nil {
		t.Fatal("no error")
	}
	if _, err := b.Fetch(t.Context(), y.filled(files43)); err == nil || !strings.Contains(err.Error(), "something fills") {
		t.Errorf("two fill it: %v", err)
	}
	left.Process.Kill()
	left.Wait()
	if _, err := b.Fetch(t.Context(), y.filled(files43)); err != nil {
		t.Error(err)
	}
}

func TestFetch_LinksWhatIsShared(t *testing.T) {
	y := newYard(t, t.TempDir())
	b := y.bringing("")
	b.Filling.Shared = []string{"storage/"}
	b.Shared = Shared{Dir: y.dir + "/shared", Paths: b.Filling.Shared}
	got, err := b.Fetch(t.Context(), y.filled(files43))
	if err != nil || got.Hash != contentOf(t, files43, Filling{}) {
		t.Fatalf("%+v, %v", got, err)
	}
	writeFile(t, y.dir+"/releases/43/storage/photo.jpg", "x")
	if !exists(y.dir + "/shared/storage/photo.jpg") {
		t.Error("storage is not shared")
	}
}

func TestFetch_ThatIsKilledAtAnyStepIsCarriedOnWith(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		y := newYard(t, dir)
		y.bringing("").Fetch(t.Context(), y.filled(files43))
		return
	}
	var steps []string
	was := step
	step = func(name string) { steps = append(steps, name) }
	y := newYard(t, t.TempDir())
	_, err := y.bringing("").Fetch(t.Context(), y.filled(files43))
	step = was
	if err != nil || len(steps) < 6 {
		t.Fatalf("%q, %v", steps, err)
	}
	want := contentOf(t, files43, Filling{})
	for i, name := range steps {
		y := newYard(t, t.TempDir())
		crash(t, fmt.Sprint("#", i+1), y.dir)
		if final := y.dir + "/releases/43"; exists(final) && wantContent(t, NewContents(""), final, Filling{}).Hash != want {
			t.Errorf("killed %s (step %d): half a release has its name", name, i+1)
		}
		if got, err := y.bringing(want).Fetch(t.Context(), y.filled(files43)); err != nil || got.Hash != want {
			t.Errorf("killed %s (step %d), and then: %+v, %v", name, i+1, got, err)
		}
	}
}

func TestFetch_OnAFullDiskLeavesNoHalfRelease(t *testing.T) {
	disk := newFullDisk(t)
	y := newYard(t, disk.dir)
	b := y.bringing(contentOf(t, files43, Filling{}))
	_, err := b.Fetch(t.Context(), func(ctx context.Context, dir string, held *os.File) error {
		defer disk.fill()
		return y.filled(files43)(ctx, dir, held)
	})
	if err == nil || exists(y.dir+"/releases/43") {
		t.Errorf("on a full disk: %v", err)
	}
	disk.free()
	if _, err := b.Fetch(t.Context(), y.filled(files43)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestRetention_KeepsWhatIsFetchedForAFlip(t *testing.T) {
	y := newYard(t, t.TempDir())
	if _, err := y.bringing("").Fetch(t.Context(), y.filled(files43)); err != nil {
		t.Fatal(err)
	}
	going := y.bringing("")
	going.Name = "44"
	if _, err := going.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	retention := Retention{
		Releases: y.dir + "/releases", Site: "shop", Records: y.records, Keep: 1, Lived: func(string) time.Time { return time.Time{} },
	}
	if plan, err := retention.Plan(); err != nil || len(plan.NeverLive)+len(plan.Expired)+len(plan.Left) > 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	rec, err := y.records.Of(y.dir + "/releases/.44.partial")
	if err != nil {
		t.Fatal(err)
	}
	rec.Fetched = time.Now().Add(-2 * stillFetched)
	if err := y.records.Put(*rec); err != nil {
		t.Fatal(err)
	}
	if plan, err := retention.Plan(); err != nil || len(plan.NeverLive) != 1 {
		t.Errorf("what was left two days ago: %+v, %v", plan, err)
	}
}
