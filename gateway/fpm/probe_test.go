package fpm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"realdocd/gateway/sock"
	"realdocd/test/stack"
)

func TestFPMTellsItsVersion(t *testing.T) {
	for name, config := range map[string]stack.FPMConfig{
		"unix": {MaxChildren: 1}, "TCP": {MaxChildren: 1, TCP: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.For(t, "php-fpm")
			fpm := s.FPM(config)
			script, err := WriteProbe(s.Dir)
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
				if facts, err := Ask(ctx, sock.Addr(fpm.Addr), script, Question{Workers: true}); err != nil || !strings.HasPrefix(facts.Version, want) || facts.Workers != 1 {
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
		other: "<?php echo 'a page';", html: string(probeScript), fails: `<?php http_response_code(500); echo "8.2.36\n";`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script, err := WriteProbe(s.Dir)
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
		facts, err := Ask(ctx, sock.Addr(row.fpm.Addr), row.script, Question{})
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "open_basedir, chroot") {
			t.Errorf("%s: got %+v, %v", row.name, facts, err)
		}
	}
}

func TestAnAnswerThatIsCutShortIsAnError(t *testing.T) {
	for _, body := range []string{`{"version":"8.2.3`, `{"version":"8.2.36"`, `{}`, `<br>{"version":"8.2.36"}`, "8.2.36\n", ""} {
		s := listenAndSay(t, stdout("Content-Type: text/plain\r\n\r\n"+body), true)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if facts, err := Ask(ctx, s.addr, "/probe.php", Question{}); err == nil {
			t.Errorf("%q became %+v", body, facts)
		}
		cancel()
		s.wantNothingLeft(t)
	}
}

func TestTheProbeIsReadableByFPMWhateverTheUmask(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	for range 2 { // the second replaces the first
		path, err := WriteProbe(dir)
		if err != nil || path != filepath.Join(dir, "fpm-probe.php") {
			t.Fatalf("got %q, %v", path, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("the mode is %v, %v", info.Mode(), err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != string(probeScript) {
			t.Errorf("got %q, %v", text, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := WriteProbe(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there is no error")
	}
}
