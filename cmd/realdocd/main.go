// Realdocd is a FastCGI gateway between web servers and PHP-FPM. It decides
// once, at the start of a request, which release of the code the request runs
// on. See package gateway for how, and realdocd --help for the commands.
package main

import "os"

func main() {
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
