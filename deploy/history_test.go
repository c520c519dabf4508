package deploy

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

func wantEvents(t *testing.T, h *History, want int, last string) {
	t.Helper()
	events, err := h.Events()
	if err != nil || len(events) != want || want > 0 && events[want-1].Release != last {
		t.Errorf("%d events, %v; want %d, the last of %s: %+v", len(events), err, want, last, events)
	}
}

func add(t *testing.T, h *History, link, release string) {
	t.Helper()
	if err := h.Add(Event{time.Now(), link, release, "test"}); err != nil {
		t.Fatal(err)
	}
}

func TestHistory_HasEachReleaseOnceInTurn(t *testing.T) {
	dir := t.TempDir() + "/state"
	h := NewHistory(dir, "a/../shop")
	wantEvents(t, h, 0, "")
	for _, release := range []string{"/1", "/1", "/2", "/1"} {
		add(t, h, "/current", release)
	}
	add(t, h, "/other", "/1")
	wantEvents(t, NewHistory(dir, "a/../shop"), 4, "/1")
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("the directory has %v, %v", names, err)
	}
}

func TestHistory_PassesOverWhatIsNoEventAndEndsATornLine(t *testing.T) {
	dir := t.TempDir()
	h := NewHistory(dir, "shop")
	add(t, h, "/current", "/1")
	file, err := os.OpenFile(dir+"/shop.jsonl", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, "not JSON\n{}\n"+`{"time":"2026-01-01T00:00:00Z","link":"/cur`)
	file.Close()
	wantEvents(t, h, 1, "/1")
	add(t, h, "/current", "/2")
	wantEvents(t, h, 2, "/2")
}

func TestHistory_IsBoundedAndLosesNothingToOthersThatAddMeanwhile(t *testing.T) {
	dir := t.TempDir()
	var writers sync.WaitGroup
	const each = tooManyLines / 2
	for w := range 4 {
		writers.Go(func() {
			h := NewHistory(dir, "shop")
			for i := range each {
				if err := h.Add(Event{time.Now(), fmt.Sprint("/", w), fmt.Sprint("/", i), "test"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	h := NewHistory(dir, "shop")
	events, err := h.Events()
	if err != nil || len(events) < keepEvents || len(events) > tooManyLines {
		t.Errorf("%d events, %v", len(events), err)
	}
	for w := range 4 {
		if e, ok := newestOf(events, fmt.Sprint("/", w)); !ok || e.Release != fmt.Sprint("/", each-1) {
			t.Errorf("the newest of writer %d is %+v", w, e)
		}
	}
}

func TestHistory_ThatIsKilledWhileItIsWrittenAnewIsWhole(t *testing.T) {
	if dir := os.Getenv("DEPLOY_TEST_DIR"); dir != "" {
		t.Fatal(NewHistory(dir, "shop").Add(Event{Link: "/current", Release: "/new"}))
	}
	for _, at := range []string{"before the new history", "before its rename"} {
		dir := t.TempDir()
		var text []byte
		for i := range tooManyLines {
			text = appendEvent(text, Event{Link: "/current", Release: fmt.Sprint("/", i)})
		}
		if err := os.WriteFile(dir+"/shop.jsonl", text, 0o644); err != nil {
			t.Fatal(err)
		}
		crash(t, at, dir)
		h := NewHistory(dir, "shop")
		wantEvents(t, h, tooManyLines, fmt.Sprint("/", tooManyLines-1))
		add(t, h, "/current", "/new")
		wantEvents(t, h, keepEvents+1, "/new")
	}
}

func TestHistory_SaysWhereItCannotBeWritten(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := NewHistory(file, "shop").Add(Event{Release: "/1"}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

func TestPrevious_IsTheReleaseBeforeTheLiveOne(t *testing.T) {
	for _, row := range []struct {
		history, live, want string
	}{
		{"41 42 43", "43", "42"},
		{"41 42 43 42", "42", "43"}, // rolled back from 43
		{"41 42 43 42", "43", "42"}, // the newest event of 43
		{"42", "42", ""},
		{"", "42", ""},
		{"41 42", "50", "42"}, // flipped while nobody looked
	} {
		var events []Event
		for _, release := range strings.Fields(row.history) {
			events = append(events, Event{Link: "/other", Release: "99"}, Event{Link: "/current", Release: release})
		}
		if got, ok := Previous(events, "/current", row.live); got.Release != row.want || ok != (row.want != "") {
			t.Errorf("history %q, live %s: back to %q, want %q", row.history, row.live, got.Release, row.want)
		}
	}
}

func TestHistory_ThatRootHasBegunIsTheDirectorysOwners(t *testing.T) {
	stack.NeedRoot(t, "to give files away")
	dir := t.TempDir()
	if err := os.Chown(dir, 33, 33); err != nil {
		t.Fatal(err)
	}
	h := NewHistory(dir, "shop")
	add(t, h, "/current", "/1")
	lock, err := LockDeploy(dir + "/current")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	for _, name := range []string{"/shop.jsonl", "/.current.realdocd-lock"} {
		fi, err := os.Stat(dir + name)
		if err != nil || fi.Sys().(*syscall.Stat_t).Uid != 33 {
			t.Errorf("%s: %+v, %v", name, fi, err)
		}
	}
}
