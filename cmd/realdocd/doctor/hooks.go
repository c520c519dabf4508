package doctor

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"realdocd/deploy"
)

var (
	resetsOpcache = regexp.MustCompile(`opcache_reset|opcache:reset|cachetool\s[^|;&]*reset`)
	restartsFPM   = regexp.MustCompile(`(?:systemctl|service|invoke-rc\.d|rc-service)\s[^|;&]*fpm|/etc/init\.d/php[^|;&\s]*fpm|kill(?:all)?\s[^|;&]*(?:USR2|SIGUSR2|HUP)[^|;&]*fpm|fpm[^|;&\s]*\s+(?:reload|restart)`)
	plainWord     = regexp.MustCompile(`^[A-Za-z0-9_./+-]+$`)
)

// shellWords are what a shell runs by itself, or what can stand before a command.
var shellWords = []string{
	".", ":", "[", "cd", "command", "echo", "eval", "exec", "export", "for", "if", "printf", "set", "test", "true", "false", "ulimit",
	"umask", "unset", "while", "until", "case", "trap",
}

// maxHookFile is how much of a script that a hook runs is read, in bytes.
const maxHookFile = 64 << 10

// checkHooks looks at what runs around a flip.
func (x *examination) checkHooks() {
	for _, p := range x.roots {
		for key, commands := range map[string][]string{"before_flip": p.site.BeforeFlip, "after_flip": p.site.AfterFlip} {
			for _, command := range commands {
				x.checkHook(p, key, command)
			}
		}
	}
}

func (x *examination) checkHook(p *root, key, command string) {
	word, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	text := command
	for _, part := range strings.Fields(command) { // it may be php bin/reset.php
		if script := inDir(p.Release, part); isFile(script) {
			said, _ := deploy.ReadRegular(script, maxHookFile)
			text += "\n" + string(said)
		}
	}
	switch {
	case resetsOpcache.MatchString(text):
		x.add(kindHookResetsOpcache, p.subject(), fmt.Sprintf("%s runs %q, which empties opcache: requests then compile everything at once, and nothing needs it, since a release has other paths than the one before.", key, command),
			"Take it out: realdocd compiles what a release has before it goes live, and forgets what is gone.")
	case restartsFPM.MatchString(text):
		x.add(kindHookRestartsFPM, p.subject(), fmt.Sprintf("%s runs %q: a reload or restart of PHP-FPM cuts off the requests that run (process_control_timeout), and nothing needs it.", key, command),
			"Take it out: requests see the next release without that.")
	case plainWord.MatchString(word) && !slices.Contains(shellWords, word) && !hasCommand(p.Release, word):
		x.add(kindHookMissing, p.subject(), fmt.Sprintf("%s runs %q, and the live release has no such command: if the next has none either, it does not go live.", key, command),
			"Correct the command; it runs in the release's directory.")
	}
}

// hasCommand says whether a command could be run in a release.
func hasCommand(release, word string) bool {
	if strings.Contains(word, "/") {
		return isFile(inDir(release, word))
	}
	_, err := exec.LookPath(word)
	return err == nil
}

// inDir is a path as it is meant in a directory.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
