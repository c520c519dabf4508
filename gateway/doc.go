// Package gateway is the daemon: it takes FastCGI requests from web servers,
// has each run on the release that is live when it begins, or that a pin of its visitor
// names, has it wait for a place in a pool, and passes it on to PHP-FPM.
//
// The way of a request is (*Server).run in way.go, and reads top to bottom:
// read the params, find the site, read the body unless it is streamed, enter a release,
// rewrite, take a place, connect to FPM, relay. Each step is a call down. What a request
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
// Pool.Enter to Place.Leave, in one of the pool's listeners, and waits in the queue
// if all are taken or the pool is paused. Small bodies are complete and large
// ones spooled before that. What a connection needs to be kept for the
// next request is in fpm/keep.go.
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
// Which release a request enters is decided in one place (request.enterRelease): one that
// the web server has named itself, else that of a pin (pinned.go), else one that a canary
// draws for a new visitor (draw.go), else the live one. Nothing else that a client sends
// decides it. While a docroot is held (hold.go) the request waits outside, and enters what
// is live then. A canary and a bake are trials (package trial): each is owned by one
// goroutine, and the site is told of them (trialOwner).
//
// # A fleet
//
// With a fleet, the agent of this host tells where each site stands (Server.Stand, in full each
// time): the daemon asks nobody, and no request waits for another machine. A request of a site that
// is behind what is committed, or of which that is not known, is refused before its body is read
// (request.checkFleet); for a moment after nobody has known, it waits for the agent's word
// instead. The daemon is ready only if all its sites are in step. What was told is in
// state_dir/fleet.json before the agent is answered, and holds for the next process of this boot
// of the machine; see package standing.
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
// as long as the request lasts. An abandoned place has one until its script ends
// (fpm.Abandoned).
//
// For as long as the process serves, one waits for web servers
// that hang up (sock.Watcher.Run), one ends what waits for web servers for too long
// (Server.watchStalls), one a listener accepts (Server.accept), one sends spans if there is a
// collector (trace.Exporter.run), and one takes what the page shows, once a second while
// somebody looks or if it has an address (webpage.Page.Run). For as long as a setup is at
// work, one looks at its links once a second (Server.watchLinks), and writes down which
// releases have pins, and one looks for slow requests if FPM can be asked about them
// (Server.watchSlow). A trial has one until it ends (trial.Trial.Run).
//
// Others come and go. One tries an FPM listener that is out until it answers
// (listener.recover), and one asks FPM what it is, in its turn (fpm.Turns). While somebody looks at
// metrics or the page, package sample has one for each question to FPM, of two seconds at
// the most, and while somebody looks at the page one that asks again (Sampler.run). A probe
// of readiness has one a listener, for a second at the most (fpm.Pool.Answers). Places
// whose workers are late have a timer a listener (fpm/late.go). What is written into
// the history has one a step, each of which waits for the one before (history.stepLocked).
// The other process of a handover has one that receives (Successor.listen,
// Predecessor.listen) and one that writes (handover.Peer), so that nobody who has
// something to tell waits.
//
// # Locks
//
// No mutex is held over input or output, nor over a wait for another goroutine or
// process. Some are taken while another is held, in this order: Server.mu (which
// connections and commands there are), webConn.mu (what the connection's request
// waits for), that of [sample.Sampler] (what FPM has said), that of [fpm.Pool] (places and
// queue), that of [fpm.Total] (the places of all pools), and that of [handover.Peer] (what is
// to be sent). Every other is held alone. What a mutex guards is said beside it, and a
// function whose name ends in Locked wants it held. What operators decide of a site while
// requests run (maintenance, trials), and what an agent tells of it (standings), is a map that is replaced and never changed, so that a
// request loads a pointer and waits for nobody.
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
