package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"realdocd/deploy"
	"realdocd/deploy/code"
)

// jobFiles are where cron and systemd are told what to run.
var jobFiles = []string{"/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/etc/systemd/system/*.service"}

var (
	runsPHP   = regexp.MustCompile(`php|artisan|/bin/|\bwp\b|drush|WorkingDirectory`)
	runsOnOne = regexp.MustCompile(`realdocd\s+exec`)
)

const maxJobFile = 256 << 10

// checkJobs finds jobs that run the site's code by its link: a flip tears them as it would
// a request, and no drain waits for them.
func (x *examination) checkJobs() {
	for _, pattern := range jobFiles {
		files, _ := filepath.Glob(x.at.Root + pattern) // the patterns are good
		for _, file := range files {
			if fi, err := os.Stat(file); err != nil || !fi.Mode().IsRegular() {
				continue
			}
			if text, err := deploy.ReadRegular(file, maxJobFile); err == nil {
				x.checkJobFile(file, text)
			}
		}
	}
}

func (x *examination) checkJobFile(file string, text []byte) {
	for _, p := range x.roots {
		if !p.HasLink() {
			continue
		}
		for _, ref := range code.References(text, code.INI, p.namesOf()) {
			if !runsPHP.MatchString(ref.Text) || runsOnOne.MatchString(ref.Text) {
				continue
			}
			s := p.subject()
			s.File, s.Line = file, ref.Line
			x.add(kindJobNamesLink, s, fmt.Sprintf("The job runs by the link: it may get files of two releases, and a drain does not wait for it: %s", ref.Text),
				fmt.Sprintf("Run it on one release: realdocd exec %s -- COMMAND.", p.site.Name))
			return // one finding a file
		}
	}
}
