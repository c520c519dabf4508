// Package webpage is what one looks at while a deploy goes out: one page, in a browser, of
// what the daemon does now and has done in the last 15 minutes.
//
// It only shows. Every route is a GET, and nothing can be changed from it. Everything
// comes from the binary, and the Content-Security-Policy lets a browser ask nobody else.
// Without JavaScript it is tables that reload by themselves every five seconds; with it
// the server sends what has changed, once a second, as server-sent events.
//
// # How it works
//
// A [Source], the daemon, gives a [Snapshot] of its counters. One goroutine, [Page.Run],
// takes one a second, however many look. It goes to [Recent], which keeps the differences
// in steps of five seconds, a ring a release. Then each view that somebody looks at (the
// overview, or a docroot) is written once, as parts of HTML that have an id each. A viewer
// gets the parts that differ from those of the second before. So viewers cost what is
// sent to them, and no more.
//
// If nobody has asked for the page by the configuration, it takes snapshots from the first
// viewer on, until a minute after the last has left. It knows the last 15 minutes only if
// it had taken snapshots then.
//
// # Bounds
//
// At most 128 viewers are served at once; the next one gets 503. Recent keeps 2,000
// docroots with at most 6 releases each, about 4 KiB a release. A docroot without a request
// for 15 minutes takes nothing.
package webpage
