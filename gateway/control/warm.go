package control

// A WarmResult is one request of a warm-up.
type WarmResult struct {
	URI    string `json:"uri"`
	Status int    `json:"status"` // 0 where there was no answer
	// Took is in seconds.
	Took float64 `json:"took_seconds"`
	// Error is why it does not count as warm; "" when it does. Head has the
	// first lines of such a response.
	Error string `json:"error,omitempty"`
	Head  string `json:"head,omitempty"`
}
