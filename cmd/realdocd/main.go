// Realdocd is a FastCGI gateway between web servers and PHP-FPM. It decides
// once, at the start of a request, which release of the code the request runs
// on. See package gateway for how, and realdocd --help for the commands.
//
// It is built twice from the same code: with the tag noetcd for the daemon, which has no use for a
// client of etcd, and without it as realdocd-fleet, for the commands that have.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := handOn(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "realdocd:", err)
		os.Exit(exitNo)
	}
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
