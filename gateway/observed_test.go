package gateway

import (
	"fmt"
	"testing"
	"time"

	"realdocd/deploy"
	"realdocd/fcgi"
	"realdocd/gateway/judge"
	"realdocd/test/stack"
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

func TestObserved_CostsNoAllocationAndHasSoManyClassesOnly(t *testing.T) {
	at := &observed{since: time.Now().Add(-time.Hour)}
	observe := func(rq *request) {
		o, ok := rq.observation(nil)
		if !ok {
			t.Fatal("it is not observed")
		}
		at.add(at.class(&o), &o, time.Now())
	}
	rq := observable("/product/4711")
	observe(rq)
	if n := testing.AllocsPerRun(100, func() { observe(rq) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range 1000 {
		observe(observable(fmt.Sprintf("/%c%c/", 'a'+i%26, 'a'+i/26%26)))
	}
	all := map[string]*judge.Sample{}
	at.addTo(all)
	sum := uint32(0)
	for _, s := range all {
		sum += s.Requests
	}
	if len(all) != judge.MaxClasses || all[judge.Other] == nil || sum != 1102 || at.requests() != 1102 || all["GET /product/*"].Requests != 102 {
		t.Errorf("%d classes with %d requests", len(all), sum)
	}
	if product := all["GET /product/*"]; product.Times[judge.BucketOf(20*time.Millisecond)] != 82 {
		t.Errorf("of 102 requests those that were not cold are %v", product.Times)
	}
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
		if o, ok := rq.observation(row.err); ok != row.ok || o.failed != row.failed {
			t.Errorf("%s: %v, %v", name, ok, o.failed)
		}
	}
}

// What the release before did is kept over a flip, and no more than two windows of it.
func TestRecorder_KeepsTwoWindowsAndTheReleaseBefore(t *testing.T) {
	b := newBench(t).start()
	b.served(b.connect(), "", b.params()...)
	r := &b.server.setup.Load().sites.named("shop").recorders.one
	stack.Until(t, "the first release is observed", func() bool { return r.now.Load() != nil })
	first := b.server.setup.Load().sites.named("shop").releases.Now(b.docroot("shop"))
	now := time.Now()
	a := r.on(first, now)
	for i := range 3 {
		a.cells[0].Store(&observedClass{name: "x", hash: 1})
		if next := r.on(first, now.Add(time.Duration(i+1)*observeFor)); next == a || next.before.Load() != a || next.since != a.since {
			t.Fatal("the window is not another one")
		} else if a.before.Load() != nil {
			t.Fatal("there are three windows")
		} else {
			a = next
		}
	}
	b.flip("2")
	b.served(b.connect(), "", b.params()...)
	second := b.server.setup.Load().sites.named("shop").releases.Now(b.docroot("shop"))
	stack.Until(t, "the second release is observed", func() bool { return r.of(second.Path) != nil }) // behind the answer
	if r.of(first.Path) != a || r.of(second.Path) == a || r.on(first, now) != nil {
		t.Error("what was observed of the releases is mixed up")
	}
	b.flip("1")
	b.served(b.connect(), "", b.params()...)
	stack.Until(t, "the first release is observed again", func() bool { return r.of(first.Path) != a })
	if back := r.of(first.Path); back == nil || back.before.Load() != a || back.since != a.since {
		t.Error("after a rollback the release begins anew")
	}
}

func BenchmarkObserve(b *testing.B) {
	rq := observable("/product/4711?color=red")
	r := &recorder{}
	at := &observed{release: rq.visit.Release, since: time.Now(), began: time.Now()}
	r.now.Store(at)
	for b.Loop() {
		o, _ := rq.observation(nil)
		at := r.on(rq.visit.Release, at.began)
		at.add(at.class(&o), &o, at.began)
	}
}

// Tenants come and go: one that is gone leaves its place to the next one.
func TestRecorders_ForgetDocrootsThatAreOver(t *testing.T) {
	st := &site{SiteConfig: SiteConfig{Docroot: "/www/*/current"}}
	rs := &recorders{}
	docroot := func(i int) string { return fmt.Sprintf("/www/%d/current", i) }
	now := time.Now()
	for i := range maxObserved {
		began := now
		if i < 10 {
			began = now.Add(-2*observeFor - time.Second)
		}
		rs.of(st, docroot(i)).now.Store(&observed{began: began})
	}
	if rs.of(st, docroot(maxObserved)) == nil {
		t.Fatal("there is no place for a new one")
	}
	if rs.of(st, docroot(10)).now.Load() == nil {
		t.Error("one that is in use is forgotten")
	}
	if n := rs.count.Load(); n != maxObserved-9 {
		t.Errorf("%d are remembered", n)
	}
	for i := range 9 {
		rs.of(st, docroot(maxObserved+1+i)).now.Store(&observed{began: now})
	}
	if rs.of(st, docroot(0)) != nil {
		t.Error("there are more than there may be")
	}
	rs.swept.Store(0)
	if rs.of(st, docroot(0)) == nil { // the one of above has had nothing
		t.Error("one that has nothing keeps its place")
	}
}
