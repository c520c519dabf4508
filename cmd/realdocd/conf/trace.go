package conf

import (
	"realdocd/gateway/trace"
)

func (d *document) traceKeys() keys {
	t := &d.config.Gateway.Trace
	return keys{
		"endpoint": into(&t.Endpoint, orNone(collector)),
		"ratio":    into(&t.Ratio, ratio),
	}
}

// collector reads the URL of a collector of OpenTelemetry.
func collector(v any) (string, error) {
	s, err := text(v)
	if err == nil {
		err = trace.CheckEndpoint(s)
	}
	return s, err
}

// ratio reads a share from 0 to 1.
func ratio(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		if v >= 0 && v <= 1 {
			return v, nil
		}
	case int64:
		if v == 0 || v == 1 {
			return float64(v), nil
		}
	}
	return 0, wanted("a share from 0 to 1, such as 0.01", v)
}
