// Package spare has a spare processor for calls that may block.
//
// Go runs goroutines on as many processors as GOMAXPROCS says; the daemon takes a
// quarter of the machine's, which is often a single one. A goroutine in a system call
// keeps its processor until Go's monitor notices, up to 10 ms later, and until then
// nothing else runs on it and nobody looks at the network. Sockets are non-blocking and
// never do this. A disk does: one that answers after 200 ms stops every request for 10 ms
// or 20, at each read, write and fsync.
//
// So who is about to make such a call takes a spare processor with [Take], and gives it
// back with [Return]. It costs two short stops of the program, about 20 µs each. A
// processor that stayed would cost every request a tenth of its time in wake-ups.
//
// A machine with enough processors needs no spare one: others go on.
package spare
