package handover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"realdocd/deploy"
	"realdocd/gateway/control"
)

var (
	goldenStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	goldenFlip  = goldenStart.Add(time.Hour)
)

// goldenMessages is every kind of message, by the name of its file in testdata.
// Two versions speak these with each other: a field that is there stays, with its
// name and meaning, and a new one must be one that an older version can ignore.
var goldenMessages = map[string]Message{
	"flush":    {},
	"listener": {Listener: &Listener{Addr: "/run/realdocd/realdocd.sock", Use: "listen"}},
	"sockets":  {Sockets: &Sockets{Inherited: true, PID: 41}},
	"docroot": {Docroot: &Docroot{Site: "shop", State: deploy.DocrootState{
		Path: "/var/www/shop/current/public",
		Releases: []deploy.ReleaseState{{
			Path: "/var/www/shop/releases/42", Name: "42", Link: "/var/www/shop/current", Docroot: "/var/www/shop/releases/42/public",
			Live: true, FirstSeen: goldenStart, LastSeen: goldenFlip, Inside: 1, Total: 7, Failed: 2,
		}},
	}}},
	"site": {Site: &Site{Name: "shop", Maintenance: []control.Maintenance{{
		Since: goldenStart, Until: goldenFlip, Allow: []control.Network{{Prefix: netip.MustParsePrefix("203.0.113.7/32")}}, Page: []byte("<h1>Back soon</h1>"),
	}}}},
	"trial": {Trial: &Trial{Site: "shop", Docroot: "/var/www/shop/current/public", Plan: control.Plan{
		Kind: "canary", Release: "/var/www/shop/releases/43", Steps: []float64{2.5}, Every: time.Hour, Least: 100, Manual: true, Number: 4711,
	}}},
	"standings": {Standings: &Standings{Boottime: time.Hour, Told: goldenFlip, Report: control.FleetReport{
		Group: "www", Host: "www1", StoreError: "etcd does not answer", StoreSince: goldenStart, Again: control.Seconds(5 * time.Second),
		Standings: []control.FleetStanding{{
			Site: "shop", State: control.FleetBehind, Release: "43", Seq: 7, Why: "release 43 is not here", Since: goldenStart,
			Next: control.FleetUnknown, NextWhy: "nobody has looked", For: control.Seconds(time.Second),
		}},
	}}},
	"begin":      {Begin: true},
	"prepared":   {Prepared: 42},
	"serving":    {Serving: true},
	"grant":      {Grant: &Grant{Pool: "www", Granted: 12}},
	"ask-status": {Ask: &Ask{ID: 3}},
	"ask-site":   {Ask: &Ask{ID: 4, Site: "shop", Docroot: "/var/www/shop/current/public"}},
	"stop":       {Stop: true},
	"main":       {Main: true},
	"conn":       {Conn: true},
	"pool": {Pool: &PoolReport{
		Name: "www", Granted: 12, Released: 5, Waiting: 3, Servers: map[string]int{"/run/php/php8.2-fpm.sock": 4}, Paused: true,
	}},
	"recent": {Recent: `{"step":5}`},
	"idle":   {Idle: &Idle{Site: "shop", Release: "/var/www/shop/releases/41"}},
	"answer-status": {Answer: &Answer{ID: 3, Status: &control.Status{
		PID: 41, Started: goldenStart, Connections: 2,
		Pools: []control.PoolStatus{{
			Name: "www", Running: 1, MaxConns: 12, Queue: 1024, Requests: 9,
			Servers: []control.ServerStatus{{Address: "/run/php/php8.2-fpm.sock", Up: true, Since: goldenStart, Running: 1, Opened: 9, Reuse: "off"}},
		}},
		Sites:    []control.SiteStatus{{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Release: "/var/www/shop/releases/42", Running: 1}},
		Retiring: []control.RetiringStatus{{PID: 40, Connections: 1}},
	}}},
	"answer-site": {Answer: &Answer{ID: 4, Site: &control.SiteDetail{
		SiteStatus: control.SiteStatus{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Release: "/var/www/shop/releases/42", Running: 1},
		Docroots: []control.DocrootStatus{{
			Docroot: "/var/www/shop/current/public", Link: "/var/www/shop/current",
			Releases: []control.ReleaseStatus{{
				Path: "/var/www/shop/releases/41", Name: "41", Running: 1, Requests: 7, Failed: 2, FirstSeen: goldenStart, LastSeen: goldenFlip,
				Inside: []control.Occupant{{Kind: "request", What: "GET /export", Age: 1.5, RequestID: "e1"}},
			}},
		}},
	}}},
	"answer-error": {Answer: &Answer{ID: 4, Error: "/var/www/shop/current: no such file or directory"}},
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is written may have more than the file, since an older version ignores it, and must have no less.
func TestEveryMessageIsWrittenAsItsGoldenFile(t *testing.T) {
	for name, m := range goldenMessages {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal(golden(t, name), &want)); err != nil {
			t.Fatal(err)
		}
		if lost := lacking(want, got, "$"); lost != "" {
			t.Errorf("%s: an older version would not be told %s; the message is %s", name, lost, text)
		}
	}
}

