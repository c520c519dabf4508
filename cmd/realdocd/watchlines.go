package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// onLines writes one answer after the other, for a file or a pipe: as text, with a line
// between two, or as one JSON object a line. While the daemon does not answer nothing
// is written; errs says so, once.
func (w *watch[T]) onLines(ctx context.Context, out, errs io.Writer, asJSON bool) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		got, err := w.askOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wasLost := w.err != nil
		if err := w.take(got, err, time.Now()); err != nil {
			return err
		}
		switch {
		case err != nil && !wasLost:
			printError(errs, err)
		case err != nil:
		case asJSON:
			err = json.NewEncoder(out).Encode(got)
		default:
			err = w.writeText(out)
		}
		if err != nil && w.err == nil {
			return fmt.Errorf("write the status: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// writeText writes the last answer, below a line with the time if it is not the first.
func (w *watch[T]) writeText(out io.Writer) error {
	text, err := w.text()
	if err != nil {
		return err
	}
	if w.before != nil {
		text = "---- " + w.last.at.Format(listTime) + "\n" + text
	}
	_, err = io.WriteString(out, text)
	return err
}
