// Package paths runs a site through every way in which web servers write its paths, and every way in which links
// lead to it, while its releases flip every 5 ms: each request must see one release in everything that names one.
// Beside it stands what PHP-FPM alone answers. What ran is a table in realdocd-paths(7), which the test compares
// with its run:
//
//	go test ./test/paths                            runs each cell for a moment
//	PATHS_FOR=30s go test -timeout 1h ./test/paths  runs each layout for so long
//	MANUAL_WRITE=1 go test ./test/paths             writes the table
package paths
