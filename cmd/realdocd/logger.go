package main

import (
	"io"
	"os"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// logTime is RFC 3339 with milliseconds.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newLogger makes the logger of the whole daemon. Its format and level are
// checked already.
func newLogger(c config, out io.Writer, colour bool) zerolog.Logger {
	zerolog.TimeFieldFormat = logTime
	if c.logFormat == "console" {
		out = zerolog.ConsoleWriter{Out: out, NoColor: !colour, TimeFormat: logTime}
	}
	setLogLevel(c)
	return zerolog.New(out).With().Timestamp().Logger()
}

// setLogLevel sets the level of the whole process, which a reload may change:
// every part of the daemon has a copy of the logger.
func setLogLevel(c config) {
	level, err := zerolog.ParseLevel(c.logLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(level)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
