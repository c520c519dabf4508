package control

// A Headroom says whether a release fits into a pool's opcache beside the live
// one, and whether FPM can read it. Of several FPMs it is about the one with the
// least room.
type Headroom struct {
	// Asked is false if FPM could not be asked; Why says why not. What FPM can
	// read is not known then.
	Asked bool `json:"asked"`
	// Readable says whether FPM can read the release's docroot.
	Readable bool `json:"readable"`
	// Opcache is false if PHP-FPM has opcache off or does not tell. Why says which.
	Opcache bool   `json:"opcache"`
	Why     string `json:"why,omitempty"`
	// Server is the FPM listener that was asked.
	Server string `json:"server,omitempty"`
	// Known says that opcache has the live release, or all of the new one, so that
	// what the new one needs can be told. Without it Fits says that opcache is
	// not full.
	Known bool `json:"known"`
	// Fits is the answer: what the release needs is taken to be what the live
	// one has, less what of it is cached already.
	Fits bool `json:"fits"`
	// Restart says that it would fit if opcache began anew with nothing but what
	// is live: what it has of releases that are gone takes the room.
	Restart bool `json:"restart"`
	// Memory in bytes, and keys: free, of how many, and what the release needs.
	FreeMemory  int64 `json:"free_memory"`
	Memory      int64 `json:"memory"`
	NeedsMemory int64 `json:"needs_memory"`
	FreeKeys    int64 `json:"free_keys"`
	Keys        int64 `json:"keys"`
	NeedsKeys   int64 `json:"needs_keys"`
	// Cached are the scripts of the release in opcache.
	Cached int64 `json:"cached"`
	// PHP are the settings by which PHP remembers files; nil if they are not known.
	PHP *PHPMemory `json:"php,omitempty"`
}

// A PHPMemory is for how long PHP goes by what it has seen of a file or a directory
// before it looks again, in seconds, as its settings have it.
type PHPMemory struct {
	// ValidateTimestamps is opcache.validate_timestamps: without it PHP never
	// looks at a file again. RevalidateFreq is how often it does.
	ValidateTimestamps bool `json:"validate_timestamps"`
	RevalidateFreq     int  `json:"revalidate_freq"`
	// UpdateProtection is how old a file has to be for opcache to keep it.
	UpdateProtection int `json:"file_update_protection"`
	// UserINI is the name of files with settings for a directory, "" for none,
	// and UserINITTL how long a worker goes by one.
	UserINI    string `json:"user_ini"`
	UserINITTL int    `json:"user_ini_ttl"`
	// RealpathTTL is how long a worker goes by what a symlink led to.
	RealpathTTL int `json:"realpath_ttl"`
	// RevalidatePath is opcache.revalidate_path: without it opcache goes by what
	// a path led to for as long as it has the script.
	RevalidatePath bool `json:"revalidate_path"`
}
