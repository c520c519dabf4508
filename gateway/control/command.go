package control

// A CommandEnv is what a command needs to know of its release.
type CommandEnv struct {
	Docroot         string `json:"docroot"`
	Link            string `json:"link"`
	Release         string `json:"release"`
	Name            string `json:"name"`
	ResolvedDocroot string `json:"resolved_docroot"`
	// IncludePath is the site's include_path, mapped to the release; "" if the site
	// has none.
	IncludePath string `json:"include_path"`
}
