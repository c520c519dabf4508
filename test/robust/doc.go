// Package robust has realdocd meet attacks and faults for real, between real clients and a
// real PHP-FPM. What it saw is in tables in realdocd-robustness(7):
//
//	go test ./test/robust     goes through all; fails if the manual says something else
//	make robust               goes through them and writes the tables
//
// Each attack is shown to work on PHP-FPM without realdocd, where this PHP-FPM is open to
// it. The differential fuzzer sends random requests through realdocd and straight to
// PHP-FPM: PHP sees the same, and the client gets the same. Others are asked for pages
// while somebody is a burden. Random values and random paths try to have PHP run a file from
// elsewhere.
//
//	ROBUST=long go test ./test/robust                 a hundred times as many random requests
//	go test -fuzz FuzzTheSame ./test/robust           as many as there is time for
package robust