// lacking says what of want is not in got; "" if it has all.
func lacking(want, got any, at string) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for key := range w {
			if _, has := g[key]; !ok || !has {
				return at + "." + key
			}
			if lost := lacking(w[key], g[key], at+"."+key); lost != "" {
				return lost
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return at
		}
		for i := range w {
			if lost := lacking(w[i], g[i], fmt.Sprintf("%s[%d]", at, i)); lost != "" {
				return lost
			}
		}
		return ""
	}
	if want != got {
		return fmt.Sprintf("%s = %v", at, want)
	}
	return ""
}

func TestEveryGoldenFileIsReadAsItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(goldenMessages) {
		t.Errorf("%d files for %d messages, %v", len(files), len(goldenMessages), err)
	}
	for name, want := range goldenMessages {
		var got Message
		if err := json.Unmarshal(golden(t, name), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A kind of message without a golden file would be pinned by nothing.
func TestEveryKindOfMessageHasAGoldenFile(t *testing.T) {
	var missing []string
	for i := range reflect.TypeFor[Message]().NumField() {
		missing = append(missing, reflect.TypeFor[Message]().Field(i).Name)
	}
	for _, m := range goldenMessages {
		v := reflect.ValueOf(m)
		missing = slices.DeleteFunc(missing, func(field string) bool { return !v.FieldByName(field).IsZero() })
	}
	if len(missing) > 0 {
		t.Errorf("no golden file has %q", missing)
	}
}

// A newer version may say more than this one knows.
func TestAMessageOfANewerVersionIsRead(t *testing.T) {
	for name, want := range goldenMessages {
		newer := withUnknown(t, golden(t, name))
		ours, theirs := bothEnds(t)
		if _, err := ours.conn.Write(frame(newer)); err != nil {
			t.Fatal(err)
		}
		got, _, err := theirs.Receive()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// withUnknown adds a field to each object of a text.
func withUnknown(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	addUnknown(value)
	newer, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return newer
}

func addUnknown(value any) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			addUnknown(element)
		}
	case map[string]any:
		for key, element := range v {
			if key != "servers" || reflect.TypeOf(element).Kind() != reflect.Map { // a pool's are by address: not fields
				addUnknown(element)
			}
		}
		v["of_a_newer_version"] = map[string]any{"n": []int{1}}
	}
}

// frame is a text as it is sent: its length in four bytes, the highest first, and itself.
func frame(text []byte) []byte {
	n := len(text)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...)
}

func TestAMessageIsFramedAsEveryVersionReadsIt(t *testing.T) {
	ours, theirs := bothEnds(t)
	ours.Send(Message{Prepared: 42})
	want := frame([]byte(`{"prepared":42}`))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(theirs.conn, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
