package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"realdocd/deploy"
)

// bringing is the site, for what comes from elsewhere.
func (s *fakeSite) bringing() *goLive {
	s.t.Helper()
	o := &siteOptions{controlOptions: controlOptions{file: s.config}}
	site, err := o.find(s.t.Context(), "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	g := &goLive{namedSite: site, steps: &steps{out: io.Discard, errs: io.Discard}}
	if g.link, err = g.findLink(); err != nil {
		s.t.Fatal(err)
	}
	return g
}

func TestAFetchedReleaseIsFilledByTheOwnerOfTheReleasesAndKnowsNoSecretOfOurs(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/releases"`)
	t.Setenv("ETCD_PASSWORD", "secret")
	who := "0"
	if os.Geteuid() == 0 {
		who = "33"
		for dir := s.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(s.dir+"/releases", 33, 33); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.bringing().fetchRelease(t.Context(), bring{
		contents: deploy.NewContents(s.dir + "/state"), release: "43", by: "ann@build",
		command: `mkdir public; echo "$(id -u) $PWD $REALDOC_TARGET $REALDOC_SITE $REALDOC_RELEASE [$REALDOC_HASH$ETCD_PASSWORD]" >public/said`,
	})
	if err != nil || !strings.HasPrefix(got, "v1:") {
		t.Fatalf("%q, %v", got, err)
	}
	target := s.dir + "/releases/.43.partial"
	text, err := os.ReadFile(s.release("43") + "/public/said")
	if want := strings.Join([]string{who, target, target, "shop", "43", "[]\n"}, " "); err != nil || string(text) != want && os.Geteuid() == 0 {
		t.Errorf("the command said %q, %v; want %q", text, err, want)
	}
	if rec, err := deploy.NewRecords(s.dir + "/state").Of(s.release("43")); err != nil || rec == nil || rec.By != "ann@build" {
		t.Errorf("the record is %+v, %v", rec, err)
	}
	s.wantLive(s.release("1"))
}

func TestAFetchThatFailsSaysWhatItsCommandSaid(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/releases"`)
	for command, want := range map[string]string{
		"echo the cause >&2; exit 3":        "exit status 3\nthe cause",
		"echo waiting; sleep 60 & sleep 60": "it took longer than 100ms\nwaiting",
	} {
		_, err := s.bringing().fetchRelease(t.Context(), bring{
			contents: deploy.NewContents(s.dir + "/state"), release: "43", command: command, limit: 100 * time.Millisecond,
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestASiteThatHasNoPlaceForWhatComesSaysWhatToSet(t *testing.T) {
	for keys, want := range map[string]string{
		`slots = ["DIR/A", "DIR/B"]`: "set releases in [site.shop] instead of slots",
		``:                           "set releases in [site.shop]",
	} {
		s := newFakeSite(t, keys)
		_, err := s.bringing().placeRelease(t.Context(), bring{contents: deploy.NewContents(""), release: "43"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", keys, err)
		}
	}
}

func TestAPushedReleaseGetsItsName(t *testing.T) {
	s := newFakeSite(t, `releases = "DIR/releases"`)
	b := bring{contents: deploy.NewContents(s.dir + "/state"), release: "43"}
	target, err := s.bringing().placeRelease(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target+"/index.php", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if hash, err := s.bringing().takeRelease(t.Context(), b); err != nil || hash == "" || wantDirectory(s.release("43")) != nil {
		t.Errorf("%q, %v", hash, err)
	}
}
