// Command gofastproxy is what a gateway is when it is made of the standard
// library's FastCGI server and the gofast client: the yardstick for what a
// relay of records gains.
package main

import (
	"log"
	"net"
	"net/http/fcgi"
	"os"

	"github.com/yookoala/gofast"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: gofastproxy LISTEN FPM")
	}
	ln, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(os.Args[1], 0o666); err != nil {
		log.Fatal(err)
	}
	client := gofast.SimpleClientFactory(gofast.SimpleConnFactory("unix", os.Args[2]))
	session := gofast.Chain(gofast.BasicParamsMap, gofast.MapHeader, passParams)(gofast.BasicSession)
	log.Fatal(fcgi.Serve(ln, gofast.NewHandler(session, client)))
}

// passParams sends on the variables that net/http/fcgi keeps beside the request.
func passParams(inner gofast.SessionHandler) gofast.SessionHandler {
	return func(client gofast.Client, req *gofast.Request) (*gofast.ResponsePipe, error) {
		for name, value := range fcgi.ProcessEnv(req.Raw) {
			req.Params[name] = value
		}
		return inner(client, req)
	}
}
