package control

// A View is what the daemon sees of its surroundings, which nobody else can
// tell: another user has other rights, and a unit its own /tmp. Its JSON is part
// of the control API.
type View struct {
	// Listen are the addresses that web servers connect to, and Inherited
	// whether somebody else has opened them.
	Listen    []string `json:"listen"`
	Inherited bool     `json:"inherited"`
	// OpenFiles are the file descriptors in use, MaxOpenFiles their limit.
	OpenFiles    int    `json:"open_files"`
	MaxOpenFiles uint64 `json:"max_open_files"`
	// Directories are those that it writes to.
	Directories []DirectoryView `json:"directories"`
	// Requests are what web servers have sent lately, one of each site that had one.
	Requests []SeenRequest `json:"requests"`
	// Refused are requests that were refused for what they came with, the newest first.
	Refused []SeenRefusal `json:"refused"`
}

// A DirectoryView is one directory that the daemon writes to.
type DirectoryView struct {
	// Key is the key of the configuration that names it, and Path what it names.
	Key  string `json:"key"`
	Path string `json:"path"`
	// Error is why the daemon cannot write there; "" when it can.
	Error string `json:"error,omitempty"`
	// Free is how many bytes it may write.
	Free uint64 `json:"free"`
}
