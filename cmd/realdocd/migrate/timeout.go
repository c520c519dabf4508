package migrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// apacheTimeout is how long Apache waits for PHP-FPM if nothing says otherwise, and
// realdocd too.
const apacheTimeout = 60 * time.Second

// timeoutDirective takes Timeout and ProxyTimeout.
func (a *apache) timeoutDirective(name string, value setting) {
	if name == "proxytimeout" {
		a.now.proxyTimeout = value
	} else {
		a.now.timeout = value
	}
}

// backendTimeout takes timeout=300 of what leads to PHP-FPM, which wins over ProxyTimeout.
func (a *apache) backendTimeout(args []string, at place) {
	for _, arg := range args {
		if value, ok := strings.CutPrefix(strings.ToLower(arg), "timeout="); ok {
			a.now.backendTimeout = setting{value, at}
		}
	}
}

// addTimeout takes how long Apache waited for PHP to say something.
func (m *model) addTimeout(st *site, s *server) {
	main, waits := m.apache.main, apacheTimeout
	var from setting
	for _, of := range []setting{s.backendTimeout, s.proxyTimeout, main.backendTimeout, main.proxyTimeout, s.timeout, main.timeout} {
		if of.isSet() {
			from = of
			break
		}
	}
	if from.isSet() {
		d, ok := interval(from.value)
		if !ok || d <= 0 {
			st.note(from.at, "the timeout %s is not understood: set read_timeout", from.value)
		} else if d != apacheTimeout {
			waits = d
			st.add("read_timeout", quote(written(d)), from.at.String())
		}
	}
	if st.pool.fpm == nil {
		return
	}
	const key = "request_terminate_timeout"
	if d := st.pool.fpm.Duration(key); d > waits {
		st.note(st.pool.fpm.Get(key).At, "PHP-FPM lets a script run for %s (request_terminate_timeout), and one that says nothing for %s gets a 504: if it may take longer, set read_timeout above it", written(d), written(waits))
	}
}

// interval is a time of Apache: a number, with a unit or of seconds.
func interval(s string) (time.Duration, bool) {
	unit := time.Second
	s = strings.ToLower(strings.TrimSpace(s))
	for _, u := range []struct {
		suffix string
		is     time.Duration
	}{
		{"ms", time.Millisecond}, {"min", time.Minute}, {"mi", time.Minute}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour},
	} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.is
			break
		}
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return time.Duration(n) * unit, err == nil
}

// written is a duration as realdocd takes it.
func written(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
