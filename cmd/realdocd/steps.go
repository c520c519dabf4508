package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"realdocd/gateway/control"
)

// steps tells the operator what was done, while it is done or as JSON at the end.
type steps struct {
	out, errs io.Writer
	asJSON    bool
	outcome   outcome
	line      progressLine // on errs
}

// An outcome is what a flip, a rollback or a deploy came to.
type outcome struct {
	OK      bool   `json:"ok"`
	Site    string `json:"site"`
	Link    string `json:"link,omitempty"`
	Release string `json:"release,omitempty"`
	Before  string `json:"before,omitempty"`
	// Live says whether Release is live now.
	Live     bool               `json:"live"`
	Steps    []step             `json:"steps"`
	Warnings []string           `json:"warnings,omitempty"`
	Error    string             `json:"error,omitempty"`
	Inside   []control.Occupant `json:"inside,omitempty"`
	// Trial is the last that was known of a canary, or of a release that bakes.
	Trial *control.TrialStatus `json:"trial,omitempty"`
	// Preview is the link to a release that is not live.
	Preview string `json:"preview,omitempty"`
	// Fleet is what a flip of all hosts came to.
	Fleet *fleetOutcome `json:"fleet,omitempty"`
}

type step struct {
	Name   string  `json:"step"`
	Detail string  `json:"detail"`
	Took   float64 `json:"took_seconds"`
}

func newSteps(cmd *cobra.Command, site string, asJSON bool) *steps {
	s := &steps{out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), asJSON: asJSON, outcome: outcome{Site: site, Steps: []step{}}}
	if !asJSON {
		s.line = newProgressLine(s.errs)
	}
	return s
}

// do does one step, and writes its line if it has worked.
func (s *steps) do(name string, work func() (detail string, err error)) error {
	began := time.Now()
	detail, err := work()
	if err != nil {
		return err
	}
	s.done(name, detail, time.Since(began))
	return nil
}

// done tells of a step that has worked.
func (s *steps) done(name, detail string, took time.Duration) {
	s.line.clear()
	s.outcome.Steps = append(s.outcome.Steps, step{name, detail, took.Seconds()})
	if !s.asJSON {
		fmt.Fprintf(s.out, "%-8s  %s (%s)\n", name, detail, short(took))
	}
}

// warn tells of something that does not stop the work.
func (s *steps) warn(format string, args ...any) {
	s.line.clear()
	text := fmt.Sprintf(format, args...)
	s.outcome.Warnings = append(s.outcome.Warnings, text)
	printError(s.errs, errors.New(text))
}

// end writes the outcome as JSON, or who keeps a release busy, and passes the
// error on.
func (s *steps) end(err error) error {
	s.line.clear()
	busy := (*control.BusyError)(nil)
	errors.As(err, &busy)
	if !s.asJSON {
		if busy != nil {
			writeOccupants(s.out, busy.Inside)
		}
		return err
	}
	s.outcome.OK = err == nil
	if err != nil {
		s.outcome.Error = err.Error()
	}
	if busy != nil {
		s.outcome.Inside = busy.Inside
	}
	return errors.Join(err, writeJSON(s.out, s.outcome))
}

// short is how long a step took, in three digits or so.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
