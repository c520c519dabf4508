// Package sock has connections that are read as FastCGI records, on both sides of
// the daemon: web servers connect to it, and it connects to PHP-FPM.
//
// A [Conn] is one end of a connection. It takes a buffer only when there is something
// to read, so that a connection that waits holds none. One goroutine reads and writes
// it; any goroutine may [Conn.Interrupt] it.
//
// A [Dialer] connects to one listener. For unix sockets it needs two system calls. The
// connection can then tell, without reading anything, whether the other side has read
// all that was sent ([Conn.Ready]).
//
// A [Watcher] notices connections whose other side hangs up while nobody reads them.
//
// A connection that is shut ([Conn.Shut]) tells when the other side is done with it
// ([Conn.AwaitTaken]).
//
// # System calls
//
// Go's scheduler takes the processor away from a goroutine that is in a system call for
// long, and wakes a thread to see to that. The calls here cannot wait: the descriptors
// are non-blocking. So they are made without telling the scheduler (unix.RawSyscall),
// which spares a request a tenth of its time. This package has nearly all of the unsafe
// code of the daemon.
package sock
