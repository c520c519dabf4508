// Package fpm is PHP-FPM as the daemon uses it: pools of FPM's listeners, the places in
// them, the queue in front of them, and what FPM is asked.
//
// # Places
//
// A [Pool] has places, as many as max_conns: each is the right to run one request in
// FPM. A request takes one with [Pool.Enter], which waits in the queue while all are
// taken or the pool is paused. The [Place] then connects to FPM ([Place.Connect]) and is
// given back with [Place.Leave]. A place is in one of the pool's listeners, the least busy
// one; one that does not take a connection is down, and passed over until it answers.
//
// The queue is fair between sites: the next place goes to the site with the fewest
// requests in FPM. See queue.go.
//
// A request that nobody waits for any more leaves its place to itself with
// [Place.Abandon]: it is given back when FPM is done with the request. See abandon.go.
//
// # Kept connections
//
// With [Config.Reuse], connections are kept for further requests if that is provably
// safe; keep.go has the conditions. While requests wait, the place of one that has ended is
// given only once its worker is back in its read; see late.go. What FPM it is, the daemon
// finds out by running a small script in it, probe.php ([Ask]); pools take [Turns] in that.
//
// # Pauses
//
// A pool that is paused gives no places; requests wait in its queue. A drain pauses a pool
// and waits until nothing runs in it. A drain that fails leaves the pool as it was. See
// pause.go.
//
// # Two processes
//
// During a live upgrade an older daemon and its successor use the same FPM. The successor
// shares out the places of both; see share.go.
//
// # Locks
//
// Pool.mu guards places, queue, pause and kept connections. It is taken last, but for
// what the report of [Pool.HandOver] takes, and never held over input or output.
package fpm
