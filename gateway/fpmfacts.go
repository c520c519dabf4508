package gateway

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// fpmFacts are what FPM says of itself once a script runs in it.
type fpmFacts struct {
	// Version is PHP_VERSION, such as "8.2.36" or "8.2.36-1~deb12u1".
	Version string
	// Workers is how many the pool has at the moment; 0 where that cannot be
	// told. FPM has not answered FCGI_MAX_CONNS since PHP 7.0 (php-src,
	// fpm_php_set_fcgi_mgmt_vars is compiled out), and no script is told
	// pm.max_children.
	Workers int
}

// probeScript answers with PHP's version and with the number of processes that
// have the title ("php-fpm: pool www") and the parent of the one that runs it.
// The last line's end shows that the answer is whole.
const probeScript = `<?php
header('Content-Type: text/plain');
` + releaseProbe + `
$title = fn ($pid) => @file_get_contents("/proc/$pid/cmdline");
$parent = fn ($pid) => explode(' ', strrchr((string) @file_get_contents("/proc/$pid/stat"), ')'))[2] ?? '';
[$ours, $master, $workers] = [$title('self'), $parent('self'), 0];
foreach (@scandir('/proc') ?: [] as $pid) {
    $workers += (int) ($ours && ctype_digit($pid) && $title($pid) === $ours && $parent($pid) === $master);
}
echo PHP_VERSION, ' ', $workers, "\n";
`

var probeAnswer = regexp.MustCompile(`^(\d+\.\d+\.\d+[0-9A-Za-z.+~-]*) (\d{1,6})\n$`)

// askFacts runs the script that writeProbe has written, by its absolute path,
// in FPM at addr, a unix socket's path or "host:port". It takes an ordinary
// worker of the pool. ctx bounds the wait and must come to an end.
func askFacts(ctx context.Context, addr, script string) (fpmFacts, error) {
	answer, err := runProbe(ctx, addr, script, nil)
	if err != nil {
		return fpmFacts{}, fmt.Errorf("ask FPM at %s for its version: %w", addr, err)
	}
	found := probeAnswer.FindSubmatch(answer.body.text.Bytes())
	if answer.status != http.StatusOK || found == nil {
		return fpmFacts{}, fmt.Errorf("ask FPM at %s for its version: instead of it, %s gave %v; "+
			"see the pool's open_basedir, chroot and security.limit_extensions, and that its user may read the file",
			addr, script, answer)
	}
	workers, _ := strconv.Atoi(string(found[2]))
	return fpmFacts{string(found[1]), workers}, nil
}

// runProbe has FPM run the script that writeProbe has written; params say what
// it is asked beside its facts.
func runProbe(ctx context.Context, addr, script string, params map[string]string) (*fpmAnswer, error) {
	all := map[string]string{
		"REQUEST_METHOD": http.MethodGet, "SCRIPT_NAME": "/" + filepath.Base(script), "SCRIPT_FILENAME": script,
		"DOCUMENT_ROOT": filepath.Dir(script), "REQUEST_URI": "/" + filepath.Base(script), "SERVER_PROTOCOL": "HTTP/1.1",
	}
	maps.Copy(all, params)
	return askFPM(ctx, addr, all)
}

// writeProbe writes probeScript into dir and returns the file's path. Another
// process sees the whole file or none; every user may read it.
func writeProbe(dir string) (path string, err error) {
	path = filepath.Join(dir, "fpm-probe.php")
	file, err := os.CreateTemp(dir, ".fpm-probe-*")
	if err != nil {
		return "", fmt.Errorf("write the script that asks FPM: %w", err)
	}
	_, err = file.WriteString(probeScript)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("write the script that asks FPM: %w", err)
	}
	return path, nil
}

// smugglingFixed has the first release of each branch of PHP in which FPM
// discards what a script has left unread of its request body. Before it, the
// rest is taken for the next request on a kept connection (CVE-2026-129289).
var smugglingFixed = map[[2]int]int{{8, 2}: 36, {8, 3}: 37, {8, 4}: 28, {8, 5}: 13}

var (
	phpVersion = regexp.MustCompile(`^(\d{1,4})\.(\d{1,4})\.(\d{1,4})($|[-+~.]|(?i:alpha|beta|rc|dev))`)
	preRelease = regexp.MustCompile(`^\d+\.\d+\.\d+[-~]?(?i:alpha|beta|rc|dev)`)
)

// hasSmugglingFix is nil where that is safe. What comes before the release
// with the fix, as 8.4.28RC1, is taken to be without it, and so is what a
// distribution may have fixed under an older version.
func hasSmugglingFix(version string) error {
	parts := phpVersion.FindStringSubmatch(version)
	if parts == nil {
		return fmt.Errorf("cannot read %q as a version of PHP", version)
	}
	major, _ := strconv.Atoi(parts[1])
	minor, _ := strconv.Atoi(parts[2])
	patch, _ := strconv.Atoi(parts[3])
	if preRelease.MatchString(version) {
		patch--
	}
	first, known := smugglingFixed[[2]int{major, minor}]
	switch {
	case major > 8 || major == 8 && minor > 5, known && patch >= first:
		return nil
	case known:
		return fmt.Errorf("PHP %s takes an unread request body for the next request (CVE-2026-129289): "+
			"it is fixed in %d.%d.%d", version, major, minor, first)
	}
	return fmt.Errorf("PHP %s takes an unread request body for the next request (CVE-2026-129289): "+
		"its branch has no fix, 8.2.36 has", version)
}
