package control

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/judge"

	"github.com/google/go-cmp/cmp"
)

// What /v1 says is read by programs of other versions: a command of yesterday asks
// the daemon of today, and the other way round. So /v1 may gain fields, and loses
// none. The files in testdata/v1 hold both sides to it.

var (
	v1Time  = time.Date(2026, 11, 27, 8, 30, 0, 250_000_000, time.UTC)
	v1Later = v1Time.Add(90 * time.Second)
)

var (
	v1Server = ServerStatus{
		Address: "/run/php/php8.2-fpm.sock", Up: true, Since: v1Time, Running: 3, Kept: 2, Opened: 41, Reused: 1200,
		Reuse: "on", Version: "8.2.36", Workers: 12,
	}
	v1ServerOut = ServerStatus{
		Address: "10.0.0.2:9000", Since: v1Later, Error: "connect: connection refused", Reuse: "off",
	}
	v1Pool = PoolStatus{
		Name: "www", Paused: true, Running: 3, Abandoned: 1, MaxConns: 12, MaxConnsAuto: true, Status: "/run/php/status.sock", Waiting: 2, Queue: 1024, LongestWait: 0.75,
		Requests: 1241, Refused: 5, Servers: []ServerStatus{v1Server, v1ServerOut},
	}
	v1Site = SiteStatus{
		Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Release: "/var/www/shop/releases/42", Running: 4,
		Stale: "the link leads nowhere", Gone: true,
	}
	v1Trial = TrialStatus{
		Kind: "canary", Docroot: "/var/www/shop/current/public", Release: "/var/www/shop/releases/43", Live: "/var/www/shop/releases/42",
		Since: v1Time, Manual: true, Number: 4711, Percent: 2.5, Step: 1, Steps: 3, StepEnds: v1Later, Visitors: 40, Requests: 310,
		Verdict: judge.Verdict{
			Worse: true, Of: "failures", Chance: 120, Class: "GET /checkout",
			Live: judge.Side{Requests: 9000, Failed: 9, Median: 0.02}, Candidate: judge.Side{Requests: 300, Failed: 12, Median: 0.021},
			ClassLive: judge.Side{Requests: 400, Median: 0.05}, ClassCandidate: judge.Side{Requests: 14, Failed: 11},
		},
		Ended: "worse", Why: "it is worse by failures",
	}
	v1Inside = []Occupant{
		{Kind: "request", What: "GET /checkout", Age: 12.5, RequestID: "5f1d"},
		{Kind: "command", What: "php artisan queue:work", Age: 3600, PID: 4711},
		{Kind: "worker", What: "/var/www/shop/releases/41/public/mail.php", Age: 1.25, PID: 815},
	}
)

// v1Report is what an agent tells.
var v1Report = FleetReport{
	Group: "www", Host: "www1", StoreError: "etcd does not answer: context deadline exceeded", StoreSince: v1Time, Again: Seconds(5 * time.Second),
	Standings: []FleetStanding{
		{Site: "shop", State: FleetInStep, Release: "43", Seq: 7, Since: v1Time, Next: FleetInDoubt, NextWhy: "the outcome of a flip to 44 is not known", For: Seconds(4500 * time.Millisecond)},
		{Site: "all/s1", State: FleetBehind, Release: "12", Seq: 3, Since: v1Later, Why: "release 12 is not here"},
		{Site: "wiki", State: FleetInStep},
	},
}

