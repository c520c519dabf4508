package matrix

import (
	"testing"
)

// A check is something that a site needs of its web server, by the name that it has in the manual.
type check struct {
	name string
	run  func(testing.TB, *shop)
}

// checks run in this order.
var checks = []check{
	{"keep-alive", checkKeepAlive}, // first, while realdocd has no other connection
	{"GET", checkGet},
	{"POST", checkPost},
	{"upload of 5 MiB", checkUpload},
	{"PATH_INFO", checkPathInfo},
	{"front controller", checkFrontController},
	{"HEAD", checkHead},
	{"304", checkNotModified},
	{"error pages of PHP", checkErrorsOfPHP},
	{"error pages of realdocd", checkErrorsOfRealdocd},
	{"broken response seen as broken", checkBrokenResponse},
	{"response of 64 MiB", checkBigResponse},
	{"nothing left over from a visitor who leaves", checkLeaving},
	{"next request after a flip on the new release", checkFlip},
	{"no torn request", checkTorn},
	{"no failed request after a restart of realdocd", checkRestart}, // last, for it has another log then
}
