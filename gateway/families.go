package gateway

import "realdocd/gateway/exposition"

// The families that are read when somebody asks. realdocd-metrics(7) has them all, and a
// test compares the two.
var (
	buildInfo = gauge("build_info", "1, with which realdocd this is.", "version", "commit", "goversion")

	configHash    = gauge("config_hash", "A hash of the configuration that is at work: hosts with the same one have the same configuration.")
	configGood    = gauge("config_last_reload_successful", "0 if the newest configuration was not taken.")
	configAt      = gauge("config_last_reload_success_timestamp_seconds", "When the configuration that is at work was taken.")
	traceSpans    = counter("trace_spans_total", "Spans, by what became of them: exported, dropped because too many waited, or failed because the collector did not take them; while there is an endpoint.", "result")
	startedAt     = gauge("start_time_seconds", "When this process of realdocd began.")
	serves        = gauge("serving", "0 while the process stops, or has handed over to another.")
	drainsWaiting = gauge("drains_waiting", "Drains of pools and releases that are under way.")
	deploysNow    = gauge("deploys_running", "Deploys, flips and rollbacks of realdocd that are under way.")
	commandsNow   = gauge("commands_inside", "Commands of realdocd exec that are inside a release.")
	webConns      = gauge("web_connections", "Connections of web servers, idle ones included; those of a process that finishes its requests as it said last.")
	bodyMemory    = gauge("request_memory_bytes", "Memory that unfinished requests hold: params and bodies.")
	spoolBytes    = gauge("spool_bytes", "Room in spool_dir that bodies have taken.")

	siteRequests    = counter("requests_total", `Requests that have ended; class is that of the status, "499" a client that left.`, "site", "pool", "class")
	siteFailures    = counter("resolve_failures_total", "Requests whose link could not be looked at.", "site", "pool")
	siteLost        = counter("releases_lost_total", "Releases that were removed, or removed and made again, while they were in use.", "site", "pool")
	siteLostInside  = counter("releases_lost_requests_total", "Requests and commands that were in them.", "site", "pool")
	siteLive        = gauge("site_live_timestamp_seconds", "When the release went live that is live.", "site", "release")
	docrootRequests = counter("docroot_requests_total", `Requests that have ended, by docroot of a pattern: of the first 100 docroots, and "other" for the rest.`, "site", "docroot", "class")
	docrootTook     = histogram("docroot_request_duration_seconds", `From BEGIN_REQUEST to the end of the response, by docroot of a pattern: of the first 100 docroots, and "other" for the rest.`, "site", "docroot")

	fleetState   = gauge("fleet_state", `Docroots of the site that stand so in the fleet of this host: "in step", "behind", "in doubt", "strayed", "lost" or "unknown"; with [fleet], as the others of it.`, "site", "state")
	fleetCommit  = gauge("fleet_commit", "The number of the newest commit that the agent has told of, of a site that is no pattern; 0 is none.", "site")
	fleetStoreUp = gauge("fleet_store_up", "0 if etcd does not answer the agent, or the agent has never told.")
	fleetAgentUp = gauge("fleet_agent_up", "0 if the agent is silent for longer than it had said, or has never told.")
	fleetTold    = gauge("fleet_told_timestamp_seconds", "When the agent has told last: the others of it are of then.")

	releasePinned   = counter("release_pinned_total", "Requests that a pin has brought into a release that is live, has somebody inside, or to which a pin leads.", "site", "release")
	releasePinsEnd  = gauge("release_pins_end_timestamp_seconds", "When the youngest pin to the release ends; 0 if no pin leads there.", "site", "release")
	siteTold        = counter("told_total", "Questions of web servers for the release of a request; they are no requests.", "site", "pool")
	sitePins        = counter("pins_total", `Pins that requests of sites with pins have had; result is "followed", or why not.`, "site", "pool", "result")
	siteMaintained  = gauge("site_maintenance", "1 while visitors of the site, or of some docroot of it, get a page of maintenance.", "site")
	canaryPercent   = gauge("canary_percent", "Share of new visitors that get the release of the site that is tried; of a pattern, of one docroot.", "site")
	siteHeld        = gauge("site_held", "Requests of the site that a flip with a command holds back.", "site")
	inRelease       = gauge("release_running", "Requests and commands inside a release; of patterns, releases with nobody inside are left out.", "site", "release")
	releaseRequests = counter("release_requests_total", "Requests and commands that have entered a release that is live or has somebody inside.", "site", "release")
	releaseFailed   = counter("release_failed_total", "Those of them that have failed.", "site", "release")

	releaseResponses = counter("release_responses_total", "Requests in a release that have ended, by the class of their status; of the 500 releases that were used last.", "site", "release", "class")
	releaseErrors    = counter("release_php_errors_total", "Those of them that PHP itself has answered with 5xx; what realdocd has refused is not among them.", "site", "release")
	releaseTook      = histogram("release_request_duration_seconds", "From BEGIN_REQUEST to the end of the response, of the same releases.", "site", "release")
	releasePHP       = histogram("release_php_duration_seconds", "From the connection to PHP-FPM to the end of the response, of the same releases.", "site", "release")
	releaseFirst     = gauge("release_first_seen_timestamp_seconds", "When realdocd first saw the release, of the same releases.", "site", "release")
	releaseLast      = gauge("release_last_seen_timestamp_seconds", "When a request left it last, of the same releases.", "site", "release")
	releaseScripts   = gauge("release_opcache_scripts", "Scripts of the release in opcache; of the 50 releases of a pool that matter most.", "site", "release", "server")
	releaseBytes     = gauge("release_opcache_bytes", "Memory that they take there.", "site", "release", "server")

	poolRunning   = gauge("pool_running", "Requests that have a place in FPM.", "pool")
	poolWaiting   = gauge("pool_waiting", "Requests in the queue.", "pool")
	poolAbandoned = gauge("pool_abandoned", "Of realdocd_pool_running, those that nobody waits for any more.", "pool")
	poolMaxConns  = gauge("pool_max_conns", "The bound of realdocd_pool_running; 0 is none.", "pool")
	poolQueue     = gauge("pool_queue_limit", "The bound of realdocd_pool_waiting; what comes beyond it gets 503.", "pool")
	poolTimeout   = gauge("pool_queue_timeout_seconds", "How long a request may wait there.", "pool")
	poolLongest   = gauge("pool_longest_wait_seconds", "How long the first request in the queue has waited.", "pool")
	poolSaturated = gauge("pool_saturation_ratio", "Requests that want a place, over the places that there are; not told while that is not known.", "pool")
	poolPlaces    = counter("pool_requests_total", "Requests that have had a place.", "pool")
	poolRefused   = counter("pool_refused_total", "Requests that were refused one.", "pool")
	poolPaused    = gauge("pool_paused", "1 from pause to resume.", "pool")

	serverUp      = gauge("fpm_listener_up", "0 while the listener is passed over.", "pool", "server")
	serverRuns    = gauge("fpm_listener_running", "Requests in the listener.", "pool", "server")
	serverWorkers = gauge("fpm_listener_workers", "Workers that its FPM had when realdocd counted last; not told if it could not.", "pool", "server")
	serverKept    = gauge("fpm_connections_kept", "Idle kept connections.", "pool", "server")
	serverOpened  = counter("fpm_connections_opened_total", "Connections made.", "pool", "server")
	serverReused  = counter("fpm_connections_reused_total", "Requests over a kept connection.", "pool", "server")
	serverInfo    = gauge("fpm_listener_info", "1, with PHP's version, once that is known.", "pool", "server", "version")

	fpmUp         = gauge("fpm_status_up", "0 if FPM's status did not answer last.", "pool")
	fpmAt         = gauge("fpm_status_timestamp_seconds", "When FPM's status has answered last: the others of it are of then.", "pool")
	fpmWorkers    = gauge("fpm_workers", "FPM's workers by state.", "pool", "state")
	fpmQueue      = gauge("fpm_listen_queue", "Connections that no worker has taken yet.", "pool")
	fpmQueueMax   = gauge("fpm_listen_queue_max", "The most of them since FPM's start.", "pool")
	fpmQueueLen   = gauge("fpm_listen_queue_limit", "The size of FPM's backlog.", "pool")
	fpmActiveMax  = gauge("fpm_active_workers_max", "The most workers that were busy at once since FPM's start.", "pool")
	fpmReached    = counter("fpm_max_children_reached_total", "How often FPM wanted more workers than pm.max_children.", "pool")
	fpmAccepted   = counter("fpm_accepted_connections_total", "Requests that FPM has taken, of all its clients.", "pool")
	fpmSlow       = counter("fpm_slow_requests_total", "Requests above FPM's request_slowlog_timeout.", "pool")
	fpmStart      = gauge("fpm_start_time_seconds", "When FPM began.", "pool")
	fpmMemory     = gauge("fpm_workers_memory_bytes", "The sum of what each idle worker's last request has used at most.", "pool")
	fpmMemoryMost = gauge("fpm_worker_memory_max_bytes", "The most of that of one worker.", "pool")
	fpmLongest    = gauge("fpm_longest_request_seconds", "How long the longest request has run that runs now.", "pool")

	opcacheAt       = gauge("opcache_timestamp_seconds", "When FPM has told of its opcache last: the others of it are of then.", "pool", "server")
	opcacheMemory   = gauge("opcache_memory_bytes", "Opcache's memory: used, free or wasted.", "pool", "server", "state")
	opcacheStrings  = gauge("opcache_interned_strings_bytes", "Its memory for strings: used or free.", "pool", "server", "state")
	opcacheKeys     = gauge("opcache_keys", "Keys in use.", "pool", "server")
	opcacheMaxKeys  = gauge("opcache_max_keys", "The most keys that it can have.", "pool", "server")
	opcacheScripts  = gauge("opcache_scripts", "Scripts in it.", "pool", "server")
	opcacheFull     = gauge("opcache_full", "1 if it takes no more scripts.", "pool", "server")
	opcacheHits     = counter("opcache_hits_total", "Scripts that were found in it.", "pool", "server")
	opcacheMisses   = counter("opcache_misses_total", "Scripts that were not.", "pool", "server")
	opcacheRestarts = counter("opcache_restarts_total", "How often it has begun anew, by cause: memory, keys or manual.", "pool", "server", "cause")
	opcacheJIT      = gauge("opcache_jit_buffer_bytes", "The buffer of the just-in-time compiler, if that is on: used or free.", "pool", "server", "state")
)

func gauge(name, help string, labels ...string) *exposition.Family {
	return family(exposition.Gauge, name, help, labels)
}

func counter(name, help string, labels ...string) *exposition.Family {
	return family(exposition.Counting, name, help, labels)
}

func histogram(name, help string, labels ...string) *exposition.Family {
	return family(exposition.Histogram, name, help, labels)
}

func family(kind exposition.Kind, name, help string, labels []string) *exposition.Family {
	return exposition.NewFamily(kind, "realdocd_"+name, help, labels...)
}
