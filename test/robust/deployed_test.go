package robust

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"realdocd/test/stack"
)

// A deployed is a site whose releases come by realdocd deploy. Each file of a deploy says its number.
type deployed struct {
	y           *yard
	name        string
	dir, source string
	builds      int
}

// deployedPage includes twenty files by their bare names, and says of which deploy each of them was, and itself.
const deployedPage = `<?php
const OWN = %d;
$parts = [];
for ($i = 0; $i < 20; $i++) {
    $n = (string) @include sprintf('part_%%02d.php', $i);
    $parts[$n] = ($parts[$n] ?? 0) + 1;
    usleep((int) ($_GET['pause'] ?? 0));
}
header('Content-Type: application/json');
echo json_encode(['own' => OWN, 'release' => $_SERVER['REALDOC_RELEASE'] ?? '', 'file' => __FILE__, 'parts' => (object) $parts]);
`

// deployedSite makes a site with these keys, in which DIR is its directory, and gives it to the configuration.
func (y *yard) deployedSite(name string, keys stack.Keys) *deployed {
	y.t.Helper()
	d := &deployed{y: y, name: name, dir: filepath.Join(y.Dir, name), source: filepath.Join(y.Dir, name+"-source")}
	for _, dir := range []string{d.dir, d.source + "/public", d.source + "/lib"} {
		y.must(os.MkdirAll(dir, 0o755))
	}
	for key, value := range keys {
		if text, is := value.(string); is {
			keys[key] = strings.ReplaceAll(text, "DIR", d.dir)
		}
	}
	keys["docroot"], keys["include_path"] = d.docroot(), ".:"+d.dir+"/current/lib"
	y.config.Sites[name] = keys
	return d
}

func (d *deployed) docroot() string { return d.dir + "/current/public" }

// deploy deploys the next build. after is when the command is killed; 0 for never. It is
// whether the deploy has become live, and what the command said.
func (d *deployed) deploy(after time.Duration) (live bool, said string) {
	y := d.y
	d.builds++
	y.must(os.WriteFile(d.source+"/public/index.php", fmt.Appendf(nil, deployedPage, d.builds), 0o644))
	for i := range 20 {
		y.must(os.WriteFile(fmt.Sprintf("%s/lib/part_%02d.php", d.source, i), fmt.Appendf(nil, "<?php return '%d';\n", d.builds), 0o644))
	}
	code, said := y.command(after, "deploy", d.name, d.source, "--timeout", "20s")
	return code == 0, said
}

// command runs a verb, which is killed after so long, with all that it has started; 0 is
// never. The code is -1 if it was killed.
func (y *yard) command(after time.Duration, args ...string) (code int, said string) {
	binary, err := stack.Binary()
	y.must(err)
	var out strings.Builder
	cmd := exec.Command(binary, append([]string{args[0], "--config", y.gw.Config}, args[1:]...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "TMPDIR="+y.Dir) // what a killed exec leaves goes with the scratch directory
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	y.must(cmd.Start())
	if after > 0 {
		kill := time.AfterFunc(after, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		defer kill.Stop()
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String()
}

// tornOf is why an answer of a deployed site is not of one deploy; "" if it is.
func tornOf(body []byte) string {
	var page struct {
		Own           int
		Release, File string
		Parts         map[string]int
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return fmt.Sprintf("not the page: %.100q", body)
	}
	switch {
	case page.Parts[fmt.Sprint(page.Own)] != 20:
		return fmt.Sprintf("the page is of deploy %d, and the files that it includes of %v", page.Own, page.Parts)
	case filepath.Base(filepath.Dir(filepath.Dir(page.File))) != page.Release:
		return fmt.Sprintf("%s ran as release %s", page.File, page.Release)
	}
	return ""
}

// deploys deploys to the sites in turn while more says so, now and then killed in the middle.
func (c *chaos) deploys(more func() bool, r *rand.Rand) {
	for i := 0; more(); i++ {
		d, after := c.deployed[i%len(c.deployed)], time.Duration(0)
		if r.IntN(5) == 0 {
			after = time.Duration(1+r.IntN(3000)) * time.Millisecond
		}
		live, said := d.deploy(after)
		switch {
		case live:
			c.count("deploy to " + d.name)
		case after > 0:
			c.count("deploy killed")
		default:
			c.count("deploy refused")
			c.refusals = append(c.refusals, said)
		}
	}
}
