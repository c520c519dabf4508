// Package fpm has what realdocd takes for granted about PHP-FPM as tests: when a worker is taken and
// when it is free, what ends a connection, what is run and what is not. There is no gateway in them;
// the test talks to a real FPM in bare FastCGI records.
//
// A new PHP that breaks one of them breaks a promise of realdocd's, and the test says which:
//
//	PHP_FPM=/usr/sbin/php-fpm8.5 go test ./test/fpm
package fpm
