package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
	"realdocd/gateway/trial"
)

// observable is a request that PHP has answered.
func observable(uri string) *request {
	rq := &request{conn: &webConn{}, sent: true}
	rq.visit.Release = &deploy.Release{}
	rq.pairs = []fcgi.Pair{{Name: []byte("REQUEST_METHOD"), Value: []byte("GET")}, {Name: []byte("REQUEST_URI"), Value: []byte(uri)}}
	rq.cgi.requestMethod, rq.cgi.requestURI = 1, 2
	rq.place.Connected = time.Now()
	rq.firstByte = rq.place.Connected.Add(20 * time.Millisecond)
	rq.reply.status = 200
	return rq
}

func TestObservation_OnlyOfWhatPHPHasHad(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*request)
		err    error
		ok     bool
		failed bool
	}{
		"a page":                      {nil, nil, true, false},
		"a 500":                       {func(rq *request) { rq.reply.status = 500 }, nil, true, true},
		"a 404":                       {func(rq *request) { rq.reply.status = 404 }, nil, true, false},
		"a fatal error behind a 200":  {func(rq *request) { rq.reply.fatal = true }, nil, true, true},
		"FPM broke off":               {nil, errNoEnd, true, true},
		"FPM took too long":           {nil, refuse(causeFPMTimeout, "x"), true, true},
		"the queue was full":          {func(rq *request) { rq.sent = false }, refuse(causeQueueFull, "x"), false, false},
		"the visitor has left":        {func(rq *request) { rq.conn.gone.Store(true) }, errClientGone, false, false},
		"realdocd was stopped":        {nil, errCut, false, false},
		"the web server did not read": {nil, refuse(causeClientStalled, "x"), false, false},
	} {
		rq := observable("/")
		if row.change != nil {
			row.change(rq)
		}
		if o, ok := rq.observation(row.err); ok != row.ok || o.Failed != row.failed {
			t.Errorf("%s: %v, %v", name, ok, o.Failed)
		}
	}
}

// observeLive counts a request again and again, on a release that is live.
func observeLive(tb testing.TB) (again func()) {
	link := tb.TempDir() + "/current"
	if err := errors.Join(os.Mkdir(filepath.Dir(link)+"/1", 0o755), os.Symlink("1", link)); err != nil {
		tb.Fatal(err)
	}
	releases := deploy.NewResolver(deploy.Options{})
	if _, err := releases.Look(link); err != nil {
		tb.Fatal(err)
	}
	rq, r := observable("/product/4711?color=red"), &trial.Recorder{}
	rq.visit.Release = releases.Now(link)
	return func() {
		o, ok := rq.observation(nil)
		if !ok {
			tb.Fatal("it is not observed")
		}
		r.On(rq.visit.Release, rq.firstByte).Add(&o, rq.firstByte)
	}
}

func TestObserve_CostsNoAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(100, observeLive(t)); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	again := observeLive(b)
	for b.Loop() {
		again()
	}
}
