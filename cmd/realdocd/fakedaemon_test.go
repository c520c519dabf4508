package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"realdocd/gateway/control"
)

// A fakeDaemon says what a test has it say. The handler in front of it, and its
// socket, are those of realdocd.
type fakeDaemon struct {
	t      *testing.T
	socket string
	server *http.Server

	mu      sync.Mutex
	asked   []string // METHOD and URI of each request
	status  control.Status
	busy    map[string][]control.Occupant // whom a drain finds in a pool or a release, by name or path
	ready   control.Readiness
	running control.Requests
	told    control.Configuration
	reread  error // what a reload answers
	// What follows is of its one site, the first in status.
	site     control.SiteDetail
	headroom control.Headroom
	warm     []control.WarmResult
	stuck    bool // "headroom" waits for its client to leave
	compiled []control.CompiledResult
	room     []control.RoomResult
	warming  chan struct{} // if it is set, "warm" closes it and waits for its client to leave
	env      func() control.CommandEnv

	trial                []control.TrialStatus // that a trial comes to
	trialOver, trialLeft chan struct{}
	plan                 *control.Plan
	stepped              []int
	figures              string

	maintenance *control.Maintenance
	held        chan struct{} // closed when the last hold has let go
	flips       chan string   // told to the command that has entered
	// grow is called before each answer about pools and sites, with mu held.
	grow func()
}

// newFakeDaemon makes one with the given pools and site, which does not run yet.
func newFakeDaemon(t *testing.T, socket string, pools []string, site string) *fakeDaemon {
	d := &fakeDaemon{
		t: t, socket: socket, busy: map[string][]control.Occupant{}, flips: make(chan string, 1), grow: func() {},
		headroom: control.Headroom{Asked: true, Readable: true, Opcache: true, Known: true, Fits: true},
		status:   control.Status{PID: 812, Sites: []control.SiteStatus{{Name: site}}},
	}
	d.site.Name = site
	for _, name := range pools {
		d.status.Pools = append(d.status.Pools, control.PoolStatus{Name: name, Status: "/run/php/status.sock"})
	}
	return d
}

// start serves the control API until stop or the end of the test.
func (d *fakeDaemon) start() {
	d.t.Helper()
	ln, err := net.Listen("unix", d.socket)
	if err != nil {
		d.t.Fatal(err)
	}
	api := control.NewHandler(d, http.NotFoundHandler(), http.NotFoundHandler())
	d.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/deploying") { // it comes when it comes
			api.ServeHTTP(w, r)
			return
		}
		d.mu.Lock()
		d.asked = append(d.asked, r.Method+" "+r.URL.RequestURI())
		d.mu.Unlock()
		api.ServeHTTP(w, r)
	})}
	go d.server.Serve(ln)
	d.t.Cleanup(d.stop)
}

func (d *fakeDaemon) stop() { d.server.Close() }

// Wanted waits: nothing is wanted of an agent.
func (d *fakeDaemon) Wanted(ctx context.Context, seen uint64) uint64 {
	<-ctx.Done()
	return seen
}

// takeAsked gives what it was asked since the last call.
func (d *fakeDaemon) takeAsked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

func (d *fakeDaemon) Status() control.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grow()
	st := d.status
	st.Pools = slices.Clone(st.Pools)
	return st
}

func (d *fakeDaemon) OwnStatus() control.Status { return d.Status() }

func (d *fakeDaemon) Ready(context.Context, string) (control.Readiness, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ready, nil
}

func (d *fakeDaemon) Requests(site string) (control.Requests, error) {
	if site != "" && site != d.site.Name {
		return control.Requests{}, control.ErrNoSite
	}
	return d.running, nil
}

func (d *fakeDaemon) Deploying(string) (func(), error) { return func() {}, nil }

func (d *fakeDaemon) View() control.View { return control.View{} }

func (d *fakeDaemon) Checked(control.Checked) {}

// Stand notes what it was told.
func (d *fakeDaemon) Stand(_ context.Context, report control.FleetReport) (control.FleetStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Fleet = &control.FleetStatus{FleetReport: report, Told: time.Now(), Refuses: true}
	return *d.status.Fleet, nil
}

func (d *fakeDaemon) Reread(context.Context) error         { return d.reread }
func (d *fakeDaemon) Configuration() control.Configuration { return d.told }

// pool has something done to a pool.
func (d *fakeDaemon) pool(name string, do func(*control.PoolStatus)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.status.Pools {
		if p := &d.status.Pools[i]; p.Name == name {
			do(p)
			return nil
		}
	}
	return control.ErrNoPool
}

func (d *fakeDaemon) Pause(pool string) error {
	return d.pool(pool, func(p *control.PoolStatus) { p.Paused = true })
}

