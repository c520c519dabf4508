package conf

import (
	"fmt"

	"realdocd/cmd/realdocd/logging"
	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/fpm"
)

// keys are the keys of a table, by their names.
type keys map[string]key

func (d *document) topKeys() keys {
	g := &d.config.Gateway
	return keys{
		"listen":           into(&g.Listen, listOf(address)),
		"listen_mode":      into(&g.ListenMode, mode),
		"listen_group":     into(&g.ListenGroup, orNone(name)),
		"allowed_clients":  into(&g.AllowedClients, listOf(network)),
		"control":          into(&g.Control, orNone(socketPath)),
		"control_group":    into(&g.ControlGroup, orNone(name)),
		"control_mode":     into(&g.ControlMode, mode),
		"operate_groups":   into(&g.OperateGroups, listOf(name)),
		"look_groups":      into(&g.LookGroups, listOf(name)),
		"allowed_users":    into(&g.AllowedUsers, listOf(userID)),
		"user":             into(&g.User, name),
		"metrics":          into(&g.Metrics, orNone(hostPort)),
		"unmatched":        unmatched.into(&g.ForwardUnmatched),
		"max_body":         into(&g.MaxBody, size),
		"max_conns":        into(&g.MaxConns, wholeUpTo(maxRequests)),
		"max_connections":  into(&g.MaxConnections, wholeUpTo(maxRequests)),
		"shutdown_timeout": into(&g.ShutdownTimeout, duration),
		"header_timeout":   into(&g.HeaderTimeout, duration),
		"body_timeout":     into(&g.BodyTimeout, duration),
		"idle_timeout":     into(&g.IdleTimeout, duration),
		"max_spool":        into(&g.MaxSpool, size),
		"spool_dir":        into(&g.SpoolDir, orNone(absolute)),
		"probe_dir":        into(&g.ProbeDir, orNone(absolute)),
		"state_dir":        into(&g.StateDir, orNone(absolute)),
		"pin_key_file":     into(&g.PinKeyFile, orNone(absolute)),
		"include":          d.includeKey(),
		"log":              d.inTable("log", d.logKeys),
		"page":             d.inTable("page", d.pageKeys),
		"trace":            d.inTable("trace", d.traceKeys),
		"fleet":            d.inTable("fleet", d.fleetKeys),
		"pool":             d.inTables("pool", d.readPool, d.poolTables),
		"site":             d.inTables("site", d.readSite, d.siteTables).together(d.inherit),
	}
}

func (d *document) logKeys() keys {
	return keys{
		"level":  into(&d.config.Log.Level, logLevel),
		"format": into(&d.config.Log.Format, logFormat),
		"output": into(&d.config.Log.Output, logOutputName),
		"access": intoAs(&d.config.Gateway.AccessLog, accessLog, writtenAccessLog),
		"slow":   into(&d.config.Gateway.SlowLog, duration),
	}
}

func (d *document) pageKeys() keys {
	return keys{"listen": into(&d.config.Gateway.Page, orNone(addressText))}
}

func poolKeys(p *fpm.Config) keys {
	return keys{
		"server":          into(&p.Servers, listOf(address)),
		"include_path":    into(&p.IncludePath, text),
		"map":             into(&p.Map, listOf(pathPair)),
		"connect_timeout": into(&p.ConnectTimeout, positiveDuration),
		"read_timeout":    into(&p.ReadTimeout, duration),
		"request_timeout": into(&p.RequestTimeout, duration),
		"max_conns":       intoAs(&p.MaxConns, maxConns, maxConnsText),
		"queue":           into(&p.Queue, wholeUpTo(maxRequests)),
		"queue_timeout":   into(&p.QueueTimeout, positiveDuration),
		"reuse":           reuse.into(&p.Reuse),
		"status":          into(&p.StatusServer, orNone(address)),
		"status_path":     into(&p.StatusPath, urlPath),
	}
}

