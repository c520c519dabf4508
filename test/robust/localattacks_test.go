package robust

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// A localAttack comes from PHP code, or from who owns a site, on the same machine.
type localAttack struct {
	what string
	// change is for the configuration; may be nil.
	change func(y *yard)
	// run attacks, and says whether it has worked.
	run func(y *yard) (worked bool, said string)
	// why says what realdocd does.
	why string
}

// attacker is who attacks: www-data on Debian, which PHP runs as.
const attacker = 33

// localAttacks are the rest of the table in the manual.
var localAttacks = []localAttack{
	{
		what: "PHP code answers on the control socket, and names a release of its own", why: "root's commands believe only realdocd's user and root",
		change: func(y *yard) {
			dir := filepath.Join(y.Dir, "his")
			y.must(os.Mkdir(dir, 0o755))
			y.config.Top["control"] = dir + "/control"
		},
		run: func(y *yard) (bool, string) {
			y.must(y.gw.Stop())
			socket := filepath.Join(y.Dir, "his/control")
			os.Remove(socket)
			y.must(os.Chown(filepath.Dir(socket), attacker, attacker))
			ln, err := stack.ListenAs(socket, attacker, attacker)
			y.must(err)
			defer ln.Close()
			go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"site":"shop","docroot":%q,"release":%q,"path":%[2]q}`, y.site.DocRoot(), filepath.Dir(y.outside()))
			}))
			mark := filepath.Join(y.Dir, "ran")
			said := ""
			for _, args := range [][]string{{"exec", "shop", "--", "touch", mark}, {"rollback", "shop"}, {"drain", "shop", "1"}, {"status"}} {
				code, text, err := y.gw.Command(args...)
				y.must(err)
				said += text
				if code == 0 {
					return true, said
				}
			}
			_, err = os.Stat(mark)
			return err == nil, said
		},
	},
	{
		what: "PHP code writes to what realdocd or root reads", why: "its directories are for its own user to write",
		run: func(y *yard) (bool, string) {
			mayWrite := func(path string) bool {
				id := fmt.Sprint(attacker)
				return exec.Command("setpriv", "--reuid="+id, "--regid="+id, "--clear-groups", "test", "-w", path).Run() == nil
			}
			all := filepath.Join(y.Dir, "for all")
			y.must(errors.Join(os.WriteFile(all, nil, 0o666), os.Chmod(all, 0o666)))
			if !mayWrite(all) {
				y.t.Fatal("it cannot be told what he may write to")
			}
			out := ""
			y.must(filepath.WalkDir(filepath.Dir(y.gw.Config), func(path string, _ fs.DirEntry, err error) error {
				ofTheTest := filepath.Base(path) == "notify"                   // where a service manager listens
				if path != string(y.gw.Addr) && !ofTheTest && mayWrite(path) { // web servers connect to the one
					out += path + " "
				}
				return err
			}))
			return out != "", "he may write to: " + out
		},
	},
	{
		what: "the lock beside a link is a symlink to a file of root's, when root flips", why: "no symlink is followed there, and root acts as the owner of the directory",
		run: func(y *yard) (bool, string) {
			y.giveSite()
			secret := filepath.Join(y.Dir, "secret")
			y.must(os.WriteFile(secret, []byte("root's"), 0o600))
			y.must(os.Symlink(secret, filepath.Join(y.site.Dir, ".current.realdocd-lock")))
			_, said, err := y.gw.Command("flip", "shop", y.site.Release(2), "--no-warm")
			y.must(err)
			text, err := os.ReadFile(secret)
			y.must(err)
			fi, err := os.Stat(secret)
			y.must(err)
			return string(text) != "root's" || fi.Sys().(*syscall.Stat_t).Uid != 0 || fi.Mode().Perm() != 0o600, said
		},
	},
	{
		what: "the history is a pipe that nobody feeds, when root rolls back", why: "only regular files are opened, and nobody is waited for",
		run: func(y *yard) (bool, string) {
			y.Command(y.gw, 0, "flip", "shop", y.site.Release(2), "--no-warm")
			y.must(y.gw.Stop())
			files, err := filepath.Glob(filepath.Join(filepath.Dir(y.gw.Config), "state/history/shop/*.jsonl"))
			if err != nil || len(files) == 0 {
				y.t.Fatalf("there is no history: %v", err)
			}
			for _, file := range files {
				y.must(errors.Join(os.Remove(file), unix.Mkfifo(file, 0o666)))
			}
			began := time.Now()
			_, said, err := y.gw.Command("rollback", "shop")
			return err != nil || time.Since(began) > 15*time.Second, said
		},
	},
	{
		what: "a source has a program that would run as root", why: "a release has no setuid bits",
		change: func(y *yard) { y.deployed = y.deployedSite("fresh", stack.Keys{"releases": "DIR/releases"}) },
		run: func(y *yard) (bool, string) {
			program := y.deployed.source + "/public/program"
			y.must(os.WriteFile(program, []byte("#!/bin/sh"), 0o755))
			y.must(unix.Chmod(program, 0o6755))
			live, said := y.deployed.deploy(0)
			fi, err := os.Stat(y.deployed.docroot() + "/program")
			if !live || err != nil {
				y.t.Fatalf("the deploy: %s, %v", said, err)
			}
			return fi.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0, fi.Mode().String()
		},
	},
	{
		what: "a page of another site reads the metrics by a name of its own (DNS rebinding)", why: "refused: the name is not this machine's",
		change: func(y *yard) { y.config.Top["metrics"] = string(y.FreeAddr()) },
		run: func(y *yard) (bool, string) {
			ask := func(host string) (int, string) {
				request, err := http.NewRequest("GET", "http://"+y.config.Top["metrics"].(string)+"/metrics", nil)
				y.must(err)
				if host != "" {
					request.Host = host
				}
				response, err := http.DefaultClient.Do(request)
				y.must(err)
				defer response.Body.Close()
				return response.StatusCode, response.Status
			}
			if code, said := ask(""); code != 200 {
				y.t.Fatalf("the machine itself gets %s", said)
			}
			code, said := ask("evil.example:9999")
			return code == 200, said
		},
	},
}

// giveSite gives the site to another user.
func (y *yard) giveSite() {
	y.t.Helper()
	y.must(filepath.WalkDir(y.site.Dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 4711, 4711))
	}))
}
