// Package handover is how two processes of realdocd talk while one takes over from
// the other: messages, and with some of them the descriptor of a socket.
//
// The older process makes a Pair: a Peer for itself, and a file that the newer one
// inherits and opens as its own Peer. Each Message is one of a few kinds, in JSON
// behind its length in four bytes. Messages arrive whole, in the order of Send, until
// one side closes its Peer or ends; what was sent before that arrives still.
//
// Two versions of realdocd speak this with each other. A newer one may add kinds and
// fields, which an older one ignores, and keeps those that are there with their
// meaning. The files in testdata pin them. What is said when, and what a process does
// then, is package gateway's: see "Live upgrades" there.
//
// One goroutine writes for a Peer, until Close. Nobody who sends waits for the other
// process, but in Flush; so Send may be called with a mutex held.
package handover