func siteKeys(s *gateway.SiteConfig) keys {
	return keys{
		"docroot":                into(&s.Docroot, docrootPattern),
		"pool":                   into(&s.Pool, text),
		"resolve":                into(&s.Resolve, resolveMode),
		"realpath_every":         into(&s.RealpathEvery, duration),
		"link_after":             into(&s.LinkAfter, orNone(absolute)),
		"include_path":           into(&s.IncludePath, text),
		"search_replace_pattern": into(&s.SearchReplacePattern, text),
		"extra_roots":            into(&s.ExtraRoots, listOf(absolute)),
		"map_params":             into(&s.MapParams, listOf(paramName)),
		"keep_params":            into(&s.KeepParams, listOf(paramName)),
		"php_value":              phpValue.into(&s.RefusePHPValue),
		"request_buffering":      into(&s.RequestBuffering, boolean),
		"abandoned":              abandoned.into(&s.DropAbandoned),
		"abandoned_paths":        into(&s.AbandonedPaths, listOf(pathPattern)),
		"read_timeout":           into(&s.ReadTimeout, ownTimeout),
		"request_timeout":        into(&s.RequestTimeout, ownTimeout),
		"max_conns":              into(&s.MaxConns, wholeUpTo(maxRequests)),
		"stderr":                 stderr.into(&s.StderrToLog),
		"pin":                    pinRule.into(&s.Pin),
		"pin_max_age":            into(&s.PinMaxAge, pinAge),
		"pin_cookie":             into(&s.PinCookie, orNone(cookieName)),
		"pin_cached":             into(&s.PinCached, boolean),
		"release_header":         into(&s.ReleaseHeader, orNone(headerName)),
		"request_id_header":      into(&s.RequestIDHeader, orNone(headerName)),
		"access":                 intoAs(&s.AccessLog, ownAccessLog, writtenOwnAccessLog),
		"server_timing":          into(&s.ServerTiming, boolean),
		"warm":                   into(&s.Warm, listOf(warmURI)),
		"warm_timeout":           into(&s.WarmTimeout, positiveDuration),
		"slots":                  into(&s.Slots, listOf(absolute)),
		"releases":               into(&s.Releases, orNone(absolute)),
		"keep":                   into(&s.Keep, wholeFrom(1, 1000)),
		"shared":                 into(&s.Shared, sharedPaths),
		"shared_dir":             into(&s.SharedDir, orNone(absolute)),
		"exclude":                into(&s.Exclude, listOf(excludePattern)),
		"before_flip":            into(&s.BeforeFlip, listOf(shellCommand)).forShell(),
		"after_flip":             into(&s.AfterFlip, listOf(shellCommand)).forShell(),
	}
}

func logLevel(v any) (string, error) { return oneOf(logging.Levels...)(v) }

func logFormat(v any) (string, error) { return oneOf(logging.Formats...)(v) }

var (
	unmatched = choice[bool]{{"refuse", false}, {"forward", true}}
	phpValue  = choice[bool]{{"confined", false}, {"refuse", true}}
	reuse     = choice[bool]{{"off", false}, {"auto", true}}
	// abandoned says whether requests are dropped whose web server has left.
	abandoned = choice[bool]{{"run", false}, {"drop", true}}
	// stderr says whether what PHP writes there goes to the log alone.
	stderr = choice[bool]{{"both", false}, {"log", true}}
)

// maxConns reads a number, or "auto".
func maxConns(v any) (int, error) {
	if v == "auto" {
		return fpm.Auto, nil
	}
	n, err := wholeUpTo(maxRequests)(v)
	if err != nil {
		err = wanted(fmt.Sprintf(`"auto", or a whole number from 0 to %d`, maxRequests), v)
	}
	return n, err
}

func maxConnsText(n int) any {
	if n == fpm.Auto {
		return "auto"
	}
	return int64(n)
}

func resolveMode(v any) (deploy.Mode, error) {
	word, err := oneOf("realpath", "readlink")(v)
	if err != nil {
		return 0, err
	}
	return deploy.ParseMode(word)
}
