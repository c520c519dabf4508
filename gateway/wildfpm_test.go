package gateway

import (
	"testing"

	"realdocd/fcgi"
	"realdocd/test/stack"
)

// FPM never ends a request like this. Something else that speaks FastCGI may, and a proxy
// before FPM that has lost it does.
func TestAnEndThatIsNotOneOfAResponseIsAnError(t *testing.T) {
	output := stack.Record{Type: stack.StdoutType, ID: 1, Content: []byte(page)}
	end := func(status fcgi.Status) stack.Record {
		return stack.Record{Type: stack.EndRequest, ID: 1, Content: []byte{0, 0, 0, 0, byte(status), 0, 0, 0}}
	}
	for _, row := range []struct {
		name   string
		sent   []stack.Record
		status int // 0 for a connection that breaks
		cause  string
	}{
		{"nothing before it", []stack.Record{end(fcgi.RequestComplete)}, 502, "fpm_failed"},
		{"only errors before it", []stack.Record{{Type: stack.StderrType, ID: 1, Content: []byte("oh")}, end(fcgi.RequestComplete)}, 502, "fpm_failed"},
		{"overloaded", []stack.Record{end(fcgi.Overloaded)}, 503, "backlog_full"},
		{"it cannot multiplex", []stack.Record{end(fcgi.CantMpxConn)}, 502, "fpm_failed"},
		{"an unknown role", []stack.Record{end(fcgi.UnknownRole)}, 502, "fpm_failed"},
		{"too short", []stack.Record{{Type: stack.EndRequest, ID: 1, Content: []byte{0}}}, 502, "fpm_failed"},
		{"overloaded behind output", []stack.Record{output, end(fcgi.Overloaded)}, 0, "backlog_full"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t).start()
			c, q := b.running(b.params()...)
			for _, r := range row.sent {
				b.must(q.Send(r))
			}
			if row.status > 0 {
				b.wantRefused(c, row.status)
			} else if reply, _ := c.Reply(); reply.Ended {
				t.Errorf("the web server took it for a whole response: %d %q", reply.Status, reply.Body)
			}
			if e := b.logged(`"message":"request"`); e.String("cause") != row.cause {
				t.Errorf("the log has %v", e)
			}
			b.served(b.connect(), "", b.params()...)
		})
	}
}

func TestOnlyRecordsOfAResponseArePassedOn(t *testing.T) {
	b := newBench(t).start()
	c, q := b.running(b.params()...)
	foreign := []stack.Record{
		{Type: stack.StdinType, ID: 1, Content: []byte("body?")},
		{Type: stack.ParamsType, ID: 1},
		{Type: stack.BeginRequest, ID: 1, Content: make([]byte, 8)},
		{Type: stack.GetValuesResult},
		{Type: 8, ID: 1},
		{Type: 42, ID: 7},
	}
	b.must(q.Stdout("Content-Type: text/plain\r\n\r\n"))
	for _, r := range foreign {
		b.must(q.Send(r))
	}
	q.Answer("the page")
	for ended := false; !ended; {
		r, err := c.Next()
		b.must(err)
		switch ended = r.Type == stack.EndRequest; r.Type {
		case stack.StdoutType, stack.StderrType, stack.EndRequest:
		default:
			t.Errorf("the web server got a record of type %d", r.Type)
		}
	}
	if e := b.logged(`"message":"request"`); e.String("foreign_records") != "6" {
		t.Errorf("the log has %v", e)
	}
}

func TestAStatusOverSeveralRecordsIsRead(t *testing.T) {
	for _, row := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"within the number", []string{"Stat", "us: 4", "04 Not Found\r", "\nContent-Type: text/plain\r\n\r\nno"}, "404"},
		{"behind another line", []string{"Content-Type: text/plain\r\n", "Status: 503 Gone\r\n\r\n", "Status: 200"}, "503"},
		{"at the empty line", []string{"Location: /there\r\n", "\r\n", "Status: 404\r\n\r\n"}, "302"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t).start()
			c, q := b.running(b.params()...)
			for _, part := range row.parts {
				b.must(q.Stdout(part))
			}
			q.Answer("")
			b.reply(c)
			if e := b.logged(`"message":"request"`); e.String("status") != row.want {
				t.Errorf("the log has %v, want status %s", e, row.want)
			}
		})
	}
}

// What comes late of an earlier request must not become an answer to the next one.
func TestRequestsOnAKeptConnectionHaveIDsOfTheirOwn(t *testing.T) {
	b := newKeeping(t).startKeeping()
	c := b.connect()
	first := b.servedAndKept(c, "")
	second := b.servedAndKept(c, "")
	if first.Conn != second.Conn || first.RequestID() == second.RequestID() {
		t.Fatalf("ids %d and %d on one connection: %v", first.RequestID(), second.RequestID(), first.Conn == second.Conn)
	}
	b.send(c, "", b.params()...)
	third := b.fpm.Next()
	b.must(third.Send(stack.Record{Type: stack.StdoutType, ID: second.RequestID(), Content: []byte(page)}))
	b.wantRefused(c, 502)
	b.logged("FPM sent STDOUT of request")
}
