package fcgi_test

import (
	"bytes"
	"fmt"
	"log"

	"realdocd/fcgi"
)

// A web server asks for a page, and an application answers. The bytes of each go through a buffer here; in
// a daemon they go through a socket.
func Example() {
	const id = 1 // of the request: the two sides say it in every record

	// The web server: BEGIN_REQUEST, the CGI variables, and a body that is empty.
	ask := fcgi.AppendBegin(nil, id, fcgi.Begin{Role: fcgi.RoleResponder})
	ask, err := fcgi.AppendParams(ask, id, []fcgi.Pair{
		{Name: []byte("REQUEST_METHOD"), Value: []byte("GET")},
		{Name: []byte("SCRIPT_FILENAME"), Value: []byte("/var/www/shop/current/public/index.php")},
	})
	if err != nil {
		log.Fatal(err)
	}
	ask = fcgi.AppendHeader(ask, fcgi.Stdin, id, 0)

	// The application: it reads records until the body has ended.
	var in fcgi.Reader
	var params fcgi.Collector
	for wire := bytes.NewReader(ask); ; {
		rec, whole, err := in.Next()
		if err != nil {
			log.Fatal(err)
		}
		if !whole { // the rest of the record is still to come
			if err := in.Fill(wire); err != nil {
				log.Fatal(err)
			}
			continue
		}
		fmt.Printf("%v, %d bytes\n", rec.Type, len(rec.Content))
		if rec.Type == fcgi.Params {
			if err := params.Add(rec.Content); err != nil {
				log.Fatal(err)
			}
		}
		if rec.Type == fcgi.Stdin && len(rec.Content) == 0 {
			break
		}
	}
	pairs, err := params.Pairs(nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range pairs {
		fmt.Printf("%s = %s\n", p.Name, p.Value)
	}

	// Its answer. Only END_REQUEST says that it is complete.
	answer := fcgi.AppendStream(nil, fcgi.Stdout, id, []byte("Content-Type: text/plain\r\n\r\nhello"))
	answer = fcgi.AppendEnd(answer, id, 0, fcgi.RequestComplete)
	fmt.Printf("answered in %d bytes\n", len(answer))

	// Output:
	// BEGIN_REQUEST, 8 bytes
	// PARAMS, 74 bytes
	// PARAMS, 0 bytes
	// STDIN, 0 bytes
	// REQUEST_METHOD = GET
	// SCRIPT_FILENAME = /var/www/shop/current/public/index.php
	// answered in 57 bytes
}
