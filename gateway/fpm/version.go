package fpm

import (
	"fmt"
	"regexp"
	"strconv"
)

// smugglingFixed has the first release of each branch of PHP in which FPM
// discards what a script has left unread of its request body. Before it, the
// rest is taken for the next request on a kept connection (CVE-2026-129289).
var smugglingFixed = map[[2]int]int{{8, 2}: 36, {8, 3}: 37, {8, 4}: 28, {8, 5}: 13}

var (
	phpVersion = regexp.MustCompile(`^(\d{1,4})\.(\d{1,4})\.(\d{1,4})($|[-+~.]|(?i:alpha|beta|rc|dev))`)
	preRelease = regexp.MustCompile(`^\d+\.\d+\.\d+[-~]?(?i:alpha|beta|rc|dev)`)
)

// SmugglingFault says whether a version of PHP-FPM, as PHP_VERSION, takes the unread rest
// of a request's body for the next request on a kept connection; nil if it does not. What
// comes before the release with the fix, as 8.4.28RC1, is taken to be without it, and so
// is what a distribution may have fixed under an older version.
func SmugglingFault(version string) error {
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
