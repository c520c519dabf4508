package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/rs/zerolog"

	"realdocd/cmd/realdocd/conf"
	"realdocd/cmd/realdocd/logging"
)

// A logOutput is where the log goes: standard error, which may be the journal's,
// or a file.
type logOutput struct {
	logLines
	path    string // of the file; "" for standard error
	journal bool   // a line has its priority before it
	colours bool   // it is a terminal that takes them

	stderr  io.Writer // is told when a file is not written
	alarmed time.Time
}

// openLogOutput opens the output that the configuration names. Standard error
// gets colours where they are wanted and it is a terminal.
func openLogOutput(c conf.Config, stderr io.Writer, wantColours bool) (*logOutput, error) {
	o := &logOutput{stderr: stderr}
	o.tell = func(lost int, cause error) []byte { return lossEvent(c.Log.Format, o.journal, lost, cause) }
	if c.Log.Output != logging.ToStderr {
		return o, o.open(c.Log.Output)
	}
	o.to = stderr
	o.journal = isJournal(stderr)
	o.colours = wantColours && isTerminal(stderr)
	return o, nil
}

func (o *logOutput) open(path string) error {
	f, err := openLogFile(path)
	if err != nil {
		return err
	}
	o.to, o.path, o.failing = f, path, o.alarm
	return nil
}

// again opens the output's file by its path.
func (o *logOutput) again() (*logOutput, error) {
	next := &logOutput{stderr: o.stderr, alarmed: o.alarmed}
	next.tell = o.tell
	return next, next.open(o.path)
}

// close closes a file. Standard error stays open for what the runtime has to say.
func (o *logOutput) close() {
	if f, ok := o.to.(*os.File); ok && o.path != "" {
		f.Close() // what may be wrong, the writes have said
	}
}

// alarmEvery is how often at most standard error is told that a file is not written.
const alarmEvery = time.Minute

// alarm says at the other place that nobody will find it in the log.
func (o *logOutput) alarm(cause error) {
	if now := time.Now(); now.Sub(o.alarmed) >= alarmEvery {
		o.alarmed = now
		var priority string
		if isJournal(o.stderr) {
			priority = priorityOf(zerolog.ErrorLevel)
		}
		fmt.Fprintf(o.stderr, "%srealdocd: the log is not written, events are dropped until it can be: %v\n", priority, cause)
	}
}

// isJournal says whether w is standard error, and the journal takes it
// (JOURNAL_STREAM in systemd.exec(5)). A JOURNAL_STREAM that cannot be read is
// of no journal.
func isJournal(w io.Writer) bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is && w == io.Writer(os.Stderr)
}

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

// lossEvent is the event of what the log has lost, as a line. It is an error,
// which no level leaves out.
func lossEvent(format string, journal bool, lost int, cause error) []byte {
	var line bytes.Buffer
	if journal {
		line.WriteString(priorityOf(zerolog.ErrorLevel))
	}
	log := zerolog.New(inFormat(format, &line)).With().Timestamp().Logger()
	log.Error().Int("lost", lost).Err(cause).Msg("events are lost: the log could not be written")
	return line.Bytes()
}
