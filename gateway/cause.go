package gateway

import "net/http"

// A cause is why a request failed: its name in the log and in the metrics, and
// the status for the visitor.
type cause struct {
	name   string
	status int
}

// statusClientGone is nginx's status for a client that left before the
// response began. It only goes to the log.
const statusClientGone = 499

var (
	causeBadRequest    = &cause{"bad_request", http.StatusBadRequest}
	causeParamsTooLong = &cause{"params_too_long", http.StatusRequestHeaderFieldsTooLarge}
	causeBodyTooLarge  = &cause{"body_too_large", http.StatusRequestEntityTooLarge}
	causeMemory        = &cause{"memory", http.StatusServiceUnavailable}
	causeClientStalled = &cause{"client_stalled", statusClientGone}
	causeHeaderTimeout = &cause{"header_timeout", http.StatusRequestTimeout}
	causeBodyTimeout   = &cause{"body_timeout", http.StatusRequestTimeout}
	causeNoSite        = &cause{"no_site", http.StatusNotFound}
	causeNoPool        = &cause{"no_pool", http.StatusServiceUnavailable}
	causeMaintenance   = &cause{"maintenance", http.StatusServiceUnavailable}
	causeFleetBehind   = &cause{"fleet_behind", http.StatusServiceUnavailable}
	causeFleetUnknown  = &cause{"fleet_unknown", http.StatusServiceUnavailable}
	causeForbidden     = &cause{"forbidden", http.StatusForbidden}
	causeUnresolved    = &cause{"unresolved", http.StatusServiceUnavailable}
	causeIncludePath   = &cause{"include_path", http.StatusInternalServerError}
	causeSpool         = &cause{"spool", http.StatusInternalServerError}
	causeSpoolFull     = &cause{"spool_full", http.StatusServiceUnavailable}
	causeSpoolTooSmall = &cause{"spool_too_small", http.StatusInsufficientStorage}
	causeOwnLimit      = &cause{"own_limit", http.StatusServiceUnavailable}
	causeQueueFull     = &cause{"queue_full", http.StatusServiceUnavailable}
	causeQueueTimeout  = &cause{"queue_timeout", http.StatusServiceUnavailable}
	causeFPMDown       = &cause{"fpm_down", http.StatusBadGateway}
	causeBacklogFull   = &cause{"backlog_full", http.StatusServiceUnavailable}
	causeFPMFailed     = &cause{"fpm_failed", http.StatusBadGateway}
	causeFPMTimeout    = &cause{"fpm_timeout", http.StatusGatewayTimeout}
	causeShutdown      = &cause{"shutdown", http.StatusServiceUnavailable}
	causeClientGone    = &cause{"client_gone", statusClientGone}
)

// causes are all of them.
var causes = []*cause{
	causeBadRequest, causeParamsTooLong, causeHeaderTimeout, causeBodyTimeout, causeNoSite, causeNoPool, causeMaintenance, causeFleetBehind, causeFleetUnknown, causeForbidden, causeUnresolved, causeIncludePath, causeSpool, causeSpoolFull, causeSpoolTooSmall, causeOwnLimit,
	causeQueueFull, causeQueueTimeout, causeFPMDown, causeBacklogFull, causeFPMFailed, causeFPMTimeout, causeShutdown,
	causeClientGone, causeBodyTooLarge, causeMemory, causeClientStalled,
}
