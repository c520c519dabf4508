package control

// A Headroom says whether PHP-FPM can read a release, and whether the release fits
// into the pool's opcache beside the live one.
type Headroom struct {
	// Readable says whether PHP-FPM can read the release's docroot.
	Readable bool `json:"readable"`
	// Opcache is false if PHP-FPM has opcache off or does not tell. Why says which.
	Opcache bool   `json:"opcache"`
	Why     string `json:"why,omitempty"`
	// Fits says whether the release fits. It is an estimate: the release is taken to
	// need as much as the live one has, less what of it is cached already.
	Fits bool `json:"fits"`
	// Memory is in bytes. Free is what is not used, and Needs what the release takes.
	FreeMemory  int64 `json:"free_memory"`
	Memory      int64 `json:"memory"`
	NeedsMemory int64 `json:"needs_memory"`
	FreeKeys    int64 `json:"free_keys"`
	Keys        int64 `json:"keys"`
	NeedsKeys   int64 `json:"needs_keys"`
}
