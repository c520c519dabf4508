package main

import (
	"encoding/json"
	"errors"
	"io"

	"realdocd/gateway/control"
)

// A refused is what a command that was to answer in JSON says if it could not be done.
type refused struct {
	Error  string             `json:"error"`
	Inside []control.Occupant `json:"inside,omitempty"` // who keeps a release busy
}

// answerJSON writes an answer of the gateway as the control API has it, or why there is
// none, and passes the error on.
func answerJSON(out io.Writer, answer any, err error) error {
	if err != nil {
		why := refused{Error: err.Error()}
		if busy := (*control.BusyError)(nil); errors.As(err, &busy) {
			why.Inside = busy.Inside
		}
		answer = why
	}
	return errors.Join(err, writeJSON(out, answer))
}

// writeJSON writes JSON that people read too.
func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // it is for terminals and scripts
	return encoder.Encode(v)
}
