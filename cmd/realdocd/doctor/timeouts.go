package doctor

import (
	"fmt"
	"strconv"
	"time"
)

// checkTimeouts sees whether PHP may take longer than realdocd waits, and take more.
func (s *server) checkTimeouts() {
	if s.answer == nil {
		return
	}
	runs, _ := strconv.Atoi(s.answer.INI["max_execution_time"])
	key, waits := s.silence()
	if most := time.Duration(runs) * time.Second; most > 0 && waits > 0 && waits < most {
		s.found(kindReadTimeoutShort, fmt.Sprintf("max_execution_time is %s, and realdocd gives a script up after %s = %s without output: visitors get a 504, and the script runs on.", most, key, waits),
			fmt.Sprintf("Make %s longer than max_execution_time, or that shorter.", key))
	}
	if takes := bytesOf(s.answer.INI["post_max_size"]); s.config.MaxBody > 0 && takes > s.config.MaxBody {
		s.found(kindMaxBodySmall, fmt.Sprintf("post_max_size of PHP is %s, and max_body of realdocd %s: what is between gets a 413.", mib(takes), mib(s.config.MaxBody)),
			"Make max_body as large as post_max_size, or that as small.")
	}
}

// silence is the shortest time after which a script of the pool is given up, with its key.
func (s *server) silence() (key string, shortest time.Duration) {
	key, shortest = "read_timeout", s.pool.ReadTimeout
	take := func(name string, d time.Duration) {
		if d > 0 && (shortest == 0 || d < shortest) {
			key, shortest = name, d
		}
	}
	take("request_timeout", s.pool.RequestTimeout)
	for _, site := range s.sitesOf(s.pool.Name) {
		if site.ReadTimeout != nil {
			take("read_timeout of site "+site.Name, *site.ReadTimeout)
		}
		if site.RequestTimeout != nil {
			take("request_timeout of site "+site.Name, *site.RequestTimeout)
		}
	}
	return key, shortest
}
