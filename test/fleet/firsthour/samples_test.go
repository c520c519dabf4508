package firsthour

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// sample is one of the manual, as it is typed.
func sample(t *testing.T, tool string) string {
	t.Helper()
	page, err := os.ReadFile(stack.InModule(t, "etc/man/realdocd-fleet.7"))
	if err != nil {
		t.Fatal(err)
	}
	return (&yard{t: t, page: string(page)}).text("sample for " + tool)
}

func files(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheSampleForCapistranoFlipsTheFleetAndNoLinkOfAHost(t *testing.T) {
	stack.Need(t, "cap")
	dir := t.TempDir()
	files(t, dir, map[string]string{
		"Capfile":                     "require 'capistrano/setup'\nrequire 'capistrano/deploy'\n",
		"config/deploy.rb":            "set :application, 'shop'\nset :format, :pretty\n" + sample(t, "Capistrano"),
		"config/deploy/production.rb": "server 'nowhere.invalid', roles: %w{app}\n", // which nobody is to ask
		"bin/realdocd":                "#!/bin/sh\necho \"$@\" >>said\n",
	})
	cmd := exec.Command(stack.PathOf(t, "cap"), "production", "deploy:symlink:release")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cap: %v\n%s", err, out)
	}
	said, err := os.ReadFile(dir + "/said")
	words := strings.Fields(string(said))
	if err != nil || len(words) != 6 || strings.Join(words[:3], " ") != "fleet flip shop" || len(words[3]) != len("20260102030405") || words[5] != "operator.toml" {
		t.Errorf("it has run realdocd %q (%v)", said, err)
	}
}

func TestTheSampleForRcloneFillsTheTargetWithTheArchiveOrFails(t *testing.T) {
	stack.Need(t, "rclone")
	dir := t.TempDir()
	files(t, dir, map[string]string{
		"rclone.conf":            "[s3]\ntype = alias\nremote = " + dir + "/store\n",
		"build/public/index.php": "<?php\n",
		"target/left-by-another": "",
	})
	for _, script := range []string{
		"mkdir -p store/builds/shop build/empty; chmod 2750 build/empty; ln -s public build/link; tar -C build -czf store/builds/shop/43.tar.gz .",
		"head -c 100 store/builds/shop/43.tar.gz >store/builds/shop/44.tar.gz",
	} {
		(&yard{t: t}).run(dir, script)
	}
	_, command, _ := strings.Cut(strings.TrimSpace(sample(t, "rclone")), "'")
	fetch := func(release string) error {
		cmd := exec.Command("/bin/sh", "-c", strings.TrimSuffix(command, "'"))
		cmd.Dir = dir + "/target"
		cmd.Env = append(os.Environ(), "RCLONE_CONFIG="+dir+"/rclone.conf", "REALDOC_SITE=shop", "REALDOC_RELEASE="+release, "REALDOC_TARGET="+cmd.Dir)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	for _, release := range []string{"44", "45"} {
		if err := fetch(release); err == nil {
			t.Errorf("%s, which is cut off or not there, is fetched", release)
		}
	}
	if err := fetch("43"); err != nil {
		t.Fatal(err)
	}
	const list = "find . -printf '%P %y %m %l\\n' | sort | tail -n +2"
	(&yard{t: t}).run(dir, "diff <(cd build; "+list+") <(cd target; "+list+")")
}
