package control

// A WarmResult is one request of a warm-up.
type WarmResult struct {
	URI    string `json:"uri"`
	Status int    `json:"status"` // 0 if there was no answer
	// Server is the FPM listener that ran it; "" if none did.
	Server string `json:"server,omitempty"`
	// Took is in seconds.
	Took float64 `json:"took_seconds"`
	// Note is what is worth knowing of an answer that counts: a redirect to another
	// host, or a path that names no file, so that the front controller ran.
	Note string `json:"note,omitempty"`
	// Error is why it does not count as warm; "" when it does. Head has the
	// first lines of such a response.
	Error string `json:"error,omitempty"`
	Head  string `json:"head,omitempty"`
	// Unasked says that the error is not the release's: it was never run, since
	// there was no place, or no FPM that took it.
	Unasked bool `json:"unasked,omitempty"`
}

// A CompiledResult is what the opcache of one FPM has of a release, after it was told to
// compile what it has of the live one.
type CompiledResult struct {
	Server string `json:"server"`
	// Compiled are scripts that were compiled now, Failed those that could not be;
	// FailedFile is one of these.
	Compiled   int    `json:"compiled"`
	Failed     int    `json:"failed"`
	FailedFile string `json:"failed_file,omitempty"`
	// Scripts and Memory, in bytes, are what opcache has of the release now.
	Scripts int64 `json:"scripts"`
	Memory  int64 `json:"memory"`
	// Full says that opcache takes no more.
	Full bool `json:"full"`
	// Error is why FPM did not do it; "" if it did.
	Error string `json:"error,omitempty"`
	// Took is in seconds.
	Took float64 `json:"took_seconds"`
}

// A RoomResult is an opcache that was to begin anew with what is live.
type RoomResult struct {
	Server string `json:"server"`
	// Done says that it did; otherwise Error says why not, and nothing has changed.
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
	// Scripts were compiled again, Failed could not be.
	Scripts int `json:"scripts"`
	Failed  int `json:"failed"`
	// Held is for how long the pool's requests waited in the queue, in seconds.
	Held float64 `json:"held_seconds"`
}

// A ForgottenResult is what the opcache of one FPM had of a release, and has no more.
type ForgottenResult struct {
	Server  string `json:"server"`
	Scripts int64  `json:"scripts"`
	Memory  int64  `json:"memory"` // bytes
	Error   string `json:"error,omitempty"`
}
