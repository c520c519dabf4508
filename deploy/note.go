package deploy

import (
	"fmt"
	"time"
)

// A Note is something of a site's history that is not a release that went live.
type Note struct {
	Time time.Time `json:"time"`
	// What is its kind: "maintenance", "preview", "canary" or "bake".
	What string `json:"what"`
	// Docroot is the one that it is about; "" is the whole site. Release is the path of
	// the release that it is about, if it is about one.
	Docroot string `json:"docroot,omitempty"`
	Release string `json:"release,omitempty"`
	Text    string `json:"text"`
}

const (
	notesFile = "notes.json"
	keepNotes = 100 // of a site; the oldest of more are dropped
)

// Notes are those of the site that are kept, the newest last.
func (h *History) Notes() (notes []Note, err error) {
	if err := h.readSite(notesFile, &notes); err != nil {
		return nil, fmt.Errorf("read the notes of the history: %w", err)
	}
	return notes, nil
}

// AddNote writes one more. One goroutine of one process does so at a time.
func (h *History) AddNote(n Note) error {
	notes, err := h.Notes()
	if err == nil {
		notes = append(notes, n)
		err = h.writeSite(notesFile, notes[max(0, len(notes)-keepNotes):])
	}
	if err != nil {
		return fmt.Errorf("write a note into the history in %s: %w", h.dir, err)
	}
	return nil
}
