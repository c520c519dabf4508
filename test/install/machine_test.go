package install

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"realdocd/test/stack"

	"golang.org/x/sys/unix"
)

// A machine is a Debian system of its own, as far as programs can tell, made of this one.
type machine struct {
	t     *testing.T
	pid   int    // of its first process
	goIn  string // where its go is
	cache string // go's modules
}

// newMachine starts a machine without realdocd, which ends with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	stack.Need(t, "nsenter")
	stack.Need(t, "systemctl")
	stack.NeedRoot(t, "a machine of its own")
	dir, err := os.MkdirTemp("/tmp", "rdmachine")
	if err != nil {
		t.Fatal(err)
	}
	shared := strings.Fields(command(t, "", "go", "env", "GOROOT", "GOCACHE", "GOMODCACHE"))
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{initName, dir}, shared...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a machine: %v", err)
	}
	m := &machine{t: t, pid: cmd.Process.Pid, goIn: filepath.Join(shared[0], "bin"), cache: shared[2]}
	t.Cleanup(func() {
		if t.Failed() {
			m.showLogs()
		}
		stdin.Close() // its first process ends, and with it all others
		cmd.Wait()
		os.Remove(dir)
	})
	if said, _ := bufio.NewReader(stdout).ReadString('\n'); said != "ready\n" {
		t.Fatalf("start a machine: %s", said)
	}
	m.run("/", `
		! command -v dpkg >/dev/null || dpkg -P realdocd >/dev/null 2>&1
		rm -rf /etc/realdocd /var/lib/realdocd /etc/systemd/system/realdocd.* /etc/systemd/system/*.wants/realdocd.*`)
	return m
}

// command is a command line to be run in the machine, as root.
func (m *machine) command(args ...string) *exec.Cmd {
	pid := fmt.Sprint(m.pid)
	cmd := exec.Command("nsenter", append([]string{"--target", pid, "--mount", "--pid", "--net", "--root", "--wd", "--"}, args...)...)
	// What go needs is in its cache, and there is no network.
	cmd.Env = environment("GOPROXY=file://"+m.cache+"/cache/download", "GOSUMDB=off")
	i := slices.IndexFunc(cmd.Env, func(s string) bool { return strings.HasPrefix(s, "PATH=") })
	cmd.Env[i] += ":" + m.goIn
	return cmd
}

// run runs a script in dir, and fails the test with its output when it fails.
func (m *machine) run(dir, script string) string {
	m.t.Helper()
	out, err := m.try(dir, script)
	if err != nil {
		m.t.Fatalf("%s\nin the machine: %v\n%s", script, err, out)
	}
	return out
}

func (m *machine) try(dir, script string) (string, error) {
	out, err := m.command("sh", "-euc", "cd '"+dir+"'\n"+script).CombinedOutput()
	return string(out), err
}

// path is where a file of the machine is seen from outside. Links with an absolute target lead outside.
func (m *machine) path(file string) string { return fmt.Sprintf("/proc/%d/root%s", m.pid, file) }

func (m *machine) write(file, text string) {
	m.t.Helper()
	err := os.MkdirAll(filepath.Dir(m.path(file)), 0o755)
	if err == nil {
		err = os.WriteFile(m.path(file), []byte(text), 0o644)
	}
	if err != nil {
		m.t.Fatalf("write %s in the machine: %v", file, err)
	}
}

func (m *machine) read(file string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.path(file))
	if err != nil {
		m.t.Fatalf("read %s in the machine: %v", file, err)
	}
	return string(text)
}

// copyIn copies a file from outside into a directory of the machine.
func (m *machine) copyIn(file, dir string) {
	m.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(filepath.Join(dir, filepath.Base(file)), string(text))
}

// get fetches a page from a web server of the machine.
func (m *machine) get(host, path string) (status int, body string) {
	m.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: m.dial, DisableKeepAlives: true}, Timeout: 30 * time.Second}
	request, err := http.NewRequest("GET", "http://127.0.0.1"+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		m.t.Fatalf("get %s%s in the machine: %v", host, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatalf("get %s%s in the machine: %v", host, path, err)
	}
	return response.StatusCode, string(text)
}

// dial connects within the machine's network: the thread enters it for the time that this takes.
func (m *machine) dial(_ context.Context, network, addr string) (net.Conn, error) {
	runtime.LockOSThread()
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", m.pid))
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the machine's network: %w", err)
	}
	conn, err := net.Dial(network, addr)
	if back := unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET); back != nil {
		return nil, fmt.Errorf("leave the machine's network: %w", back) // and the thread ends, locked as it is
	}
	runtime.UnlockOSThread()
	return conn, err
}

func (m *machine) showLogs() {
	logs, _ := filepath.Glob(m.path(logDir + "*.log"))
	for _, file := range append(logs, m.path("/var/log/nginx/error.log")) {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			m.t.Logf("--- %s of the machine ends with\n%s", filepath.Base(file), text[max(0, len(text)-4000):])
		}
	}
}
