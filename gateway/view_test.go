package gateway

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

// viewed asks the bench's daemon over its control socket.
func (b *bench) viewed() control.View {
	b.t.Helper()
	v, err := control.NewClient(b.cfg.Control).View(b.t.Context())
	b.must(err)
	return v
}

func TestTheViewHasWhatTheWebServerSentBeforeItWasRewritten(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	if v := b.viewed(); len(v.Requests) != 0 || len(v.Refused) != 0 {
		t.Errorf("before any request: %+v", v)
	}
	value := `include_path="` + b.link("shop") + `/lib"`
	c := b.connect()
	b.served(c, "", b.params("SERVER_SOFTWARE", "nginx/1.2", "REDIRECT_STATUS", "200", "PHP_VALUE", value, "HTTP_SERVER_SOFTWARE", "forged")...)
	// Another one within the second is not looked at.
	b.served(c, "", b.params("SERVER_SOFTWARE", "other")...)
	v := b.viewed()
	if len(v.Requests) != 1 {
		t.Fatalf("got %+v", v.Requests)
	}
	got := v.Requests[0]
	if got.Time.IsZero() {
		t.Error("it has no time")
	}
	want := control.SeenRequest{
		Site: "shop", Time: got.Time, Transport: "unix", KeepConn: true, DocumentRoot: b.docroot("shop"),
		ScriptFilename: b.docroot("shop") + "/index.php", ServerSoftware: "nginx/1.2", RedirectStatus: "200", PHPValue: value,
	}
	if got != want {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestTheViewHasTheLimitsAndDirectoriesOfTheDaemon(t *testing.T) {
	b := newBench(t)
	b.cfg.Control, b.cfg.SpoolDir, b.cfg.StateDir = b.dir+"/control", b.dir+"/none", b.dir+"/a/b/state"
	b.start()
	v := b.viewed()
	if len(v.Listen) != 1 || v.Listen[0] != string(b.addr) || v.Inherited || v.OpenFiles < 3 || v.MaxOpenFiles == 0 || len(v.Directories) != 2 {
		t.Fatalf("got %+v", v)
	}
	// A spool_dir is not made, a state_dir is.
	if d := v.Directories[0]; d.Key != "spool_dir" || d.Path != b.dir+"/none" || d.Error == "" {
		t.Errorf("got %+v", d)
	}
	if d := v.Directories[1]; d.Key != "state_dir" || d.Path != b.dir+"/a/b/state" || d.Error != "" || d.Free == 0 {
		t.Errorf("got %+v", d)
	}
	if _, err := os.Stat(b.dir + "/a"); err == nil {
		t.Error("looking has made the directory")
	}
}

func TestTheViewHasTheRefusedRequestsBounded(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	b.start()
	refuse := func(pairs ...string) {
		c := b.connect()
		b.send(c, "", pairs...)
		b.reply(c)
	}
	for i := range maxRefusals + 3 {
		refuse(stack.ParamsFor(fmt.Sprintf("/none/%d", i), "GET", "/index.php")...)
	}
	refuse(stack.ParamsFor("/none/9", "GET", "/"+strings.Repeat("x", 2*maxSeen))...)
	for range 2 {
		refuse(b.params("SCRIPT_FILENAME", "/etc/passwd")...)
	}
	v := b.viewed()
	if len(v.Refused) != maxRefusals {
		t.Fatalf("%d are told apart, want %d", len(v.Refused), maxRefusals)
	}
	if r := v.Refused[0]; r.Cause != "forbidden" || r.Site != "shop" || r.Count != 2 || r.ScriptFilename != "/etc/passwd" || !strings.Contains(r.Error, "extra root") {
		t.Errorf("the newest is %+v", r)
	}
	if r := v.Refused[1]; r.Cause != "no_site" || r.Site != "" || r.DocumentRoot != "/none/9" || r.Count != 2 || len(r.ScriptFilename) != maxSeen || r.First.After(r.Last) {
		t.Errorf("the one before is %+v", r)
	}
	for _, r := range v.Refused {
		if slices.Contains([]string{"/none/0", "/none/1", "/none/2", "/none/3"}, r.DocumentRoot) {
			t.Errorf("%s of the oldest is still there", r.DocumentRoot)
		}
	}
}

// What check tells is what goes on: refusals of the last minute or two.
func TestRefusals_CountThoseThatGoOn(t *testing.T) {
	k := &refusedKind{}
	for _, step := range []struct {
		minute int64
		times  int
		recent uint64 // then
	}{
		{10, 3, 3}, {11, 2, 5}, {11, 1, 6}, {12, 0, 3}, {13, 0, 0}, {20, 1, 1}, {19, 1, 2}, {21, 0, 2}, {22, 0, 0},
	} {
		for range step.times {
			k.count(step.minute)
		}
		if got := k.recent(step.minute); step.minute >= k.minute && got != step.recent {
			t.Errorf("in minute %d %d are recent, want %d", step.minute, got, step.recent)
		}
	}
	if k.Count != 8 {
		t.Errorf("%d in all", k.Count)
	}
}

func TestTheViewHasTheDocrootsThatCannotBeResolved(t *testing.T) {
	b := newBench(t)
	b.cfg.Control = b.dir + "/control"
	never := b.cfg.Sites[0]
	never.Name, never.Docroot = "never", b.dir+"/never/current/public"
	b.cfg.Sites = append(b.cfg.Sites, never)
	b.start()
	b.served(b.connect(), "", b.params()...)
	live := b.server.setup.Load().sites.named("shop").releases.Live(b.docroot("shop"))
	v := b.viewed()
	if len(v.Unresolved) != 1 || v.Unresolved[0].Site != "never" || v.Unresolved[0].Release != "" || !strings.Contains(v.Unresolved[0].Error, "no such file") {
		t.Fatalf("got %+v", v.Unresolved)
	}
	i := slices.IndexFunc(v.Unseen, func(u control.UnseenSite) bool { return u.Site == "never" && !u.Since.IsZero() })
	if i < 0 || slices.ContainsFunc(v.Unseen, func(u control.UnseenSite) bool { return u.Site == "shop" }) {
		t.Errorf("without a request are %+v", v.Unseen)
	}
	b.must(os.Remove(b.link("shop")))
	b.served(b.connect(), "", b.params()...) // on the last good release
	v = b.viewed()
	if len(v.Unresolved) != 2 || v.Unresolved[0].Site != "shop" || v.Unresolved[0].Release != live || v.Unresolved[0].Docroot != b.docroot("shop") {
		t.Errorf("got %+v, want one of the release %s", v.Unresolved, live)
	}
}
