package logging

import (
	"io"

	"github.com/rs/zerolog"
)

// Logger makes the logger of the whole daemon, which writes to l.
func (l *Log) Logger() zerolog.Logger {
	zerolog.TimeFieldFormat = timeFormat
	if l.settings.Format == "console" {
		return zerolog.New(forPeople{l}).Hook(new(stamp))
	}
	return zerolog.New(l).Hook(new(stamp))
}

// SetLevel sets the least level of the whole process, one of [Levels]. It is not part
// of a logger, because every part of the daemon has a copy of that and a reload may
// change the level.
func SetLevel(level string) {
	least, err := zerolog.ParseLevel(level)
	if err != nil {
		least = zerolog.InfoLevel
	}
	zerolog.SetGlobalLevel(least)
}

// inFormat writes events to w in a format, without colours.
func inFormat(format string, w io.Writer) io.Writer {
	if format == "console" {
		return zerolog.ConsoleWriter{Out: w, NoColor: true, TimeFormat: timeFormat}
	}
	return w
}

// forPeople turns events into text for people, and keeps the level of each.
type forPeople struct{ log *Log }

func (f forPeople) Write(event []byte) (int, error) { return f.WriteLevel(zerolog.NoLevel, event) }

func (f forPeople) WriteLevel(level zerolog.Level, event []byte) (int, error) {
	text := zerolog.ConsoleWriter{Out: atLevel{f.log, level}, NoColor: !f.log.colours.Load(), TimeFormat: timeFormat}
	return text.Write(event)
}

// atLevel writes lines of one level to the log.
type atLevel struct {
	log   *Log
	level zerolog.Level
}

func (a atLevel) Write(line []byte) (int, error) { return a.log.WriteLevel(a.level, line) }
