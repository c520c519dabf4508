// Package check plants faults, one by one, in systems that are well: a site, PHP-FPM and
// realdocd, and nginx where one is needed. realdocd check has to find each of them as
// exactly itself, and nothing else. The table of them is in realdocd-check(8):
//
//	go test ./test/check     plants all; fails if the manual says something else
//	make planted             plants them and writes the table
//
// Faults that lie in one site or in one pool of PHP-FPM share a system in which every
// fault has a site and a pool to itself, and one examination looks at them all. The others
// have a system each.
//
// Real applications, as Debian packages them, are examined too: they are well, and nothing
// may be found.
package check
