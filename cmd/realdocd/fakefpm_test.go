package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"realdocd/test/stack"
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
	fpm := stack.ListenFPM(t, stack.Addr(f.addr))
	go func() { // until the process ends
		for q := range fpm.Requests {
			f.came <- struct{}{}
			go f.answer(q)
		}
	}()
	return f
}

func (f *fakeFPM) answer(q *stack.FakeRequest) {
	<-f.hold
	docroot, asked := q.Value("DOCUMENT_ROOT")
	if asked {
		docroot = "\r\n" + docroot
	}
	q.End(docroot) // the daemon may have left
}

// get runs one request as a web server does, and gives the DOCUMENT_ROOT that
// PHP saw, or why there is none.
func get(addr, docroot string) string {
	reply, err := stack.Ask(stack.Addr(addr), nil, stack.ParamsFor(docroot, "GET", "/index.php", "REQUEST_URI", "/held")...)
	if err != nil {
		return err.Error()
	}
	if reply.Status != 200 || !reply.Ended {
		return fmt.Sprintf("status %d, complete %v: %s", reply.Status, reply.Ended, reply.Body)
	}
	return string(reply.Body)
}

// wantServed fails the test unless PHP runs a request on the site's release.
func wantServed(t *testing.T, addr, docroot string) {
	t.Helper()
	if got, want := get(addr, docroot), filepath.Dir(filepath.Dir(docroot))+"/releases/42/public"; got != want {
		t.Errorf("got %q, want PHP to see %s", got, want)
	}
}
