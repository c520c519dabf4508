package gateway

import (
	"io"
	"net"
	"testing"
	"time"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

// FuzzRequest plays a web server that sends anything at all. The gateway must end the connection when
// the web server has closed its side, and serve the next one.
func FuzzRequest(f *testing.F) {
	b := newBench(f)
	b.cfg.Sites[0].IncludePath, b.cfg.Sites[0].ReleaseHeader = b.link("shop")+"/lib", "X-Release"
	b.cfg.Sites[0].RequestBuffering = false
	b.cfg.AccessLog = LogNone
	b.cfg.ForwardUnmatched = true
	b.start()
	go func() { // until the process ends
		for q := range b.fpm.Requests {
			q.End(page) // the gateway may have left
		}
	}()

	begin := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder, KeepConn: true})
	params := func(pairs ...string) []byte {
		return fcgi.AppendHeader(fcgi.AppendStream(nil, fcgi.Params, 1, stack.Pairs(pairs...)), fcgi.Params, 1, 0)
	}
	stdin := func(body string) []byte {
		return fcgi.AppendHeader(fcgi.AppendStream(nil, fcgi.Stdin, 1, []byte(body)), fcgi.Stdin, 1, 0)
	}
	for _, sent := range [][][]byte{
		{begin, params("DOCUMENT_ROOT", "/srv", "SCRIPT_FILENAME", "/srv/a.php", "CONTENT_LENGTH", "4"), stdin("body")},
		{begin, params("PHP_VALUE", `include_path="/a"`), stdin(""), begin, params("PHP_ADMIN_VALUE", "include_path=/b"), stdin("x")},
		{begin, params("CONTENT_LENGTH", "9"), stdin("four"), begin, params(), stdin("")},
		{begin, begin, fcgi.AppendHeader(nil, fcgi.AbortRequest, 1, 0), begin, params()},
		{fcgi.AppendStream(nil, fcgi.GetValues, 0, stack.Pairs("FCGI_MPXS_CONNS", "")), fcgi.AppendHeader(nil, 42, 0, 0)},
	} {
		var all []byte
		for _, part := range sent {
			all = append(all, part...)
		}
		f.Add(false, all)
		f.Add(false, all[:len(all)/2])
	}
	more := fcgi.AppendStream(nil, fcgi.Params, 1, stack.Pairs("PHP_VALUE", "include_path=/c"))
	f.Add(true, append(fcgi.AppendHeader(more, fcgi.Params, 1, 0), stdin("body")...))
	// A request of the shop, whose name no corpus can know, up to where more of its params may follow.
	shop := fcgi.AppendStream(begin[:len(begin):len(begin)], fcgi.Params, 1, stack.Pairs(b.params()...))
	f.Fuzz(func(t *testing.T, ofShop bool, sent []byte) {
		if ofShop {
			sent = append(shop[:len(shop):len(shop)], sent...)
		}
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: string(b.addr), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		written := make(chan struct{})
		go func() {
			defer close(written)
			conn.Write(sent) // may fail: the gateway closes on what is no FastCGI
			conn.CloseWrite()
		}()
		_, err = io.Copy(io.Discard, conn)
		if ne, is := err.(net.Error); is && ne.Timeout() {
			t.Errorf("the connection has not ended within %v", patience)
		}
		<-written
	})
}
