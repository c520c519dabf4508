package main

import (
	"os"
	"testing"

	"realdocd/deploy"
)

func TestCommandsRunInTheReleaseBeforeAndAfterTheFlip(t *testing.T) {
	for _, daemon := range []bool{true, false} {
		s := newFakeSite(t,
			`before_flip = ['echo "$PWD $REALDOC_SITE $REALDOC_RELEASE $DOCUMENT_ROOT $REALDOC_BEFORE $(readlink DIR/current)" > said', 'test -f said']`,
			`after_flip = ["readlink DIR/current >> said"]`)
		if daemon {
			s.startDaemon()
		}
		code, stdout, _ := s.run("flip", "shop", s.release("2"))
		if code != exitDone {
			t.Errorf("exit code %d", code)
		}
		wantIn(t, stdout, "before    test -f said (", "after     readlink ")
		text, err := os.ReadFile(s.release("2") + "/said")
		want := s.release("2") + " shop 2 " + s.release("2") + "/public " + s.release("1") + " releases/1\nreleases/2\n"
		if err != nil || string(text) != want {
			t.Errorf("the commands said %q, %v; want %q", text, err, want)
		}
	}
}

func TestACommandThatFailsStopsTheFlipAndItsOutputIsShown(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["echo the cause >&2; exit 3"]`)
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitNo {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, `before_flip: "echo the cause >&2; exit 3" in `+s.release("2")+": exit status 3", "the cause")
	s.wantLive(s.release("1"))
	s.wantAsked()
}

func TestACommandThatFailsAfterTheFlipIsReported(t *testing.T) {
	s := newFakeSite(t, `after_flip = ["echo the cause; false", "touch DIR/done"]`)
	s.startDaemon()
	code, _, stderr := s.run("flip", "shop", s.release("2"))
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	wantIn(t, stderr, "the flip stands, but after_flip: ", "the cause")
	s.wantLive(s.release("2"))
	if _, err := os.Stat(s.dir + "/done"); err != nil {
		t.Error("the next command did not run")
	}
}

// It has been through them, and a rollback is for when there is need.
func TestARollbackRunsOnlyWhatFollowsTheFlip(t *testing.T) {
	s := newFakeSite(t, `before_flip = ["false"]`, `after_flip = ["touch DIR/done"]`)
	s.addHistory("2", "flip")
	s.addHistory("1", "flip")
	s.startDaemon()
	if code, _, stderr := s.run("rollback", "shop"); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.wantLive(s.release("2"))
	if _, err := os.Stat(s.dir + "/done"); err != nil {
		t.Error("after_flip did not run")
	}
}

// What a command wrote is the deploy's: the next one does not take it for an upload.
func TestWhatACommandWritesIntoASlotIsTheDeploys(t *testing.T) {
	s := newFakeSite(t, `slots = ["DIR/A", "DIR/B"]`, `before_flip = ["date +%N > public/built", "test ! -f DIR/broken"]`)
	s.flipTo("")
	s.startDaemon()
	for _, text := range []string{"a", "b", "c", "d"} {
		if code, _, stderr := s.run("deploy", "shop", s.source(text)); code != exitDone {
			t.Fatalf("deploy %s: exit code %d: %s", text, code, stderr)
		}
		s.wantServed(text)
	}
	// Also where one of them stopped the flip.
	if err := os.WriteFile(s.dir+"/broken", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := s.run("deploy", "shop", s.source("e")); code != exitNo {
		t.Errorf("exit code %d", code)
	}
	os.Remove(s.dir + "/broken")
	if code, _, stderr := s.run("deploy", "shop", s.source("f")); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	rec, err := deploy.NewRecords(s.dir + "/state").Of(s.dir + "/A")
	if err != nil || rec == nil || !rec.Preparing.IsZero() || rec.Lived.IsZero() || rec.By == "" {
		t.Errorf("the record is %+v, %v", rec, err)
	}
}
