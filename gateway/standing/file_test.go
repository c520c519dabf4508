package standing

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// told is when tables of these tests were told, as a file keeps it.
var told = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// inStep is a report of a site.
func inStep(site string) control.FleetReport {
	return control.FleetReport{Group: "www", Host: "web1", Standings: []control.FleetStanding{
		{Site: site, State: control.FleetInStep, Release: "7", Seq: 3, Next: control.FleetInDoubt, NextWhy: "b", For: control.Seconds(5 * time.Second)},
	}}
}

// kept is the file of a boot that was told of the shop a second ago.
func kept(t *testing.T, boot string) (f *File, at Moment) {
	t.Helper()
	f, at = NewFile(t.TempDir(), boot), Now().After(-time.Second)
	if err := f.Write(New(inStep("shop"), at, told)); err != nil {
		t.Fatal(err)
	}
	return f, at
}

func TestFile_TheNextProcessOfTheBootGoesOnWithWhatWasTold(t *testing.T) {
	f, at := kept(t, "b1")
	table, err := NewFile(f.dir, "b1").Read()
	if err != nil || table == nil {
		t.Fatalf("it reads %v, %v", table, err)
	}
	report, when := table.Report()
	if table.At() != at || !when.Equal(told) || report.Group != "www" || report.Host != "web1" {
		t.Errorf("it reads %+v of %v, told %v", report, table.At(), when)
	}
	one := table.All()[0]
	if before := one.Now(at.After(4 * time.Second)); before.State != control.FleetInStep || before.Release != "7" || before.Seq != 3 {
		t.Errorf("it is %+v", before)
	}
	if after := one.Now(at.After(5 * time.Second)); after.State != control.FleetInDoubt {
		t.Errorf("it is %+v then", after)
	}
}

func TestFile_NothingIsKnownInAnotherBootOrInOneThatIsNotKnown(t *testing.T) {
	for name, boots := range map[string][2]string{"another": {"b1", "b2"}, "one that is not known": {"b1", ""}, "neither is known": {"", ""}} {
		f, _ := kept(t, boots[0])
		if table, err := NewFile(f.dir, boots[1]).Read(); table != nil || err != nil {
			t.Errorf("%s: it reads %+v, %v", name, table, err)
		}
	}
	if table, err := NewFile(t.TempDir(), "b1").Read(); table != nil || err != nil {
		t.Errorf("without a file it reads %+v, %v", table, err)
	}
}

func TestFile_WhatCannotBeIsNotBelieved(t *testing.T) {
	for name, row := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"a moment that is not over": {"boottime_ns", int64(Now().After(time.Hour)), "of a moment that is not over"},
		"no moment":                 {"boottime_ns", 0, "of a moment that is not over"},
		"one before the boot":       {"boottime_ns", -1, "of a moment that is not over"},
		"a state that is not known": {"report", map[string]any{"standings": []any{map[string]any{"site": "shop", "state": "up"}}}, `not "up"`},
		"another kind":              {"report", "x", "cannot unmarshal"},
	} {
		f, _ := kept(t, "b1")
		change(t, f, row.key, row.value)
		if table, err := f.Read(); table != nil || err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: it reads %+v, %v", name, table, err)
		}
	}
}

// change puts another value at a key of the file.
func change(t *testing.T, f *File, key string, value any) {
	t.Helper()
	path := filepath.Join(f.dir, fileName)
	text, err := os.ReadFile(path)
	var all map[string]any
	if err = errors.Join(err, json.Unmarshal(text, &all)); err != nil {
		t.Fatal(err)
	}
	if _, there := all[key]; !there {
		t.Fatalf("the file has no %s: %s", key, text)
	}
	all[key] = value
	text, _ = json.Marshal(all)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFile_CommandsLearnWhatWasToldLastInAnyBoot(t *testing.T) {
	f, _ := kept(t, "b0")
	report, when, err := Last(f.dir)
	if err != nil || !when.Equal(told) || len(report.Standings) != 1 || report.Standings[0].Release != "7" {
		t.Errorf("it is %+v of %v, %v", report, when, err)
	}
	change(t, f, "report", map[string]any{"standings": []any{map[string]any{"site": "shop", "state": "up"}}})
	if _, _, err := Last(f.dir); err == nil || !strings.Contains(err.Error(), `not "up"`) {
		t.Errorf("of what cannot be it says %v", err)
	}
	if _, _, err := Last(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file it says %v", err)
	}
}

// The next process is not to go by what is over.
func TestFile_ThatCannotBeWrittenLeavesNothing(t *testing.T) {
	f, at := kept(t, "b1")
	if err := os.MkdirAll(filepath.Join(f.dir, "."+fileName+".next", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(New(inStep("blog"), at, told)); err == nil {
		t.Error("it was written")
	}
	if _, err := os.Lstat(filepath.Join(f.dir, fileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of before is left: %v", err)
	}
}

func TestFile_ThatIsRemovedIsNotKnown(t *testing.T) {
	f, _ := kept(t, "b1")
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if table, err := f.Read(); table != nil || err != nil {
		t.Errorf("it reads %+v, %v", table, err)
	}
	if err := f.Remove(); err != nil {
		t.Errorf("once more: %v", err)
	}
}