// v1Cases are a value of each answer, by the name of its file.
var v1Cases = map[string]any{
	"status": Status{
		PID: 812, Started: v1Time, Connections: 64, MaxConns: 200, Unheld: true, Page: "http://127.0.0.1:9117/", PinKey: "0123456789abcdef+fedcba9876543210", Pools: []PoolStatus{v1Pool}, Sites: []SiteStatus{v1Site},
		Retiring: []RetiringStatus{{PID: 700, Connections: 3}, {PID: 600, Error: "it does not answer"}},
	},
	"status-of-nothing": Status{PID: 812, Started: v1Time, Pools: []PoolStatus{}, Sites: []SiteStatus{}},
	"status-of-a-docroot-without-a-link": Status{
		PID: 812, Started: v1Time, Pools: []PoolStatus{},
		Sites: []SiteStatus{{Name: "wiki", Docroot: "/srv/wiki", Pool: "www", Release: "/srv/wiki", Fault: "docroot /srv/wiki has no symlink on its path"}},
	},
	"status-of-a-site-in-maintenance": Status{
		PID: 812, Started: v1Time, Pools: []PoolStatus{},
		Sites: []SiteStatus{{
			Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Held: 3, Holds: 1,
			Maintenance: []Maintenance{{
				Docroot: "/var/www/shop/current/public", Since: v1Time, Until: v1Later, PageBytes: 1200,
				Allow: []Network{{netip.MustParsePrefix("203.0.113.7/32")}, {netip.MustParsePrefix("2001:db8::/48")}},
			}},
		}},
	},
	"status-of-a-canary": Status{
		PID: 812, Started: v1Time, Pools: []PoolStatus{},
		Sites: []SiteStatus{{Name: "shop", Docroot: "/var/www/shop/current/public", Pool: "www", Trials: []TrialStatus{v1Trial}}},
	},
	"trial-of-many-hosts": TrialStatus{
		Kind: "canary", Docroot: "/var/www/shop/current/public", Release: "/var/www/shop/releases/43", Live: "/var/www/shop/releases/42",
		Since: v1Time, Fleet: true, Figures: "AQAAAAAAAAAAAAA", Number: 4711, Steps: 3, StepEnds: v1Later,
	},
	"fleet-report": v1Report, // what is sent
	"fleet":        FleetStatus{FleetReport: v1Report, Told: v1Later, Silent: Seconds(20 * time.Second), Refuses: true, Ignored: []string{"shpo"}},
	"status-of-a-fleet": Status{
		PID: 812, Started: v1Time, Pools: []PoolStatus{}, Sites: []SiteStatus{},
		Fleet: &FleetStatus{FleetReport: FleetReport{Standings: []FleetStanding{{Site: "shop", State: FleetUnknown, Why: "its agent has not told yet"}}}, Refuses: true},
	},
	"trial":       v1Trial,
	"trial-moved": TrialStatus{Moved: true, Number: 4711},
	"preview":     PreviewLink{Token: "AQIAAQ.43", Ends: v1Later},
	"maintenance": Maintenance{Since: v1Time, Page: []byte("<h1>Back soon</h1>")}, // what is sent to begin one
	"hold":        holdLine{Held: true},
	"pool":        v1Pool, // the answer to pause and resume
	"site": SiteDetail{ // the answer to look and drain too
		SiteStatus: v1Site,
		Docroots: []DocrootStatus{{
			Docroot: "/var/www/shop/current/public", Link: "/var/www/shop/current", Pool: "www",
			Releases: []ReleaseStatus{
				{
					Path: "/var/www/shop/releases/41", Name: "41", Running: 3, Requests: 900, Failed: 7,
					FirstSeen: v1Time, LastSeen: v1Later, Pinned: 12, PinsEnd: v1Later, Closed: true, Gone: true, Inside: v1Inside,
				},
				{Path: "/var/www/shop/releases/42", Name: "42", Live: true, FirstSeen: v1Later, Inside: []Occupant{}},
			},
		}},
		History: []HistoryEntry{{Time: v1Later, Link: "/var/www/shop/current", Release: "/var/www/shop/releases/42", By: "deploy"}},
		Notes: []Note{{
			Time: v1Later, What: "canary", Docroot: "/var/www/shop/current/public", Release: "/var/www/shop/releases/43", Text: "ended",
		}},
	},
	"site-of-a-pattern": SiteDetail{
		SiteStatus: SiteStatus{Name: "all", Docroot: "/var/www/*/current", Pool: "www"},
		Docroots: []DocrootStatus{{
			Docroot: "/var/www/s1/current", Link: "/var/www/s1/current", Tenant: "s1", Pool: "fpm-s1",
			Stale: "the link leads nowhere", Gone: true, Releases: []ReleaseStatus{},
		}},
		History: []HistoryEntry{},
	},
	"warm": []WarmResult{
		{URI: "/", Status: 302, Server: "/run/php/php8.2-fpm.sock", Took: 0.5, Note: "it redirects to https://shop.example.com/"},
		{URI: "/queue", Took: 10, Error: "no place in time", Unasked: true},
		{URI: "/checkout", Status: 500, Took: 1.5, Error: "the answer is 500 Internal Server Error", Head: "PHP Fatal error"},
	},
	"headroom": Headroom{
		Asked: true, Readable: true, Opcache: true, Server: "/run/php/php8.2-fpm.sock", Known: true, Fits: true, Restart: true,
		FreeMemory: 90 << 20, Memory: 128 << 20, NeedsMemory: 14 << 20, FreeKeys: 15000, Keys: 16229, NeedsKeys: 1200, Cached: 340,
		PHP: &PHPMemory{
			ValidateTimestamps: true, RevalidateFreq: 2, UpdateProtection: 2, UserINI: ".user.ini", UserINITTL: 300,
			RealpathTTL: 120, RevalidatePath: true,
		},
	},
	"compiled": []CompiledResult{
		{
			Server: "/run/php/php8.2-fpm.sock", Compiled: 12, Failed: 1, FailedFile: "/var/www/shop/releases/42/tests/a.php",
			Scripts: 340, Memory: 14 << 20, Full: true, Took: 0.25,
		},
		{Server: "10.0.0.2:9000", Error: "connect: connection refused"},
	},
	"room": []RoomResult{
		{Server: "/run/php/php8.2-fpm.sock", Done: true, Scripts: 340, Failed: 2, Held: 0.5},
		{Server: "10.0.0.2:9000", Error: "requests that run did not end within 5s"},
	},
	"forgotten": []ForgottenResult{
		{Server: "/run/php/php8.2-fpm.sock", Scripts: 340, Memory: 14 << 20},
		{Server: "10.0.0.2:9000", Error: "connect: connection refused"},
	},
	"headroom-without-opcache": Headroom{Readable: true, Why: "PHP has no opcache", Fits: true},
	"view": View{
		Listen: []string{"/run/realdocd/realdocd.sock"}, Inherited: true, OpenFiles: 40, MaxOpenFiles: 20000,
		Directories: []DirectoryView{
			{Key: "spool_dir", Path: "/tmp", Free: 1 << 30, Memory: true},
			{Key: "state_dir", Path: "/var/lib/realdocd", Error: "permission denied"},
		},
		Requests: []SeenRequest{{
			Site: "shop", Time: v1Time, Transport: "unix", KeepConn: true, DocumentRoot: "/var/www/shop/current/public",
			ScriptFilename: "/var/www/shop/current/public/index.php", ServerSoftware: "nginx/1.22", RedirectStatus: "200",
			PHPValue: "include_path=.", PHPAdminValue: "memory_limit=1G",
		}},
		Refused: []SeenRefusal{{
			Cause: "forbidden", Site: "shop", DocumentRoot: "/var/www/shop/current/public", ScriptFilename: "/etc/passwd",
			Error: "it is outside", Count: 2, Recent: 1, First: v1Time, Last: v1Later,
		}},
		Metrics:    "127.0.0.1:9117",
		Unseen:     []UnseenSite{{Site: "blog", Since: v1Time}},
		Unresolved: []UnresolvedDocroot{{Site: "blog", Docroot: "/var/www/blog/current", Error: "permission denied", Release: "/var/www/blog/releases/7"}},
	},
	"config": Configuration{
		Files: []string{"/etc/realdocd/realdocd.toml", "/etc/realdocd/conf.d/shop.toml"},
		Tables: []ConfigTable{
			{Name: []string{}, Keys: map[string]any{"listen_mode": "0660", "max_connections": 500.0}, Defaults: []string{"listen_mode"}},
			{Name: []string{"site", "shop"}, Keys: map[string]any{"warm": []any{"/"}}, Defaults: []string{}},
		},
	},
	"ready": Readiness{Ready: true, Checks: []Check{{Name: "process", OK: true}, {Name: "pool www", Why: "connect: connection refused"}}},
	"requests": Requests{
		Total: 1001, Unknown: "the process before does not answer", Requests: []RunningRequest{
			{State: "php", Site: "shop", Release: "/var/www/shop/releases/42", Pool: "www", What: "GET /checkout", Began: v1Time, Age: 12.5, PID: 815, RequestID: "5f1d"},
			{State: "command", What: "php artisan queue:work", Began: v1Time, Age: 1.5, PID: 4711},
		},
	},
	"enter": CommandEnv{ // the first line
		Docroot: "/var/www/shop/current/public", Link: "/var/www/shop/current", Release: "/var/www/shop/releases/42",
		Name: "42", ResolvedDocroot: "/var/www/shop/releases/42/public", IncludePath: ".:/var/www/shop/releases/42/lib",
	},
	"enter-flipped": enterLine{Flipped: "/var/www/shop/releases/43"},
	"enter-moved":   enterLine{Moved: true},
	"error":         apiFailure{Error: `there is no site "shpo"`},
	"error-drain":   apiFailure{Error: "release /var/www/shop/releases/41 did not drain within 30s", Inside: v1Inside},
	"error-moved":   apiFailure{Error: "another process of realdocd takes over: ask again", Moved: true},
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "v1", name+".json"))
	if err != nil {
		t.Fatalf("%v: each answer of /v1 has a file there", err)
	}
	return text
}

