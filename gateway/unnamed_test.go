package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"realdocd/gateway/control"
	"realdocd/test/stack"
)

func TestUnnamed_TheAgentIsAskedForADocrootOnceInAWhile(t *testing.T) {
	u, begin := unnamed{}, time.Now()
	for _, row := range []struct {
		at    time.Duration
		since time.Duration
		ask   bool
	}{
		{0, 0, true},
		{time.Second, 0, false},
		{askedAgainAfter - 1, 0, false},
		{askedAgainAfter, askedAgainAfter, true}, // a tenant may have been made since
		{askedAgainAfter + time.Second, askedAgainAfter, false},
	} {
		if since, ask := u.add("/srv/shop", begin.Add(row.at)); ask != row.ask || since.Sub(begin) != row.since {
			t.Errorf("after %v it is missed since %v, and asked for: %v", row.at, since.Sub(begin), ask)
		}
	}
}

func TestUnnamed_AreNoMoreThanABoundAndTheOldOnesGo(t *testing.T) {
	u, begin := unnamed{}, time.Now()
	for i := range mostUnnamed {
		u.add(strconv.Itoa(i), begin)
	}
	if since, ask := u.add("/srv/shop", begin); !since.IsZero() || ask || len(u) != mostUnnamed {
		t.Errorf("it is missed since %v, asked for: %v, and %d are missed", since, ask, len(u))
	}
	later := begin.Add(askedAgainAfter)
	if since, ask := u.add("/srv/shop", later); since != later || !ask || len(u) != 1 {
		t.Errorf("later it is missed since %v, asked for: %v, and %d are missed", since, ask, len(u))
	}
}

// What is known of a docroot is more than a name; what is waited for in all is one grace.
func TestUnnamed_WhoHasWaitedForTheNameDoesNotWaitAsLongForTheState(t *testing.T) {
	since := time.Now().Add(-2 * time.Second)
	u := unnamed{"/srv/shop": since, "/srv/new": since}
	next := &standings{byDocroot: map[string]*stand{"/srv/shop": {unknown: time.Now()}}}
	u.named(next)
	if got := next.of("/srv/shop").unknown; got != since {
		t.Errorf("it is unknown since %v, want %v", got, since)
	}
	if len(u) != 1 {
		t.Errorf("missed are %v", u)
	}
}

// The docroot of a request is a part of its params, which the next request overwrites.
func TestFleet_ASiteOfOneDocrootThatTheAgentDoesNotNameIsMissedOnce(t *testing.T) {
	b := newFleet(t)
	b.start()
	b.stand(control.FleetStanding{Site: "blog", State: control.FleetInStep})
	c := b.connect()
	for i := range 3 {
		b.send(c, "", append([]string{"X", strings.Repeat("y", 10*i)}, b.params()...)...)
		if reply := b.reply(c); reply.Status != http.StatusServiceUnavailable {
			t.Errorf("it is answered %d %s", reply.Status, reply.Body)
		}
	}
	if n := len(b.server.fleet.unnamed); n != 1 {
		t.Errorf("%d docroots are missed", n)
	}
}

func TestFleet_ADocrootThatIsNotThereIsRefusedAtOnce(t *testing.T) {
	b := newTenants(t)
	seen := b.server.Wanted(t.Context(), 0)
	c := b.connect()
	began := time.Now()
	b.send(c, "", stack.ParamsFor(b.dir+"/made-up/current/public", "GET", "/index.php")...)
	b.reply(c)
	if took := time.Since(began); took > unknownGrace/2 {
		t.Errorf("it has waited for %v", took)
	}
	if again := b.server.Wanted(over(t), seen); again != seen {
		t.Error("the agent is asked for it")
	}
}

// The agent has seen a count of the process before.
func TestFleet_EachProcessCountsFromElsewhere(t *testing.T) {
	first, err := newFleetSeat(&Config{})
	second, err2 := newFleetSeat(&Config{})
	if err != nil || err2 != nil || first.wants == second.wants {
		t.Errorf("%d and %d, %v, %v", first.wants, second.wants, err, err2)
	}
}
