package conf

import (
	"io/fs"
	"time"

	"realdocd/cmd/realdocd/logging"
	"realdocd/deploy"
	"realdocd/gateway"
	"realdocd/gateway/fpm"
	"realdocd/gateway/sock"
)

// DefaultListenMode is listen_mode where the file has none.
const DefaultListenMode fs.FileMode = 0o660

// The defaults of every key are in these three functions and nowhere else.
func defaults() Config {
	return Config{
		Gateway: gateway.Config{
			Listen:          []sock.Addr{"/run/realdocd/realdocd.sock"},
			ListenMode:      DefaultListenMode,
			ControlMode:     0o660,
			Control:         "/run/realdocd/control.sock",
			User:            "realdocd",
			StateDir:        "/var/lib/realdocd",
			ShutdownTimeout: 30 * time.Second,
			MaxBody:         2 << 30,
			HeaderTimeout:   10 * time.Second,
			BodyTimeout:     60 * time.Second,
			IdleTimeout:     10 * time.Minute,
			AccessLog:       gateway.LogAll,
			Trace:           gateway.TraceConfig{Ratio: 0.01},
		},
		Log:   logging.Settings{Level: "info", Format: "json", Output: logging.ToStderr},
		Fleet: Fleet{Prefix: "/realdocd", Group: "www"},
	}
}

func defaultPool(name string) fpm.Config {
	return fpm.Config{
		Name:           name,
		ConnectTimeout: time.Second,
		ReadTimeout:    60 * time.Second,
		MaxConns:       fpm.Auto,
		Queue:          1024,
		QueueTimeout:   10 * time.Second,
		Reuse:          true,
		StatusPath:     "/fpm-status",
	}
}

func defaultSite(name string) gateway.SiteConfig {
	return gateway.SiteConfig{
		Name: name, Resolve: deploy.Realpath, RequestBuffering: true,
		WarmTimeout: 30 * time.Second, Keep: 5, PinMaxAge: time.Hour,
	}
}
