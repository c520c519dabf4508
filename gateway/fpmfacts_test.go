package gateway

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realdocd/test/stack"
)

func TestFPMTellsItsVersion(t *testing.T) {
	for name, config := range map[string]stack.FPMConfig{
		"unix": {MaxChildren: 1}, "TCP": {MaxChildren: 1, TCP: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "php-fpm")
			fpm := s.FPM(config)
			script, err := writeProbe(s.Dir)
			if err != nil {
				t.Fatal(err)
			}
			want, err := stack.Version()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for range 3 { // the only worker is free again
				if facts, err := askFacts(ctx, string(fpm.Addr), script); err != nil || !strings.HasPrefix(facts.Version, want) {
					t.Fatalf("got %+v, %v; want %s", facts, err, want)
				}
			}
		})
	}
}

func TestAScriptThatFPMDoesNotRunIsAnErrorThatSaysWhatCame(t *testing.T) {
	s := stack.For(t, "php-fpm")
	fpm := s.FPM(stack.FPMConfig{Pool: []string{"php_admin_value[open_basedir] = /nowhere"}})
	plain := s.FPM(stack.FPMConfig{})
	other := filepath.Join(s.Dir, "other.php")
	html := filepath.Join(s.Dir, "probe.html")
	fails := filepath.Join(s.Dir, "fails.php")
	for path, text := range map[string]string{
		other: "<?php echo 'a page';", html: probeScript, fails: `<?php http_response_code(500); echo "8.2.36\n";`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script, err := writeProbe(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, row := range []struct {
		name, script, want string
		fpm                *stack.FPM
	}{
		{"open_basedir", script, `gave 404 Not Found`, fpm},
		{"no file", s.Dir + "/none.php", `gave 404 Not Found, "File not found.", "Primary script unknown"`, plain},
		{"limit_extensions", html, `gave 403 Forbidden, "Access denied."`, plain},
		{"another script", other, `gave 200 OK, "a page"`, plain},
		{"an error", fails, `gave 500 Internal Server Error, "8.2.36"`, plain},
	} {
		facts, err := askFacts(ctx, string(row.fpm.Addr), row.script)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "open_basedir, chroot") {
			t.Errorf("%s: got %+v, %v", row.name, facts, err)
		}
	}
}

func TestAVersionThatIsCutShortIsNoVersion(t *testing.T) {
	for _, body := range []string{"8.2.3", "8.2.36", "8.2.36\n\n", " 8.2.36\n", "8.2\n", "8.2.36 \n", "<br>8.2.36\n", ""} {
		s := listenAndSay(t, stdout("Content-Type: text/plain\r\n\r\n"+body), true)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if facts, err := askFacts(ctx, s.addr, "/probe.php"); err == nil {
			t.Errorf("%q became %+v", body, facts)
		}
		cancel()
		s.wantNothingLeft(t)
	}
}

func TestTheSmugglingFixIsKnownByVersion(t *testing.T) {
	for _, row := range []struct {
		version string
		want    string // in the error; "" is fixed
	}{
		{"8.2.35", "fixed in 8.2.36"},
		{"8.2.36", ""},
		{"8.2.36-1~deb12u1", ""},
		{"8.2.36+ubuntu22.04.1+deb.sury.org+1", ""},
		{"8.2.100", ""},
		{"8.3.36", "fixed in 8.3.37"},
		{"8.3.37", ""},
		{"8.4.27-1", "fixed in 8.4.28"},
		{"8.4.28RC1", "fixed in 8.4.28"},
		{"8.4.28-rc1", "fixed in 8.4.28"},
		{"8.4.28-dev", "fixed in 8.4.28"},
		{"8.4.28", ""},
		{"8.4.29RC1", ""},
		{"8.5.0beta2", "fixed in 8.5.13"},
		{"8.5.13", ""},
		{"8.6.0", ""},
		{"8.10.0", ""},
		{"9.0.0", ""},
		{"10.1.2", ""},
		{"8.1.99", "no fix"},
		{"8.0.30", "no fix"},
		{"7.4.33-1+deb11u5", "no fix"},
		{"5.6.40", "no fix"},
		{"", "cannot read"},
		{"8.2", "cannot read"},
		{"8.2.", "cannot read"},
		{"8.2.x", "cannot read"},
		{"8.2.36x", "cannot read"},
		{"v8.2.36", "cannot read"},
		{"8.2.36\n8.2.36", "cannot read"},
		{"-8.2.36", "cannot read"},
		{"8.2.99999999999999999999", "cannot read"},
	} {
		err := hasSmugglingFix(row.version)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%q: got %v, want %q", row.version, err, row.want)
		}
	}
}

func TestTheProbeIsReadableByFPMWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	for range 2 { // the second replaces the first
		path, err := writeProbe(dir)
		if err != nil || path != filepath.Join(dir, "fpm-probe.php") {
			t.Fatalf("got %q, %v", path, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("the mode is %v, %v", info.Mode(), err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != probeScript {
			t.Errorf("got %q, %v", text, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := writeProbe(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there is no error")
	}
}
