// Package gateway is the daemon: it takes FastCGI requests from web servers,
// pins each to the release that is live when it begins, has it wait for a place
// in a pool, and passes it on to PHP-FPM.
//
// The way of a request is (*Server).run in request.go, and reads top to bottom:
// read the params, find the site and enter its release, rewrite, read the body,
// take a place, connect to FPM, relay. Each step is a call down. What a request
// knows travels in one request value.
//
// # Configurations
//
// A setup is one configuration at work: the sites, and the pools by their
// names. It never changes; Reload makes another, which takes over the pools,
// their servers and the sites' releases by name. A request runs under one setup
// to its end.
//
// # Places
//
// A pool has places in FPM, as many as max_conns, and all pools together as many as that of
// the machine, if it has one (fpm.Total). A request has one from
// pool.enter to pool.leave, in one of the pool's servers, and waits in the queue
// if all are taken or the pool is paused. Small bodies are complete and large
// ones spooled before that. What a server's connection needs to be kept for the
// next request is in reuse.go.
//
// A request whose web server has left is over, and its script may not be: it is
// abandoned (abandon.go). Its place and its release stay taken until FPM is done with it,
// and so does this process. One that may change something goes on without its web server
// until FPM has all of it (request.goesOn).
//
// # Releases
//
// A request is counted into its release when the link is looked at, once its body is
// whole if that is buffered, and out of it at the end of its script, so that DrainRelease
// can tell when nobody is inside an old one.
// A warm-up comes from ourselves, over a connection whose requests run on a
// release that is not live (webConn.errand). Flips are seen by the next request, or
// by Server.watchLinks, and written down by history.
//
// # Paths
//
// Every path that arrives becomes a site and a path below its release, whichever way
// it is written, and every path that leaves is written with the request's one release.
// A docroot as the configuration has it is found in a table; any other is an arrival,
// which is looked up by the paths that are known to lead to a release, by the way that
// it takes on disk, and by the history, and is remembered for a second (arrival.go,
// locate.go). An incpath.Mapping has the paths that lead to the release; by it go the
// script (script.go), what the web server sets (params.go) and the values of PHP
// (values.go). A PHP-FPM that sees the files elsewhere gets its own paths at the end
// (translate.go). For what is written plainly none of this allocates.
//
// # Operators
//
// What operators ask comes over the control socket to a control.Handler. Server is its
// control.Daemon: it says what is so, and control says how that is asked and told.
//
// # Life
//
// A Server is in one phase at a time (life.go). A request reads it with one load;
// only life.become changes it, and only as this table has it:
//
//	phase      may follow                               what holds in it
//	opening    starting                                 Listen or Succeed open the sockets; nobody is served. Serve that fails goes back
//	starting   opening                                  Serve starts what serves
//	serving    starting, reloading, offering, yielding  connections are accepted and their requests served
//	reloading  serving                                  as serving; Reload puts another configuration to work
//	offering   serving                                  as serving; HandOver has sent the sockets and waits until the successor is prepared
//	yielding   offering                                 requests run on, nothing is accepted; HandOver has told what it knows and waits until the successor serves
//	yielded    yielding                                 as yielding; the successor serves, shares out the places, and writes the history
//	retiring   yielded                                  Retire: each connection goes to the successor once no request runs on it
//	stopping   opening, serving                         Shutdown: each is closed, or left with the service manager
//	finishing  retiring, stopping                       as before; operators are not answered, and the end of the last connection ends Serve
//	cutting    retiring, stopping, finishing            the time is over: what runs is cut off
//	ended      finishing, cutting                       everything is closed
//
// Who has begun a phase owns the sockets, the successor and the predecessor until
// it ends: so no two goroutines open, replace or close anything at the same time,
// and no mutex is held meanwhile. Whoever only reads (a request, an operator's
// question) takes the sockets and the setup as they are, and waits for nobody.
// Serve, Reload and HandOver fail at once if the phase is not theirs to follow.
// Shutdown waits for the end of starting, reloading, offering and yielding.
//
// # Live upgrades
//
// A process hands over to its successor, which the command line has started, by
// messages and descriptors (package handover). The older one sends
// its listeners; the new one opens what its configuration has beyond them and says
// that it is prepared. Only then does the older one stop accepting, end what waits
// on the control socket (the clients ask the successor), and tell what it knows of
// releases and pools; the new one serves, and says so. If anything fails up to
// there, the older one goes on as before.
//
// From then on the older one retires: it gives each connection of a web server to
// the successor as soon as no request runs on it, and ends with the last request.
// Meanwhile the successor shares out the places of each pool (lease), asks who is
// left in a release, and adds up what operators want to know (beside.go). A
// successor may have a successor before its predecessor has ended: they are a
// line, in which each knows only its neighbours.
//
// A restart under a service manager is less: the listeners and the connections on
// which no request runs are left with it for the next process (KeepConns, Adopt).
//
// # Goroutines
//
// One goroutine serves a connection of a web server (webConn.serve), one request
// after another, and does all input and output of a usual request. A body too
// large to be sent at once has a second one beside it (request.sendRequest) for
// as long as the request lasts. One goroutine a server waits for web servers
// that hang up (hangups.run), one ends what waits for web servers for too long
// (Server.watchStalls), and one a listener accepts (Server.accept). An abandoned place has
// one until its script ends (fpm.Abandoned). One tries
// an FPM listener that is out until it answers (server.recover), one asks FPM
// what it is, in its turn (fpm.Turns), one looks at the links once a second (Server.watchLinks),
// and one for slow requests if FPM can be asked about them (Server.watchSlow). While
// somebody looks at metrics, package sample has one for each question to FPM.
// The other process of a handover has one that receives (Successor.listen,
// Predecessor.listen) and one that writes (handover.Peer), so that nobody who has
// something to tell waits.
//
// # Locks
//
// No mutex is held over input or output, nor over a wait for another goroutine or
// process. Some are taken while another is held, in this order: Server.mu (which
// connections and commands there are), webConn.mu (what the connection's request
// waits for), that of [fpm.Pool] (places and queue), that of [fpm.Total] (the places of all
// pools), and that of [handover.Peer] (what is to be sent). Every other is held alone. What a mutex guards is said beside it,
// and a function whose name ends in Locked wants it held.
//
// # What can go wrong
//
// A step that fails returns a *refusal with the cause, which has a name for the
// log and the metrics and a status for the visitor; (*request).fail turns it
// into a complete CGI response. When a part of FPM's response has gone out, the
// connection is broken instead, so that the web server can tell. Each request is
// logged once, at its end. Every event about it has its id (request.identify), which
// PHP gets too, and the trace that it belongs to.
//
// # Idle connections
//
// A web server may keep thousands of connections. One that has been without a request
// for a while is asleep (asleep.go): it holds a descriptor and no goroutine, and the
// sock.Watcher wakes it. One that waits holds no buffer: a sock takes one from a pool only
// when there is something to read.
package gateway
