package control

// A View is what the daemon sees of its surroundings. Nobody else can see it: another
// user has other rights, and a unit of systemd can have a /tmp of its own.
type View struct {
	// Listen are the addresses that web servers connect to. Inherited is true if
	// another process has opened them, as systemd does.
	Listen    []string `json:"listen"`
	Inherited bool     `json:"inherited"`
	// Metrics is the address of /metrics over TCP; "" if there is none.
	Metrics string `json:"metrics,omitempty"`
	// OpenFiles is how many file descriptors are in use, MaxOpenFiles their limit.
	OpenFiles    int    `json:"open_files"`
	MaxOpenFiles uint64 `json:"max_open_files"`
	// Directories are the directories that the daemon writes to.
	Directories []DirectoryView `json:"directories"`
	// Requests are recent requests, one of each site that had any.
	Requests []SeenRequest `json:"requests"`
	// Unseen are the sites that had none.
	Unseen []UnseenSite `json:"unseen,omitempty"`
	// Unresolved are the docroots that could not be resolved at the last look.
	Unresolved []UnresolvedDocroot `json:"unresolved,omitempty"`
	// Refused are requests that the daemon has refused for what was in them, the
	// newest first.
	Refused []SeenRefusal `json:"refused"`
}

// A DirectoryView is one directory that the daemon writes to.
type DirectoryView struct {
	// Key is the key of the configuration that has the directory, Path its path.
	Key  string `json:"key"`
	Path string `json:"path"`
	// Error is why the daemon cannot write there; "" if it can.
	Error string `json:"error,omitempty"`
	// Free is how many bytes the daemon can write there.
	Free uint64 `json:"free"`
	// Memory says that the directory is in memory, as a tmpfs is.
	Memory bool `json:"memory,omitempty"`
}

// An UnresolvedDocroot is one that the daemon could not resolve when it looked last.
type UnresolvedDocroot struct {
	Site    string `json:"site"`
	Docroot string `json:"docroot"`
	Error   string `json:"error"`
	// Release is the last good release, on which requests run; "" if none is known, and
	// requests get a 503.
	Release string `json:"release,omitempty"`
}
