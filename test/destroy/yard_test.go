package destroy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }

// A yard is the site "shop" of one situation, with other sites beside it where the
// situation has some. What is precious has to be there at the end.
type yard struct {
	*stack.Stack
	t      *testing.T
	dir    string
	source string
	fpm    *stack.FPM
	config stack.GatewayConfig
	gw     *stack.Gateway

	precious map[string]string // text by path
	deploys  int
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// at is a path of the yard.
func (y *yard) at(path string) string { return filepath.Join(y.dir, path) }

func (y *yard) mkdir(path string) string {
	y.t.Helper()
	y.must(os.MkdirAll(y.at(path), 0o755))
	return y.at(path)
}

func (y *yard) write(path, text string) string {
	y.t.Helper()
	y.mkdir(filepath.Dir(path))
	y.must(os.WriteFile(y.at(path), []byte(text), 0o644))
	return y.at(path)
}

func (y *yard) symlink(text, path string) {
	y.t.Helper()
	y.mkdir(filepath.Dir(path))
	y.must(os.Symlink(text, y.at(path)))
}

// keep makes a file that must not be lost.
func (y *yard) keep(path string) string {
	y.t.Helper()
	text := fmt.Sprintf("precious %s\n", path)
	y.precious[y.write(path, text)] = text
	return y.at(path)
}

// mount mounts something until the end of the situation.
func (y *yard) mount(from, to, kind string, flags uintptr) {
	y.t.Helper()
	if err := unix.Mount(from, to, kind, flags, ""); err != nil {
		stack.Unproven(y.t, fmt.Sprintf("mount on %s: %v", to, err))
	}
	y.t.Cleanup(func() { unix.Unmount(to, unix.MNT_DETACH) })
}

// site changes the configuration of a site, and has the gateway take it.
func (y *yard) site(name string, keys stack.Keys) {
	y.t.Helper()
	of := y.config.Sites[name]
	if of == nil {
		of = stack.Keys{}
		y.config.Sites[name] = of
	}
	maps.Copy(of, keys)
	y.Reload(y.gw, y.config)
}

// build makes the source of the next deploy.
func (y *yard) build() {
	y.t.Helper()
	y.deploys++
	y.write("source/public/index.php", fmt.Sprintf("<?php echo 'deploy %d';", y.deploys))
	y.write("source/lib/code.php", fmt.Sprintf("<?php return %d;", y.deploys))
}

// deploy makes the next deploy, which has to succeed.
func (y *yard) deploy(args ...string) {
	y.t.Helper()
	y.build()
	y.Command(y.gw, 0, append([]string{"deploy", "shop", y.source}, args...)...)
}

// releases are the directories below releases, the oldest first.
func (y *yard) releases() []string {
	found, _ := filepath.Glob(y.at("releases/2*"))
	made := func(path string) (second string, n int) {
		second, number, _ := strings.Cut(filepath.Base(path), "-")
		n, _ = strconv.Atoi(number)
		return second, n
	}
	slices.SortFunc(found, func(a, b string) int {
		secondA, nA := made(a)
		secondB, nB := made(b)
		return cmp.Or(strings.Compare(secondA, secondB), cmp.Compare(nA, nB))
	})
	return found
}

// live is where the link leads to.
func (y *yard) live() string {
	y.t.Helper()
	real, err := filepath.EvalSymlinks(y.at("current"))
	y.must(err)
	return real
}

// wantKept fails for what is lost. It may have moved with its directory.
func (y *yard) wantKept() {
	y.t.Helper()
	for path, text := range y.precious {
		if got, err := os.ReadFile(path); err == nil && string(got) == text {
			continue
		}
		found := ""
		filepath.WalkDir(y.dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && filepath.Base(p) == filepath.Base(path) {
				if got, err := os.ReadFile(p); err == nil && string(got) == text {
					found = p
				}
			}
			return nil
		})
		if found == "" {
			y.t.Errorf("LOST: %s", path)
		}
	}
}

// wantServed wants the site to serve a whole deploy.
func (y *yard) wantServed() {
	y.t.Helper()
	reply := y.Ask(y.gw.Addr, nil, stack.ParamsFor(y.at("current/public"), "GET", "/index.php")...)
	if body := string(reply.Body); !strings.HasPrefix(body, "deploy ") {
		y.t.Errorf("the site serves %q", body)
	}
}

// inside has a request run in the live release until the function it gives is called.
func (y *yard) inside() (leave func()) {
	y.t.Helper()
	y.must(os.WriteFile(y.live()+"/public/wait.php", fmt.Appendf(nil, "<?php touch('%[1]s/in'); while (!file_exists('%[1]s/out')) { usleep(10000); clearstatcache(); }", y.dir), 0o644))
	done := make(chan struct{})
	go func() {
		defer close(done)
		stack.Ask(y.gw.Addr, nil, stack.ParamsFor(y.at("current/public"), "GET", "/wait.php")...)
	}()
	y.must(stack.Poll(func() error { _, err := os.Stat(y.at("in")); return err }))
	y.must(os.Remove(y.live() + "/public/wait.php"))
	return func() {
		y.write("out", "")
		<-done
	}
}

// process starts a program in a directory until the end of the situation.
func (y *yard) process(dir string, args ...string) {
	y.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	y.must(cmd.Start())
	y.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// recordName is the name of a directory's record, as deploy gives it.
func recordName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Base(dir) + "-" + hex.EncodeToString(sum[:8]) + ".json"
}
