package deploy

import (
	"fmt"
	"os"
	"slices"
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
	if of, err := h.Of("/other"); err != nil || len(of) != 1 {
		t.Errorf("the other link has %+v, %v", of, err)
	}
}

func TestHistory_PassesOverWhatIsNoEventAndEndsATornLine(t *testing.T) {
	dir := t.TempDir()
	h := NewHistory(dir, "shop")
	add(t, h, "/current", "/1")
	file, err := os.OpenFile(dir+"/history/shop/"+linkFile("/current"), os.O_APPEND|os.O_WRONLY, 0)
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
				if err := h.Add(Event{time.Now(), fmt.Sprint("/", w%2), fmt.Sprint("/", w, "-", i), "test"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	h := NewHistory(dir, "shop")
	events, err := h.Events()
	if err != nil || len(events) < 2*keepEvents || len(events) > 2*tooManyLines {
		t.Errorf("%d events, %v", len(events), err)
	}
	for w := range 4 {
		if !slices.ContainsFunc(events, func(e Event) bool { return e.Release == fmt.Sprint("/", w, "-", each-1) }) {
			t.Errorf("the newest of writer %d is lost", w)
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
		mkdirs(t, dir+"/history/shop")
		writeFile(t, dir+"/history/shop/"+linkFile("/current"), string(text))
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
		history, live, gone, want string
		again                     bool
	}{
		{history: "41 42 43", live: "43", want: "42"},
		{history: "41 42 43 42", live: "42", want: "43"},               // put back by a tool that says nothing
		{history: "41 42 43 <42", live: "42", want: "41", again: true}, // and by a rollback
		{history: "41 42 43 <42 <41", live: "41", again: true},
		{history: "41 42 43 <42 44", live: "44", want: "42"},
		{history: "41 42 43 <42", live: "43", want: "42"}, // put forward while nobody looked
		{history: "41 42 43", live: "43", gone: "42", want: "41"},
		{history: "41 42 43", live: "43", gone: "41 42"},
		{history: "A B A B <A", live: "A", again: true}, // what A held before is overwritten
		{history: "42", live: "42"},
		{history: "", live: "42"},
		{history: "41 42", live: "50", want: "42"}, // flipped while nobody looked
	} {
		var events []Event
		for _, release := range strings.Fields(row.history) {
			e := Event{Link: "/current", Release: release, By: "link"}
			if name, back := strings.CutPrefix(release, "<"); back {
				e.Release, e.By = name, "rollback"
			}
			events = append(events, Event{Link: "/other", Release: "99"}, e)
		}
		got, ok := Previous(events, "/current", row.live, func(e Event) string {
			if slices.Contains(strings.Fields(row.gone), e.Release) {
				return "it is gone"
			}
			return ""
		})
		if got.Release != row.want || ok != (row.want != "") || got.Again != row.again || len(got.Passed) != len(strings.Fields(row.gone)) {
			t.Errorf("history %q, live %s: back to %+v, want %q", row.history, row.live, got, row.want)
		}
	}
}

func TestHistory_OfAnEarlierVersionIsCarriedOn(t *testing.T) {
	dir := t.TempDir()
	var text []byte
	for _, e := range []Event{{Link: "/a", Release: "/1"}, {Link: "/b", Release: "/1"}, {Link: "/a", Release: "/2"}} {
		text = appendEvent(text, e)
	}
	writeFile(t, dir+"/shop.jsonl", string(text))
	h := NewHistory(dir, "shop")
	wantEvents(t, h, 3, "/2")
	add(t, h, "/a", "/2") // as it is
	add(t, h, "/a", "/3")
	if of, err := h.Of("/a"); err != nil || len(of) != 3 || of[2].Release != "/3" {
		t.Errorf("the link has %+v, %v", of, err)
	}
	wantEvents(t, h, 4, "/3")
}

// The flips of 220 docroots of one pattern do not push each other out.
func TestHistory_KeepsTheWayBackOfEachLink(t *testing.T) {
	h := NewHistory(t.TempDir(), "sites")
	for _, release := range []string{"/1", "/2"} {
		for i := range 220 {
			add(t, h, fmt.Sprintf("/%d/current", i), fmt.Sprintf("/%d%s", i, release))
		}
	}
	for i := range 220 {
		link := fmt.Sprintf("/%d/current", i)
		events, err := h.Of(link)
		back, ok := Previous(events, link, fmt.Sprintf("/%d/2", i), func(Event) string { return "" })
		if err != nil || !ok || back.Release != fmt.Sprintf("/%d/1", i) {
			t.Fatalf("%s goes back to %+v, %v", link, back, err)
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
	for _, name := range []string{"/history", "/history/shop", "/history/shop/" + linkFile("/current"), "/.current.realdocd-lock"} {
		fi, err := os.Stat(dir + name)
		if err != nil || fi.Sys().(*syscall.Stat_t).Uid != 33 {
			t.Errorf("%s: %+v, %v", name, fi, err)
		}
	}
}
