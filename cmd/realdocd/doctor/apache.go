package doctor

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"realdocd/deploy"
	"realdocd/gateway"
)

// apacheFiles are the files of Apache's configuration as distributions have them.
var apacheFiles = []string{
	"/etc/apache2/apache2.conf", "/etc/apache2/mods-enabled/*.conf", "/etc/apache2/conf-enabled/*.conf", "/etc/apache2/sites-enabled/*",
	"/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/*.conf",
}

var documentRoot = regexp.MustCompile(`(?im)^[ \t]*DocumentRoot[ \t]+"?([^"\s]+)`)

// checkApache finds an Apache that has the docroot of a site, asks PHP-FPM, and does not
// know realdocd.
func (x *examination) checkApache() {
	if x.status == nil {
		return // it does right until realdocd runs
	}
	var roots []string // of sites
	var asks Subject   // where it asks PHP-FPM
	for _, pattern := range apacheFiles {
		files, _ := filepath.Glob(x.at.Root + pattern) // the patterns are good
		for _, file := range files {
			text, err := deploy.ReadFollowed(file, maxJobFile) // sites-enabled has symlinks
			if err != nil {
				continue
			}
			for _, addr := range x.config.Listen {
				if bytes.Contains(text, []byte(addr)) {
					return
				}
			}
			for _, found := range documentRoot.FindAllSubmatch(text, -1) {
				roots = append(roots, path.Clean(string(found[1])))
			}
			if line := x.lineThatAsksFPM(string(text)); line > 0 && asks.File == "" {
				asks = Subject{File: file, Line: line}
			}
		}
	}
	for _, site := range x.config.Sites {
		if asks.File != "" && hasOneOf(site, roots) {
			asks.Site = site.Name
			x.add(kindWebServerNotSwitched, asks, "Apache has the docroot of the site and asks PHP-FPM itself: its requests are not pinned.",
				fmt.Sprintf(`Have it ask realdocd, SetHandler "proxy:%s|fcgi://localhost", and reload it.`, x.ourAddress()))
		}
	}
}

func hasOneOf(site gateway.SiteConfig, roots []string) bool {
	for _, root := range roots {
		if site.Has(root) {
			return true
		}
	}
	return false
}

// lineThatAsksFPM is the first line that names a listener of PHP-FPM, outside of comments;
// 0 if none does.
func (x *examination) lineThatAsksFPM(text string) int {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, pool := range x.config.Pools {
			for _, addr := range pool.Servers {
				if strings.Contains(line, string(addr)) {
					return number
				}
			}
		}
	}
	return 0
}
