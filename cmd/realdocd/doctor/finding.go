package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// A Severity says how grave a finding is.
type Severity string

const (
	// Fault breaks requests, or what realdocd promises, now or at the next deploy.
	Fault Severity = "fault"
	// Warning breaks nothing yet.
	Warning Severity = "warning"
	// Note is something worth knowing, or that could not be told.
	Note Severity = "note"
	// OK is something that is well.
	OK Severity = "ok"
)

// A Finding is one result of one check.
type Finding struct {
	// ID names what was found, and never changes: see realdocd-check(8).
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Subject  Subject  `json:"subject"`
	// Also are others that have just the same, from the same cause in one PHP-FPM.
	Also []Subject `json:"also,omitempty"`
	// What says what was found. Do says what to do about it; "" if there is nothing
	// to do.
	What string `json:"what"`
	Do   string `json:"do,omitempty"`

	master string // of which PHP-FPM it is; "" if it is of its subject alone
}

// A Subject is what a finding is about. Fields that do not apply are left out.
type Subject struct {
	Pool    string `json:"pool,omitempty"`
	Server  string `json:"server,omitempty"` // a PHP-FPM listener
	Site    string `json:"site,omitempty"`
	Docroot string `json:"docroot,omitempty"` // if the site's is a pattern
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// String is the subject for people; "realdocd" for the daemon itself.
func (s Subject) String() string {
	var parts []string
	add := func(format string, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("pool %s", s.Pool)
	add("server %s", s.Server)
	add("site %s", s.Site)
	add("docroot %s", s.Docroot)
	if file := s.File; file != "" {
		if s.Line > 0 {
			file = fmt.Sprintf("%s:%d", file, s.Line)
		}
		parts = append(parts, file)
	}
	if len(parts) == 0 {
		return "realdocd"
	}
	return strings.Join(parts, ", ")
}

// Counts are how many findings of each severity there are.
type Counts struct {
	Faults   int `json:"faults"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
	OK       int `json:"ok"`
}

// Count counts.
func Count(findings []Finding) (c Counts) {
	for _, f := range findings {
		switch f.Severity {
		case Fault:
			c.Faults++
		case Warning:
			c.Warnings++
		case Note:
			c.Notes++
		case OK:
			c.OK++
		}
	}
	return c
}

// HasNoDaemon says whether an examination met no daemon that it could ask.
func HasNoDaemon(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.ID == kindDaemonNotAsked.id })
}

// ConfigFault is one fault of the configuration.
func ConfigFault(file string, line int, text string) Finding {
	return finding(kindConfigFault, Subject{File: file, Line: line}, text, "Correct the file: see realdocd.toml(5).")
}

func finding(k kind, s Subject, what, do string) Finding {
	return Finding{ID: k.id, Severity: k.severity, Subject: s, What: what, Do: do}
}
