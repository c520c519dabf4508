// Package destroy has realdocd deploy meet everything that a deploy tool has been seen to
// destroy: each situation is made on disk, as root, and deployed into for real. Nothing
// may be lost. What deploy did is a table in realdocd-deploy(7), which the test compares
// with its run:
//
//	go test ./test/destroy    goes through all; fails when the manual says something else
//	make destroy              goes through them and writes the table
package destroy
