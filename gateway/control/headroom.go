package control

// A Headroom says whether a release fits into a pool's opcache beside the live
// one, and whether FPM can read it.
type Headroom struct {
	// Readable says whether FPM can read the release's docroot.
	Readable bool `json:"readable"`
	// Opcache is false where FPM has it off or does not tell; Why says which.
	Opcache bool   `json:"opcache"`
	Why     string `json:"why,omitempty"`
	// Fits is the answer: what the release needs is taken to be what the live
	// one has, less what of it is cached already.
	Fits bool `json:"fits"`
	// Memory in bytes, and keys: free, of how many, and what the release needs.
	FreeMemory  int64 `json:"free_memory"`
	Memory      int64 `json:"memory"`
	NeedsMemory int64 `json:"needs_memory"`
	FreeKeys    int64 `json:"free_keys"`
	Keys        int64 `json:"keys"`
	NeedsKeys   int64 `json:"needs_keys"`
}
