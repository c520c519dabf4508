package main

import (
	"io"
	"os"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"realdocd/cmd/realdocd/conf"
)

// logTime is RFC 3339 with milliseconds.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newLogger makes the logger of the whole daemon. Its format and level are
// checked already.
func newLogger(c conf.Config, out *logWriter) zerolog.Logger {
	zerolog.TimeFieldFormat = logTime
	setLogLevel(c)
	if c.Log.Format == "console" {
		return zerolog.New(consoleLog{out}).With().Timestamp().Logger()
	}
	return zerolog.New(out).With().Timestamp().Logger()
}

// inFormat writes events to w in a format, without colours.
func inFormat(format string, w io.Writer) io.Writer {
	if format == "console" {
		return zerolog.ConsoleWriter{Out: w, NoColor: true, TimeFormat: logTime}
	}
	return w
}

// consoleLog writes events for people, with the level that each has.
type consoleLog struct{ out *logWriter }

func (c consoleLog) Write(event []byte) (int, error) { return c.WriteLevel(zerolog.NoLevel, event) }

func (c consoleLog) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	text := zerolog.ConsoleWriter{Out: atLevel{c.out, level}, NoColor: !c.out.colours.Load(), TimeFormat: logTime}
	return text.Write(event)
}

// atLevel writes to the log what has a level.
type atLevel struct {
	out   *logWriter
	level zerolog.Level
}

func (a atLevel) Write(line []byte) (int, error) { return a.out.WriteLevel(a.level, line) }

// setLogLevel sets the level of the whole process, which a reload may change:
// every part of the daemon has a copy of the logger.
func setLogLevel(c conf.Config) {
	level, err := zerolog.ParseLevel(c.Log.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(level)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
