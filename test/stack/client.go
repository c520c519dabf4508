package stack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Client is the web server's end of one FastCGI connection, driven by hand: it sends what it is told,
// right or wrong.
type Client struct {
	net.Conn
	r *bufio.Reader
}

// Connect opens a connection to a FastCGI server. Everything on it fails after ten seconds, so that no
// test hangs.
func Connect(addr Addr) (*Client, error) {
	conn, err := addr.Dial()
	if err != nil {
		return nil, err
	}
	return &Client{conn, bufio.NewReader(conn)}, conn.SetDeadline(time.Now().Add(10 * time.Second))
}

// Begin sends BEGIN_REQUEST for a responder.
func (c *Client) Begin(keep bool) error {
	content := make([]byte, 8)
	content[1] = 1
	if keep {
		content[2] = 1
	}
	_, err := Record{BeginRequest, 1, content}.WriteTo(c)
	return err
}

// Params sends name, value, name, value … and the end of the params.
func (c *Client) Params(pairs ...string) error {
	if err := stream(c, ParamsType, 1, Pairs(pairs...)); err != nil {
		return err
	}
	_, err := Record{ParamsType, 1, nil}.WriteTo(c)
	return err
}

// Stdin sends a part of the body; with nothing in it, the end of the body.
func (c *Client) Stdin(part []byte) error {
	if len(part) == 0 {
		_, err := Record{StdinType, 1, nil}.WriteTo(c)
		return err
	}
	return stream(c, StdinType, 1, part)
}

// Next reads one record.
func (c *Client) Next() (Record, error) { return ReadRecord(c.r) }

// Reply is what came back on one request.
type Reply struct {
	Status         int // 200 if the CGI headers name none
	Header         textproto.MIMEHeader
	Body           []byte
	Stderr         []byte
	Ended          bool // END_REQUEST came
	AppStatus      uint32
	ProtocolStatus byte
}

// Reply reads records up to END_REQUEST or to the end of the connection. A connection that ends without
// END_REQUEST is not an error here: the Reply says so. With an error comes what was read of the end, and
// nothing of what the script said.
func (c *Client) Reply() (*Reply, error) {
	reply := &Reply{Status: http.StatusOK}
	var stdout []byte
	for !reply.Ended {
		record, err := ReadRecord(c.r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
			break
		}
		if err != nil {
			return reply, fmt.Errorf("after %d bytes of STDOUT: %w", len(stdout), err)
		}
		switch record.Type {
		case StdoutType:
			stdout = append(stdout, record.Content...)
		case StderrType:
			reply.Stderr = append(reply.Stderr, record.Content...)
		case EndRequest:
			reply.Ended = true
			reply.AppStatus = binary.BigEndian.Uint32(record.Content)
			reply.ProtocolStatus = record.Content[4]
		}
	}
	return reply, reply.parse(stdout)
}

func (r *Reply) parse(stdout []byte) error {
	if len(stdout) == 0 {
		return nil
	}
	buf := bufio.NewReader(bytes.NewReader(stdout))
	header, err := textproto.NewReader(buf).ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("no CGI headers in %.200q: %w", stdout, err)
	}
	r.Header = header
	if status, _, _ := strings.Cut(header.Get("Status"), " "); status != "" {
		if r.Status, err = strconv.Atoi(status); err != nil {
			return fmt.Errorf("read the Status header: %w", err)
		}
	}
	r.Body, err = io.ReadAll(buf)
	return err
}

// Ask sends one whole request on a connection of its own and reads the reply.
func Ask(addr Addr, body []byte, pairs ...string) (*Reply, error) {
	c, err := Connect(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Begin(false); err != nil {
		return nil, err
	}
	if err := c.Params(pairs...); err != nil {
		return nil, err
	}
	// A server may answer, and close, before it has read the body: the reply says more than the broken pipe.
	if err := c.Stdin(body); err == nil && len(body) > 0 {
		c.Stdin(nil)
	}
	return c.Reply()
}

// Connect opens a FastCGI connection for the test to drive, until the test ends.
func (s *Stack) Connect(addr Addr) *Client {
	s.t.Helper()
	c := must(Connect(addr))(s.t)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Reply reads what comes back on a connection.
func (s *Stack) Reply(c *Client) *Reply {
	s.t.Helper()
	return must(c.Reply())(s.t)
}

// Ask sends one whole FastCGI request.
func (s *Stack) Ask(addr Addr, body []byte, pairs ...string) *Reply {
	s.t.Helper()
	return must(Ask(addr, body, pairs...))(s.t)
}

// ParamsFor are the params of a request for one script below a docroot, as a web server sends them.
func ParamsFor(docroot, method, script string, more ...string) []string {
	return append([]string{
		"REQUEST_METHOD", method, "DOCUMENT_ROOT", docroot, "SCRIPT_NAME", script, "SCRIPT_FILENAME", docroot + script,
		"REQUEST_URI", script, "SERVER_PROTOCOL", "HTTP/1.1", "GATEWAY_INTERFACE", "CGI/1.1", "REMOTE_ADDR", "127.0.0.1",
	}, more...)
}
