package main

import (
	"net"
	"path/filepath"
	"testing"

	"realdocd/fcgi"
)

// fakeFPM answers each request with what it was sent as DOCUMENT_ROOT, after
// the hold. It tells of each request that has come.
type fakeFPM struct {
	addr string
	came chan struct{}
	hold chan struct{} // closed: answer at once
}

func startFakeFPM(t *testing.T) *fakeFPM {
	t.Helper()
	f := &fakeFPM{filepath.Join(t.TempDir(), "fpm.sock"), make(chan struct{}, 10), make(chan struct{})}
	ln, err := net.Listen("unix", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go f.answer(conn)
		}
	}()
	return f
}

func (f *fakeFPM) answer(conn net.Conn) {
	defer conn.Close()
	var docroot []byte
	eachRecord(conn, func(rec fcgi.Record) bool {
		switch {
		case rec.Type == fcgi.GetValues:
			reply, _ := fcgi.AppendValues(nil, rec.Content, func([]byte) (string, bool) { return "1", true })
			conn.Write(reply)
		case rec.Type == fcgi.Params:
			pairs, _ := fcgi.ReadPairs(nil, rec.Content)
			for _, p := range pairs {
				if string(p.Name) == "DOCUMENT_ROOT" {
					docroot = append([]byte("\r\n"), p.Value...)
				}
			}
		case rec.Type == fcgi.Stdin && len(rec.Content) == 0:
			f.came <- struct{}{}
			<-f.hold
			reply := fcgi.AppendStream(nil, fcgi.Stdout, rec.ID, docroot)
			conn.Write(fcgi.AppendEnd(reply, rec.ID, 0, fcgi.RequestComplete))
			return false
		}
		return true
	})
}

// get runs one request as a web server does, and gives what it answers when
// the daemon is done with it and closes.
func get(t *testing.T, addr, docroot string) string {
	t.Helper()
	conn, err := net.Dial("unix", addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	ask := fcgi.AppendBegin(nil, 1, fcgi.Begin{Role: fcgi.RoleResponder})
	ask, err = fcgi.AppendParams(ask, 1, []fcgi.Pair{
		{Name: []byte("DOCUMENT_ROOT"), Value: []byte(docroot)},
		{Name: []byte("SCRIPT_FILENAME"), Value: []byte(docroot + "/index.php")},
		{Name: []byte("REQUEST_METHOD"), Value: []byte("GET")},
		{Name: []byte("REQUEST_URI"), Value: []byte("/held")},
	})
	if err != nil {
		t.Error(err)
		return ""
	}
	ask = fcgi.AppendHeader(ask, fcgi.Params, 1, 0)
	conn.Write(fcgi.AppendHeader(ask, fcgi.Stdin, 1, 0))
	var answer []byte
	eachRecord(conn, func(rec fcgi.Record) bool {
		if rec.Type == fcgi.Stdout {
			answer = append(answer, rec.Content...)
		}
		return true
	})
	return string(answer)
}

func eachRecord(conn net.Conn, do func(fcgi.Record) bool) {
	var rd fcgi.Reader
	for rd.Fill(conn) == nil {
		for {
			rec, ok, err := rd.Next()
			if err != nil {
				return
			}
			if !ok {
				break
			}
			if !do(rec) {
				return
			}
		}
	}
}
