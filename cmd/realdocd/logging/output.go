package logging

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/rs/zerolog"
)

// An Output is where lines go: standard error, which may be the journal's, or a file.
type Output struct {
	lineWriter
	name    string // ToStderr, or the path of the file
	journal bool   // a line has its priority before it
	colours bool   // it is a terminal that takes them

	stderr  io.Writer // is told when a file is not written
	alarmed time.Time
}

// open opens the output with the name.
func (l *Log) open(name string) (*Output, error) {
	o := &Output{name: name, stderr: l.stderr}
	o.tell = func(lost int, cause error) []byte { return lossEvent(l.settings.Format, o.journal, lost, cause) }
	if name == ToStderr {
		o.to, o.journal, o.colours = l.stderr, isJournal(l.stderr), l.wantColours
		return o, nil
	}
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	o.to, o.failing = f, o.alarm
	return o, nil
}

// Close closes a file. Standard error stays open for what the runtime has to say.
func (o *Output) Close() {
	if f, ok := o.to.(*os.File); ok && o.name != ToStderr {
		f.Close() // the writes have said what may be wrong
	}
}

// alarmEvery is how often at most standard error is told that a file is not written.
const alarmEvery = time.Minute

// alarm tells standard error, since nobody will find it in the log.
func (o *Output) alarm(cause error) {
	if now := time.Now(); now.Sub(o.alarmed) >= alarmEvery {
		o.alarmed = now
		fmt.Fprintf(o.stderr, "%srealdocd: the log is not written, events are dropped until it can be: %v\n", ErrorPriority(o.stderr), cause)
	}
}

// ErrorPriority is what a line begins with that tells of an error and is not written by a
// [Log]: the journal's priority if w is the journal, and else nothing.
func ErrorPriority(w io.Writer) string {
	if isJournal(w) {
		return priorityOf(zerolog.ErrorLevel)
	}
	return ""
}

// isJournal says whether w is standard error, and the journal reads it
// (JOURNAL_STREAM in systemd.exec(5)). If JOURNAL_STREAM cannot be read, it does not.
func isJournal(w io.Writer) bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is && w == io.Writer(os.Stderr)
}

// maxPriority is the length of what priorityOf gives, in bytes.
const maxPriority = 3

// priorityOf is the level as the journal reads it at the beginning of a line
// (sd-daemon(3)).
func priorityOf(level zerolog.Level) string {
	switch level {
	case zerolog.TraceLevel, zerolog.DebugLevel:
		return "<7>"
	case zerolog.WarnLevel:
		return "<4>"
	case zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.PanicLevel:
		return "<3>"
	}
	return "<6>"
}

// lossEvent is a line that says how many lines are lost. It is an error, which every
// level writes.
func lossEvent(format string, journal bool, lost int, cause error) []byte {
	var line bytes.Buffer
	if journal {
		line.WriteString(priorityOf(zerolog.ErrorLevel))
	}
	log := zerolog.New(inFormat(format, &line)).With().Timestamp().Logger()
	log.Error().Int("lost", lost).Err(cause).Msg("events are lost: the log could not be written")
	return line.Bytes()
}
