package main

import (
	"fmt"
	"io"
	"net"
	"time"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

const idleConnections = 10_000

// idle opens connections as a web server keeps them, with one request through
// each, and prints what an idle one costs realdocd in resident memory.
func idle(s *stack.Stack) error {
	site, err := s.NewSite(stack.SiteConfig{Name: "idle"})
	if err != nil {
		return err
	}
	fpm, err := s.StartFPM(stack.FPMConfig{MaxChildren: workers})
	if err != nil {
		return err
	}
	gateway, err := s.StartGateway(stack.GatewayFor(fpm, site))
	if err != nil {
		return err
	}
	before, err := gateway.Usage()
	if err != nil {
		return err
	}
	request, err := oneRequest(site)
	if err != nil {
		return err
	}
	for i := range idleConnections {
		conn, err := gateway.Addr.Dial()
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		defer conn.Close()
		if err := exchange(conn, request); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	after, err := gateway.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("\n%d idle connections after a request each: %.1f KiB of resident memory a connection (%.1f MiB in all, %.1f before)\n",
		idleConnections, float64(after.RSS-before.RSS)/1024/idleConnections,
		float64(after.RSS)/(1<<20), float64(before.RSS)/(1<<20))
	return nil
}

func oneRequest(site *stack.Site) ([]byte, error) {
	out := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	var pairs []fcgi.Pair
	for _, p := range [][2]string{
		{"DOCUMENT_ROOT", site.DocRoot()},
		{"SCRIPT_FILENAME", site.DocRoot() + "/missing.php"},
		{"REQUEST_METHOD", "GET"},
		{"REQUEST_URI", "/missing.php"},
	} {
		pairs = append(pairs, fcgi.Pair{Name: []byte(p[0]), Value: []byte(p[1])})
	}
	out, err := fcgi.AppendParams(out, 1, pairs)
	return fcgi.AppendHeader(out, fcgi.Stdin, 1, 0), err
}

// exchange sends a request and reads its response to END_REQUEST.
func exchange(conn net.Conn, request []byte) error {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var in fcgi.Reader
	defer in.Discard()
	for {
		rec, ok, err := in.Next()
		if err != nil {
			return err
		}
		if ok && rec.Type == fcgi.EndRequest {
			return nil
		}
		if ok {
			continue
		}
		if err := in.Fill(conn); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
}
