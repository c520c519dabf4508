package robust

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"realdocd/test/stack"
)

// serverOf is $_SERVER as spy.php shows it.
func (y *yard) serverOf(reply *stack.Reply) []byte {
	y.t.Helper()
	line, _, _ := bytes.Cut(reply.Body, []byte("\n"))
	server, err := base64.StdEncoding.DecodeString(string(line))
	y.must(err)
	return server
}

// wish is a random request.
type wish struct {
	pairs  []string // behind those that name the script
	body   []byte
	params []int // where the stream of params is cut, for realdocd only: PHP-FPM does not take cut pairs
	stdin  []int
}

var methods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get", "X-Y"}

func drawWish(t *rapid.T) wish {
	w := wish{}
	add := func(name, value string) { w.pairs = append(w.pairs, name, value) }
	value := rapid.SliceOfN(rapid.Byte(), 0, 300)
	for i := range rapid.IntRange(0, 12).Draw(t, "headers") {
		name := rapid.StringMatching(`(HTTP_|X_|)[A-Z][A-Z0-9_]{2,20}`).Draw(t, "name")
		add(fmt.Sprintf("%s_%d", name, i), string(value.Draw(t, "value")))
	}
	if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
		add("HTTP_LONG", strings.Repeat(string(value.Draw(t, "piece")), 150))
	}
	query := rapid.StringMatching(`(status=[2345]0[0-5]&)?(more=[0-9]{1,6}&)?(h\[\]=[a-z%0-9]{0,9}&){0,3}`).Draw(t, "query")
	add("QUERY_STRING", query)
	add("REQUEST_URI", "/spy.php?"+query)
	add("REQUEST_METHOD", rapid.SampledFrom(methods).Draw(t, "method"))
	add("CONTENT_TYPE", rapid.SampledFrom([]string{"", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"}).Draw(t, "type"))
	piece := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "body")
	w.body = bytes.Repeat(piece, rapid.SampledFrom([]int{0, 1, 1, 10, 700}).Draw(t, "times"))
	add("CONTENT_LENGTH", fmt.Sprint(len(w.body)))
	w.params = rapid.SliceOfN(rapid.IntRange(1, 2000), 0, 6).Draw(t, "params")
	w.stdin = rapid.SliceOfN(rapid.IntRange(1, 30000), 0, 6).Draw(t, "stdin")
	return w
}

// pieces cuts bytes into parts of these lengths, and what is left.
func pieces(b []byte, lengths []int) (parts [][]byte) {
	for _, n := range lengths {
		if n = min(n, len(b)); n > 0 {
			parts = append(parts, b[:n])
		}
		b = b[n:]
	}
	for len(b) > 0 {
		n := min(len(b), 0xfff8)
		parts = append(parts, b[:n])
		b = b[n:]
	}
	return parts
}

// ask sends a wish. Uncut, each pair is in a record of its own.
func (y *yard) ask(t *rapid.T, addr stack.Addr, docroot string, w wish, cut bool) *stack.Reply {
	pairs := append(stack.ParamsFor(docroot, "GET", "/spy.php"), w.pairs...)
	var params [][]byte
	if cut {
		params = pieces(stack.Pairs(pairs...), w.params)
	} else {
		for i := 0; i < len(pairs); i += 2 {
			params = append(params, stack.Pairs(pairs[i], pairs[i+1]))
		}
	}
	var out bytes.Buffer
	stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, 1, 0, 0, 0, 0, 0, 0}}.WriteTo(&out)
	for _, part := range append(params, nil) {
		stack.Record{Type: stack.ParamsType, ID: 1, Content: part}.WriteTo(&out)
	}
	for _, part := range append(pieces(w.body, w.stdin), nil) {
		stack.Record{Type: stack.StdinType, ID: 1, Content: part}.WriteTo(&out)
	}
	c, err := stack.Connect(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go c.Write(out.Bytes()) // it may be answered before all is sent
	reply, err := c.Reply()
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// sameFor is the property: PHP sees the same straight and through realdocd, and the client gets the same.
func sameFor(y *yard) func(*rapid.T) {
	return func(t *rapid.T) {
		w := drawWish(t)
		straight := y.ask(t, y.fpm.Addr, y.site.Release(1)+"/public", w, false)
		through := y.ask(t, y.gw.Addr, y.site.DocRoot(), w, true)
		if straight.Status != through.Status || !bytes.Equal(straight.Body, through.Body) || straight.Ended != through.Ended ||
			fmt.Sprint(straight.Header) != fmt.Sprint(through.Header) || !bytes.Equal(straight.Stderr, through.Stderr) {
			t.Fatalf("straight %d %v %q\n%.2000q\nthrough %d %v %q\n%.2000q", straight.Status, straight.Header, straight.Stderr, straight.Body,
				through.Status, through.Header, through.Stderr, through.Body)
		}
	}
}

func TestRandomRequestsAreTheSameThroughRealdocdAndStraight(t *testing.T) {
	y := openYard(t, stack.FPMConfig{MaxChildren: 2}, nil)
	if long() {
		flag.Set("rapid.checks", "20000")
	} else {
		flag.Set("rapid.checks", "200")
	}
	rapid.Check(t, sameFor(y))
}

func FuzzTheSame(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(sameFor(openYard(f, stack.FPMConfig{MaxChildren: 2}, nil))))
}
