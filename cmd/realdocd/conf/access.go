package conf

import (
	"realdocd/gateway"
)

// accessLog reads which requests are logged: a boolean, a word or a share.
func accessLog(v any) (gateway.AccessLog, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return gateway.LogAll, nil
		}
		return gateway.LogNone, nil
	case float64:
		if v > 0 && v < 1 {
			return gateway.AccessLog(v), nil
		}
	case string:
		switch v {
		case "errors":
			return gateway.LogErrors, nil
		case "slow":
			return logSlow, nil
		}
	}
	return 0, wanted(`true, false, "slow", "errors", or the share of requests that are logged, above 0 and below 1, such as 0.01`, v)
}

// logSlow is "slow" while the file is read: no more is logged than in any case, but slow
// has to be set.
const logSlow gateway.AccessLog = -2

// ownAccessLog reads a site's own; "" is that of [log].
func ownAccessLog(v any) (*gateway.AccessLog, error) {
	if v == "" {
		return nil, nil
	}
	a, err := accessLog(v)
	return &a, err
}

// writtenAccessLog is what accessLog reads. "slow" is written as false, which logs the same.
func writtenAccessLog(a gateway.AccessLog) any {
	switch a {
	case gateway.LogAll:
		return true
	case gateway.LogNone, logSlow:
		return false
	case gateway.LogErrors:
		return "errors"
	}
	return float64(a)
}

func writtenOwnAccessLog(a *gateway.AccessLog) any {
	if a == nil {
		return ""
	}
	return writtenAccessLog(*a)
}

// checkAccess refuses a log of slow requests that nobody has said the limit of.
func (d *document) checkAccess() {
	g := &d.config.Gateway
	check := func(path []string, a *gateway.AccessLog) {
		if a == nil || *a != logSlow {
			return
		}
		*a = gateway.LogNone
		if g.SlowLog == 0 && !d.isExcused([]string{"log", "slow"}) {
			d.fault(path, `"slow" logs requests that took longer than %s, which is "0s" and so marks none: set it, as in slow = "1s"`, d.label([]string{"log", "slow"}))
		}
	}
	check([]string{"log", "access"}, &g.AccessLog)
	for i := range g.Sites {
		check([]string{"site", g.Sites[i].Name, "access"}, g.Sites[i].AccessLog)
	}
}
