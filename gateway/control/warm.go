package control

// A WarmResult is one request of a warm-up.
type WarmResult struct {
	URI    string `json:"uri"`
	Status int    `json:"status"` // 0 if there was no answer
	// Took is how long the request took, in seconds.
	Took float64 `json:"took_seconds"`
	// Error is why the request failed; "" if it went well. Head is the first line of
	// PHP's error output and at most 1 KiB of the response to a request that failed.
	Error string `json:"error,omitempty"`
	Head  string `json:"head,omitempty"`
}
