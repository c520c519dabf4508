// Package matrix runs every web server that has a sample configuration in etc/ with that sample, in front of
// realdocd and PHP-FPM, through the same checks. What passed is a table in
// realdocd(8), which the test compares with its run:
//
//	go test ./test/matrix    runs all checks; fails when the manual says something else
//	make matrix              runs them and writes the table
package matrix
