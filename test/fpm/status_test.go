package fpm

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"realdocd/test/stack"
)

// worker is what the status page says of one.
type worker struct {
	State  string `json:"state"`
	URI    string `json:"request uri"`
	Script string `json:"script"`
}

// status asks for it on the listener of its own.
func (p *pool) status() []worker {
	p.t.Helper()
	reply := p.Ask(p.fpm.Status, nil, stack.ParamsFor("", "GET", stack.StatusPath, "QUERY_STRING", "full&json")...)
	var page struct {
		Processes []worker `json:"processes"`
	}
	if err := json.Unmarshal(reply.Body, &page); err != nil || reply.Status != 200 {
		p.t.Fatalf("got %d, %v: %s", reply.Status, err, reply.Body)
	}
	return page.Processes
}

// If the script is named, it may be running: the state does not tell. "Finishing" is also a worker
// that waits for our side to close, and a script that runs on after fastcgi_finish_request is "Running"
// on a kept connection.
func TestTheStatusListenerSaysWhatABusyPoolDoes(t *testing.T) {
	read := func(p *pool, c *stack.Client) {
		_, err := io.ReadFull(c, make([]byte, 8)) // a record's head
		p.must(err)
	}
	answer := func(p *pool, c *stack.Client) { p.answer(c) }
	for _, row := range []struct {
		name          string
		keep          bool
		script        string
		until         func(*pool, *stack.Client)
		state, called string
	}{
		{"a script runs", true, "wait.php", read, "Running", "wait.php"},
		{"its request is finished, on a kept connection", true, "finish.php", answer, "Running", "finish.php"},
		{"its request is finished, and we have closed", false, "finish.php", func(p *pool, c *stack.Client) {
			p.answer(c)
			c.Close()
		}, "Finishing", "finish.php"},
		{"it has ended, and we have not closed", false, "pid.php", answer, "Finishing", "pid.php"},
		{"it has ended, on a kept connection", true, "pid.php", answer, "Reading headers", ""},
		{"it has ended, and we have closed", false, "pid.php", func(p *pool, c *stack.Client) {
			p.answer(c)
			c.Close()
		}, "Idle", "pid.php"},
		{"nothing has come on a connection", true, "", func(p *pool, _ *stack.Client) {
			next := p.connect()
			p.send(next, true, "pid.php")
			p.silent(next) // so the worker has taken the silent one
		}, "Idle", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := open(t, stack.FPMConfig{MaxChildren: 1, Status: true})
			c := p.connect()
			if row.script != "" {
				p.send(c, row.keep, row.script)
			}
			row.until(p, c)
			want := worker{row.state, "-", "-"}
			if row.called != "" {
				want = worker{row.state, "/" + row.called, p.dir + "/" + row.called}
			}
			var got []worker
			defer func() { t.Log(got) }()
			stack.Until(p.t, "the state", func() bool {
				got = p.status()
				return len(got) == 1 && got[0] == want
			})
		})
	}
}

func TestTheStatusPageCutsLongNamesAndDropsWhatIsNotUTF8(t *testing.T) {
	p := open(t, stack.FPMConfig{MaxChildren: 1, Status: true})
	long := strings.Repeat("d/", 200) + "long.php"
	for _, row := range []struct{ sent, uri, script string }{
		{"/" + long, ("/" + long)[:127], (p.dir + "/" + long)[:255]},
		{"/a\"\\\xff/ö.php", "/a\"\\/ö.php", p.dir + "/a\"\\/ö.php"},
	} {
		p.must(os.MkdirAll(filepath.Dir(p.dir+row.sent), 0o755))
		p.write(row.sent, "")
		c := p.connect()
		p.must(c.Begin(false))
		p.must(c.Params(stack.ParamsFor(p.dir, "GET", row.sent)...))
		p.must(c.Stdin(nil))
		p.answer(c)
		c.Close()
		var got []worker
		stack.Until(p.t, "idle", func() bool { got = p.status(); return got[0].State == "Idle" })
		if got[0].URI != row.uri || got[0].Script != row.script {
			t.Errorf("got  %q\nwant %q", got[0], row)
		}
	}
}
