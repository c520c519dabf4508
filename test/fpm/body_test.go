package fpm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"realdocd/test/stack"
)

// smuggled is a request for mark.php in 1 KiB, so that wherever PHP stops to read in a body made of
// copies of it, the rest begins with a whole one.
func smuggled(p *pool) []byte {
	var b bytes.Buffer
	stack.Record{Type: stack.BeginRequest, ID: 1, Content: []byte{0, 1, 1, 0, 0, 0, 0, 0}}.WriteTo(&b)
	params := func(filler int) []byte {
		return stack.Pairs(p.params("mark.php", "FILLER", string(bytes.Repeat([]byte("x"), filler)))...)
	}
	rest := 1024 - b.Len() - 3*8 // the heads of the records that follow
	stack.Record{Type: stack.ParamsType, ID: 1, Content: params(200 + rest - len(params(200)))}.WriteTo(&b)
	stack.Record{Type: stack.ParamsType, ID: 1}.WriteTo(&b)
	stack.Record{Type: stack.StdinType, ID: 1}.WriteTo(&b)
	if b.Len() != 1024 {
		p.t.Fatalf("%d bytes", b.Len())
	}
	return b.Bytes()
}

func TestARequestInsideAnUnreadBodyIsNotRun(t *testing.T) {
	body := func(p *pool) []byte { return bytes.Repeat(smuggled(p), 40) }
	t.Run("it would run", func(t *testing.T) {
		p := open(t, stack.FPMConfig{})
		c := p.connect()
		_, err := c.Write(body(p))
		p.must(err)
		p.answer(c)
		if !p.has("ran") {
			t.Error("it does not: nothing can be said of it inside a body")
		}
	})
	const nothing, part = `<?php echo getmypid();`, `<?php fread(fopen('php://input', 'r'), 1); echo getmypid();`
	for _, row := range []struct {
		name, script string
		unsaid       int // bytes that CONTENT_LENGTH leaves out: FPM closes then
	}{
		{"nothing is read", nothing, 0},
		{"a part is read", part, 0},
		{"nothing is read, and it is longer than its length", nothing, 30 << 10},
		{"a part is read, and it is longer than its length", part, 30 << 10},
		{"its length is 0", nothing, 40 << 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := open(t, stack.FPMConfig{MaxChildren: 1, INI: map[string]string{"enable_post_data_reading": "0"}})
			p.write("post.php", row.script)
			c, post := p.connect(), body(p)
			p.must(c.Begin(true))
			p.must(c.Params(stack.ParamsFor(p.dir, "POST", "/post.php",
				"CONTENT_LENGTH", fmt.Sprint(len(post)-row.unsaid), "CONTENT_TYPE", "application/octet-stream")...))
			p.must(c.Stdin(post))
			p.must(c.Stdin(nil))
			pid := p.answer(c)
			if row.unsaid > 0 {
				p.closed(c)
			} else if got := p.ask(c, "pid.php"); got != pid {
				t.Errorf("the next request was answered with %q, not by worker %s", got, pid)
			}
			if p.has("ran") {
				version, _ := stack.Version()
				t.Errorf("it was run by PHP %s, which lacks the fix of CVE-2026-129289", version)
			}
		})
	}
}

// Closing does not stop the script: it begins then, on what came of the body. Only a body that is whole
// before FPM sees its first byte cannot be cut.
func TestABodyThatIsCutHoldsTheWorkerUntilWeCloseAndThenTheScriptRuns(t *testing.T) {
	const announced = 200_000
	for _, row := range []struct {
		name        string
		sent        int
		ends        bool // with an empty STDIN
		least, most int  // what the script gets
	}{
		{"ended", 1000, true, 1000, 1000},
		{"ended, long", 100_000, true, 100_000, 100_000},
		{"not ended", 1000, false, 0, 0},
		{"not ended, long", 100_000, false, 1, 100_000}, // whole blocks of PHP's
	} {
		t.Run(row.name, func(t *testing.T) {
			p := open(t, stack.FPMConfig{MaxChildren: 1})
			p.write("post.php", `<?php file_put_contents(__DIR__ . '/body', file_get_contents('php://input'));`)
			c, next := p.connect(), p.connect()
			p.must(c.Begin(true))
			p.must(c.Params(stack.ParamsFor(p.dir, "POST", "/post.php", "CONTENT_LENGTH", fmt.Sprint(announced), "CONTENT_TYPE", "text/plain")...))
			p.must(c.Stdin(bytes.Repeat([]byte("x"), row.sent)))
			if row.ends {
				p.must(c.Stdin(nil))
			}
			p.silent(c)
			if p.has("body") {
				t.Error("the script runs before its body has come")
			}
			p.send(next, true, "pid.php")
			p.silent(next)
			c.Close()
			p.answer(next)
			body, err := os.ReadFile(filepath.Join(p.dir, "body"))
			p.must(err)
			if len(body) < row.least || len(body) > row.most {
				t.Errorf("of %d bytes sent the script got %d", row.sent, len(body))
			}
		})
	}
}
