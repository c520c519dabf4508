package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reloading is a daemon whose file the test changes.
type reloading struct {
	*child
	t         *testing.T
	fpm       *fakeFPM
	file      string
	sock      string
	told      *net.UnixConn // what systemd is told
	docroot   string
	addToFile func(more string)
}

func startReloading(t *testing.T) *reloading {
	t.Helper()
	r := &reloading{t: t, fpm: startFakeFPM(t), sock: filepath.Join(t.TempDir(), "gw.sock"), docroot: newSite(t)}
	close(r.fpm.hold)
	r.file = siteConfig(t, fmt.Sprintf("listen = [%q]", r.sock), r.fpm.addr, r.docroot)
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	r.addToFile = func(more string) {
		t.Helper()
		if err := os.WriteFile(r.file, append(text, more...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	states := filepath.Join(t.TempDir(), "notify")
	if r.told, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: states, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.told.Close() })
	r.child = serveChild(t, "export INVOCATION_ID=1 NOTIFY_SOCKET="+states+";", nil, "--config", r.file)
	r.says("ready")
	expectState(t, r.told, fmt.Sprintf("READY=1\nSTATUS=serving 1 site on %s", r.sock))
	return r
}

// reloads sends SIGHUP and returns when systemd knows that it is over.
func (r *reloading) reloads() {
	r.t.Helper()
	r.signal(syscall.SIGHUP)
	buf := make([]byte, 4096)
	for _, want := range []string{"RELOADING=1\nMONOTONIC_USEC=", "READY=1\n"} {
		r.told.SetReadDeadline(time.Now().Add(patience))
		if n, err := r.told.Read(buf); !strings.HasPrefix(string(buf[:n]), want) {
			r.t.Errorf("systemd was told %q (%v), want %q", buf[:n], err, want)
		}
	}
}

func TestServe_SIGHUPReadsTheConfigurationAgain(t *testing.T) {
	r, second := startReloading(t), newSite(t)
	r.addToFile(fmt.Sprintf("[site.second]\ndocroot = %q\n", second))
	r.reloads()
	if taken := r.says("configuration taken"); fmt.Sprint(taken["sites"]) != "[s0 second]" {
		t.Errorf("the log says %v", taken)
	}
	for _, docroot := range []string{r.docroot, second} {
		wantServed(t, r.sock, docroot)
	}
}

func TestServe_AConfigurationWithFaultsChangesNothingAndTheLogNamesEach(t *testing.T) {
	r := startReloading(t)
	r.addToFile("pol = 'www'\n[log]\nlevel = 'loud'\n")
	r.reloads()
	for _, want := range []string{`:10: unknown key "pol" in [site.s0]`, `:12: level in [log]: want "debug"`} {
		fault := r.says("configuration not taken: the one before stays")["fault"]
		if !strings.HasPrefix(fmt.Sprint(fault), r.file+want) {
			t.Errorf("the log has the fault %q, want %q", fault, r.file+want)
		}
	}
	wantServed(t, r.sock, r.docroot)
}

func TestServe_AReloadChangesTheLogLevel(t *testing.T) {
	r := startReloading(t)
	r.addToFile("[log]\nlevel = 'error'\n")
	r.reloads()
	wantServed(t, r.sock, r.docroot) // an event of level info, which must not come
	r.addToFile("[log]\nlevel = 'info'\nformat = 'console'\n")
	r.reloads()
	for e := range r.events {
		switch e["message"] {
		case "request":
			t.Errorf("the log has %v", e)
		case "the log keeps its format until realdocd is restarted":
			continue
		case "configuration taken":
			return
		}
	}
}

func TestServe_SIGHUPDoesNotChangeWhatCameFromFlags(t *testing.T) {
	fpm, docroot, sock := startFakeFPM(t), newSite(t), filepath.Join(t.TempDir(), "gw.sock")
	close(fpm.hold)
	c := serveChild(t, "", nil, "--listen", sock, "--fpm", fpm.addr, "--docroot", docroot)
	c.says("ready")
	c.signal(syscall.SIGHUP)
	c.says("SIGHUP changes nothing: the configuration came from flags; restart realdocd with others")
	wantServed(t, sock, docroot)
}
