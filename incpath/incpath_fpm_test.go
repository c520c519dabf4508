package incpath

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"
)

// What this package says of PHP is asked of a real PHP-FPM here.
func TestPHPReadsWhatThisPackageSays(t *testing.T) {
	php := startFPM(t)

	t.Run("Quote gives back every byte or refuses it", func(t *testing.T) {
		for b := 1; b <= 0xff; b++ {
			for _, path := range []string{
				"/in\x00middle", "/end\x00", "\x00/begin", "/a\x00\x00", "/a\x00{HOME}", "/a\x00\"b", "/a\\\x00b", "/\"\x00",
			} {
				path = strings.ReplaceAll(path, "\x00", string([]byte{byte(b)}))
				quoted, err := Quote(path)
				if b == '\r' || b == '\n' {
					if !errors.Is(err, ErrUnquotable) {
						t.Errorf("Quote(%q) was not refused", path)
					}
					continue
				}
				if err != nil {
					t.Errorf("Quote(%q): %v", path, err)
				} else if got := php.includePath(t, "include_path="+quoted); got != path {
					t.Errorf("PHP reads %s as %q, not %q", quoted, got, path)
				}
			}
		}
	})

	t.Run("an empty include_path is ignored", func(t *testing.T) {
		if got := php.includePath(t, "include_path=/before\ninclude_path=\"\""); got != "/before" {
			t.Errorf("PHP has %q", got)
		}
	})

	t.Run("a line's end behind an escaped quote ends the value", func(t *testing.T) {
		got := php.includePath(t, "include_path=\"/a\\\"\ninclude_path=/injected\n\"")
		if got != "/injected" {
			t.Errorf("PHP has %q; then CR and LF need not be refused", got)
		}
	})

	t.Run("Read agrees with PHP", func(t *testing.T) {
		for _, text := range readTable {
			php.compare(t, text.value)
		}
	})

	t.Run("Read agrees with PHP on random text", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		n := 3000
		if s := os.Getenv("INCPATH_RANDOM"); s != "" {
			fmt.Sscan(s, &n)
			random = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
		}
		for range n {
			if php.compare(t, randomINI(random)); t.Failed() {
				break
			}
		}
	})

	t.Run("PHP has what Rewrite made", func(t *testing.T) {
		random := rand.New(rand.NewPCG(5, 6))
		changed := func(s string) string { return s + `:/"$new\` }
		for range 1000 {
			value := "include_path=/before\n" + randomINI(random)
			was, _, err := Read(value)
			if err != nil {
				continue
			}
			out, _, err := Rewrite(value, changed)
			if err != nil {
				continue
			}
			if got := php.includePath(t, out); got != changed(was) {
				t.Fatalf("%q became %q: PHP has %q", value, out, got)
			}
		}
	})

	t.Run("PHP takes an appended directive", func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for range 1000 {
			value := randomINI(random)
			out, err := AppendDirective(value, `/app "$ended\`)
			if err != nil {
				continue
			}
			if got := php.includePath(t, out); got != `/app "$ended\` {
				t.Fatalf("PHP has %q after %q", got, out)
			}
		}
	})
}

// compare asks PHP and this package what include_path a text sets.
func (php *fpm) compare(t *testing.T, text string) {
	t.Helper()
	value := "include_path=/before\n" + text
	want := php.includePath(t, value)
	got, _, err := Read(value)
	if !errors.Is(err, ErrUnknown) && got != want {
		t.Errorf("from %q\nPHP has  %q\nRead has %q", text, want, got)
	}
}

// randomINI strings together what INI is made of.
func randomINI(random *rand.Rand) string {
	pieces := strings.Split("include_path=|include_path|include_path = |=|=|\n|\n|\r|\r\n| |\t|;|\"|\"|'|'|\\|\\|$|${|${HOME}|}|{|"+
		"/a|/b c|x|on|off |none|null|1|-2.5|PHP_OS|[|]|[sec]\n|(|)|&|^|~|!|,|:|foo|foo=|k[0]=|é|\xff|\x01|\"/q\"|'/s'", "|")
	pieces = append(pieces, "|")
	var b strings.Builder
	if random.IntN(2) == 0 {
		b.WriteString("include_path=")
	}
	for range 1 + random.IntN(12) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}

// fpm is a PHP-FPM with one worker.
type fpm struct{ dir, socket string }

func startFPM(t *testing.T) *fpm {
	t.Helper()
	path, err := exec.LookPath("php-fpm8.2")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/php-fpm8.2")
	}
	if err != nil {
		const missing = "NOT TESTED against PHP: there is no php-fpm8.2 here; install the package php8.2-fpm"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	dir, err := os.MkdirTemp("/tmp", "rd") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	php := &fpm{dir, filepath.Join(dir, "fpm.sock")}
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	write("show.php", `<?php echo "\n<", bin2hex(ini_get('include_path')), ">";`)
	config := fmt.Sprintf("[global]\nerror_log=%s/log\ndaemonize=no\n[www]\nlisten=%s\npm=static\npm.max_children=1\n", dir, php.socket)
	args := []string{"-n", "-y", "", "-F"}
	if os.Geteuid() == 0 {
		config += "user=root\ngroup=root\n"
		args = append(args, "-R")
	}
	args[2] = write("fpm.conf", config)
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=/home/env"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	if err := stack.Poll(func() error {
		conn, err := net.Dial("unix", php.socket)
		if err == nil {
			err = conn.Close()
		}
		return err
	}); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("php-fpm does not listen: %v\n%s", err, log)
	}
	return php
}

// includePath asks FPM's worker which include_path it has under a PHP_VALUE.
func (php *fpm) includePath(t *testing.T, phpValue string) string {
	t.Helper()
	conn, err := net.Dial("unix", php.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	var params []byte
	for _, pair := range [][2]string{
		{"SCRIPT_FILENAME", php.dir + "/show.php"}, {"REQUEST_METHOD", "GET"}, {"PHP_VALUE", phpValue},
	} {
		for _, s := range pair {
			params = binary.BigEndian.AppendUint32(params, uint32(len(s))|1<<31)
		}
		params = append(params, pair[0]+pair[1]...)
	}
	const begin, stdout, endRequest, paramsType, stdin = 1, 6, 3, 4, 5
	request := record(begin, []byte{0, 1, 0, 0, 0, 0, 0, 0})
	request = append(request, record(paramsType, params)...)
	request = append(request, record(paramsType, nil)...)
	request = append(request, record(stdin, nil)...)
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for header := make([]byte, 8); ; {
		if _, err := io.ReadFull(conn, header); err != nil {
			t.Fatalf("PHP_VALUE %q: %v", phpValue, err)
		}
		content := make([]byte, int(binary.BigEndian.Uint16(header[4:]))+int(header[6]))
		if _, err := io.ReadFull(conn, content); err != nil {
			t.Fatal(err)
		}
		if header[1] == stdout {
			out.Write(content[:len(content)-int(header[6])])
		}
		if header[1] == endRequest {
			break
		}
	}
	text := out.String()
	at := strings.LastIndex(text, "\n<")
	if at < 0 {
		t.Fatalf("PHP_VALUE %q: PHP answers %q", phpValue, text)
	}
	path, err := hex.DecodeString(strings.TrimSuffix(text[at+2:], ">"))
	if err != nil {
		t.Fatal(err)
	}
	return string(path)
}

func record(kind byte, content []byte) []byte {
	header := []byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0}
	return append(header, content...)
}
