// The demo shows, in a quarter of a minute, what realdocd is for: the same small site, deployed every half
// second under traffic, once through realdocd and once as nginx and PHP-FPM are commonly set up. Everything
// it starts is its own, on free local ports, and gone afterwards. KEEP=1 leaves it up to be played with.
//
//	go run ./test/demo
//
// It exits 0 if no request through realdocd was torn or failed while some of the others were torn.
package main