func (d *fakeDaemon) Resume(pool string) error {
	return d.pool(pool, func(p *control.PoolStatus) { p.Paused = false })
}

// Drain fails at once if somebody is inside.
func (d *fakeDaemon) Drain(_ context.Context, pool string) error {
	if left, _ := d.drain(pool); left != nil {
		return &control.DrainError{Running: len(left)}
	}
	return d.Pause(pool)
}

func (d *fakeDaemon) drain(what string) ([]control.Occupant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if left := d.busy[what]; left != nil {
		return left, context.DeadlineExceeded
	}
	return nil, nil
}

func (d *fakeDaemon) Site(name, _ string) (control.SiteDetail, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name != d.site.Name {
		return control.SiteDetail{}, fmt.Errorf("%w: %q", control.ErrNoSite, name)
	}
	d.grow()
	return d.site, nil
}

func (d *fakeDaemon) Look(name, docroot, _ string) (control.SiteDetail, error) {
	return d.Site(name, docroot)
}

// DrainRelease fails at once if somebody is inside.
func (d *fakeDaemon) DrainRelease(_ context.Context, _, _, release string, pins control.Pins) ([]control.Occupant, error) {
	return d.drain(release)
}

func (d *fakeDaemon) Warm(ctx context.Context, _, _, _ string) ([]control.WarmResult, error) {
	if d.warming != nil {
		close(d.warming)
		<-ctx.Done()
	}
	return d.warm, ctx.Err()
}

func (d *fakeDaemon) Headroom(ctx context.Context, _, _, _ string) (control.Headroom, error) {
	if d.stuck {
		<-ctx.Done()
	}
	return d.headroom, ctx.Err()
}

func (d *fakeDaemon) Compile(context.Context, string, string, string) ([]control.CompiledResult, error) {
	return d.compiled, nil
}

func (d *fakeDaemon) MakeRoom(context.Context, string, string) ([]control.RoomResult, error) {
	return d.room, nil
}

func (d *fakeDaemon) Forget(context.Context, string, string, string) ([]control.ForgottenResult, error) {
	return nil, nil
}

// Maintain keeps what it is told.
func (d *fakeDaemon) Maintain(_, _ string, m *control.Maintenance) (control.SiteStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.maintenance = m
	return d.site.SiteStatus, nil
}

// Hold fails at once if somebody is inside.
func (d *fakeDaemon) Hold(context.Context, string, string) (func(), []control.Occupant, error) {
	if left, err := d.drain("held"); err != nil {
		return nil, left, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = make(chan struct{})
	return func() { close(d.held) }, nil, nil
}

// Try gives the statuses of trials, one after the other, and then the last one again.
func (d *fakeDaemon) Try(_, _ string, p control.Plan) (control.Trial, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan = &p
	d.trialOver, d.trialLeft = make(chan struct{}), make(chan struct{})
	return &fakeTrial{d: d, left: d.trialLeft}, nil
}

func (d *fakeDaemon) StepTrial(_, _ string, number uint16, step int) (control.TrialStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stepped = append(d.stepped, step)
	return control.TrialStatus{Number: number, Step: step + 1}, nil
}

func (d *fakeDaemon) EndTrial(_, _ string) (control.TrialStatus, error) {
	return control.TrialStatus{Ended: "operator"}, nil
}

func (d *fakeDaemon) Preview(_, _, _ string, lasts time.Duration) (control.PreviewLink, error) {
	return control.PreviewLink{Token: "TOKEN", Ends: time.Now().Add(lasts)}, nil
}

type fakeTrial struct {
	d    *fakeDaemon
	at   int
	left chan struct{}
}

func (t *fakeTrial) Status() control.TrialStatus {
	st := t.d.trial[t.at]
	t.at = min(t.at+1, len(t.d.trial)-1)
	return st
}
func (t *fakeTrial) Over() <-chan struct{} { return t.d.trialOver }
func (t *fakeTrial) Figures() string       { return t.d.figures }
func (t *fakeTrial) Leave()                { close(t.left) }

func (d *fakeDaemon) Enter(_, _, _ string, _ control.Command) (control.Stay, error) {
	return fakeStay{d, d.env()}, nil
}

type fakeStay struct {
	d   *fakeDaemon
	env control.CommandEnv
}

func (s fakeStay) Env() control.CommandEnv { return s.env }
func (s fakeStay) Leave()                  {}

func (s fakeStay) AwaitFlip(ctx context.Context) string {
	select {
	case live := <-s.d.flips:
		return live
	case <-ctx.Done():
		return ""
	}
}

// query is one parameter of what was asked.
func query(asked, name string) string {
	u, err := url.Parse(asked)
	if err != nil {
		return err.Error()
	}
	return u.Query().Get(name)
}