func TestV1_SaysWhatItHasAlwaysSaid(t *testing.T) {
	for name, value := range v1Cases {
		t.Run(name, func(t *testing.T) {
			said, err := json.MarshalIndent(value, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(golden(t, name)), string(said)+"\n"); diff != "" {
				t.Errorf("/v1 says something else than testdata/v1/%s.json. A field that is gone or changed breaks "+
					"programs of other versions; add one that is new to the file (-file +program):\n%s", name, diff)
			}
		})
	}
}

func TestV1_IsReadBack(t *testing.T) {
	for name, value := range v1Cases {
		t.Run(name, func(t *testing.T) {
			read := reflect.New(reflect.TypeOf(value))
			in := json.NewDecoder(bytes.NewReader(golden(t, name)))
			in.DisallowUnknownFields()
			if err := in.Decode(read.Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value, read.Elem().Interface()); diff != "" {
				t.Errorf("(-said +read):\n%s", diff)
			}
		})
	}
}

// A program of a later version says more than this one knows.
func TestV1_ReadsPastFieldsThatItDoesNotKnow(t *testing.T) {
	for name, value := range v1Cases {
		more := strings.ReplaceAll(string(golden(t, name)), "{", `{"of_a_later_version": {"a": [1]},`)
		more = strings.ReplaceAll(more, `"keys": {"of_a_later_version": {"a": [1]},`, `"keys": {`) // of the configuration, whatever they are
		read := reflect.New(reflect.TypeOf(value))
		if err := json.Unmarshal([]byte(more), read.Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(value, read.Elem().Interface()); diff != "" {
			t.Errorf("%s (-said +read):\n%s", name, diff)
		}
	}
}

func TestV1_EveryFieldIsInAFile(t *testing.T) {
	filled := map[string]bool{}
	for _, value := range v1Cases {
		fill(filled, reflect.ValueOf(value))
	}
	for field, has := range filled {
		if !has {
			t.Errorf("%s is zero in all of v1Cases: set it in one", field)
		}
	}
}

// fill notes which fields of the structs in v have a value, by type and name.
func fill(filled map[string]bool, v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			fill(filled, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().String() + "." + v.Type().Field(i).Name
			filled[name] = filled[name] || !v.Field(i).IsZero()
			if v.Field(i).Type() != reflect.TypeFor[time.Time]() {
				fill(filled, v.Field(i))
			}
		}
	}
}
