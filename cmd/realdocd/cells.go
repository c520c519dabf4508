package main

import (
	"fmt"
	"path"
	"time"

	"realdocd/gateway/control"
)

// listTime is a time in a table.
const listTime = "2006-01-02 15:04:05"

func timeCell(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(listTime)
}

func pinsCell(end time.Time) string {
	if end.IsZero() {
		return "-"
	}
	return end.Local().Format(listTime)
}

// ageCell is an age in seconds, as the control API has it.
func ageCell(seconds float64) string {
	return control.Age(time.Duration(seconds * float64(time.Second)))
}

func pidCell(pid int) string {
	if pid == 0 {
		return "-"
	}
	return fmt.Sprint(pid)
}

// releaseCell is the name of a release; "-" if none is known.
func releaseCell(release string) string {
	if release == "" {
		return "-"
	}
	return path.Base(release)
}
