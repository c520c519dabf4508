package fpm

import (
	"net"
	"strconv"
	"testing"
	"time"

	"realdocd/test/stack"
)

// How a script ends after our side has shut its connection down, and how that shows.
func TestAConnectionThatIsShutTellsWhenTheScriptEnds(t *testing.T) {
	const forever = "while (!file_exists(__DIR__ . '/go')) { usleep(1000); clearstatcache(); }"
	for _, row := range []struct {
		name, script string
		sent         []byte // as the body, of which CONTENT_LENGTH says all
		said         int    // what CONTENT_LENGTH says, if not that
		ends         bool   // without the test's leave
		all          bool   // the script runs to its end
	}{
		{"a script that is silent", forever, nil, 0, false, true},
		{"with a body", forever, []byte("a=b"), 0, false, true},
		{"with a body that is cut", forever, []byte("a=b"), 10, false, true},
		{"that sleeps in a shutdown function", "register_shutdown_function(function () { " + forever + " touch(__DIR__ . '/ended'); }); exit;", nil, 0, false, true},
		{"that writes", "while (true) { echo str_repeat(' ', 9000); flush(); usleep(1000); }", nil, 0, true, false},
		{"that writes and ignores that nobody reads", "ignore_user_abort(true); for ($i = 0; $i < 10; $i++) { echo str_repeat(' ', 9000); flush(); } " + forever, nil, 0, false, true},
		{"that has begun another program", "exec('sleep 5 >/dev/null 2>&1 &');", nil, 0, true, true},
		{"that writes much at its end", "usleep(50000); echo str_repeat(' ', 1 << 20);", nil, 0, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := open(t, stack.FPMConfig{MaxChildren: 1})
			p.write("s.php", "<?php touch(__DIR__ . '/began'); "+row.script+" touch(__DIR__ . '/ended');")
			c := p.connect()
			p.must(c.Begin(false))
			more := []string{}
			if row.sent != nil {
				said := max(row.said, len(row.sent))
				more = append(more, "REQUEST_METHOD", "POST", "CONTENT_LENGTH", strconv.Itoa(said), "CONTENT_TYPE", "application/x-www-form-urlencoded")
			}
			p.must(c.Params(p.params("s.php", more...)...))
			if row.sent != nil {
				p.must(c.Stdin(row.sent))
			}
			if row.said == 0 {
				p.must(c.Stdin(nil))
				stack.Until(t, "the script begins", func() bool { return p.has("began") })
			}
			for range 2 { // as Place.Abandon does
				_, err := stack.Record{Type: stack.AbortRequest, ID: 1}.WriteTo(c)
				p.must(err)
			}
			conn := c.Conn.(*net.UnixConn)
			p.must(conn.CloseWrite())
			p.must(conn.CloseRead())
			stack.Until(t, "the script begins", func() bool { return p.has("began") })
			if !row.ends {
				for watched := time.Now(); time.Since(watched) < pause; time.Sleep(time.Millisecond) {
					if unread(p, c) == 0 {
						t.Fatal("all was read while the script ran")
					}
				}
				if p.has("ended") {
					t.Fatal("the script has ended without the test's leave")
				}
				p.write("go", "")
			}
			stack.Until(t, "all is read", func() bool { return unread(p, c) == 0 })
			if p.has("ended") != row.all {
				t.Errorf("the script has come to its end: %v, want %v", p.has("ended"), row.all)
			}
			p.ask(p.connect(), "pid.php") // the only worker is free
		})
	}
}
