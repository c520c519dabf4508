// Package pins has clients keep their release across flips, for real: an automatic client, a
// browser, caches of nginx, deploys and restarts, and attacks.
//
//	go test ./test/pins              goes through all, shortly
//	PAGES=10000 go test -run TestClient ./test/pins
//	FLIPS=200 go test -run TestBrowser ./test/pins
//	make pins                        at full length, and writes the table of attacks in realdocd-pins(7)
//
// The pages are in pages/. What the manual has as samples, in PHP and in JavaScript, is taken
// from there and run.
package pins
