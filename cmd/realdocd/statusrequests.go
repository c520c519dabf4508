package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"time"

	"realdocd/gateway/control"
)

// writeRequests writes what runs for people, the longest first.
func writeRequests(w io.Writer, running control.Requests, _ *earlier[control.Requests], _ time.Time) error {
	var out bytes.Buffer
	if running.Unknown != "" {
		fmt.Fprintf(&out, "some may be missing: %s\n", plain(running.Unknown))
	}
	if running.Total == 0 {
		out.WriteString("nothing runs\n")
	} else {
		rows := []row{{"AGE", "STATE", "SITE", "RELEASE", "POOL", "PID", "REQUEST ID", "WHAT"}}
		for _, r := range running.Requests {
			rows = append(rows, row{
				ageCell(r.Age), r.State, cmp.Or(r.Site, "-"), releaseCell(r.Release), cmp.Or(r.Pool, "-"), pidCell(r.PID),
				cmp.Or(r.RequestID, "-"), r.What,
			})
		}
		writeTable(&out, rows)
		if more := running.Total - len(running.Requests); more > 0 {
			fmt.Fprintf(&out, "and %d more\n", more)
		}
	}
	_, err := out.WriteTo(w)
	return err
}
