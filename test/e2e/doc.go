// Package e2e has the promises of realdocd as tests against the real programs: nginx, Apache and HAProxy
// in front, PHP-FPM behind. If a test is about a moment, or a malformed message, that real programs do not
// give, the test itself plays the web server or PHP-FPM, in bare FastCGI records.
//
//	go test ./test/e2e                               builds realdocd and tests it
//	REALDOCD_BIN=bin/realdocd go test ./test/e2e     tests this one
//	KEEP=1 go test -v -run Torn ./test/e2e           leaves the configurations and logs of each part
//
// The pages that the sites get beside the one of package stack are in pages/.
package e2e
