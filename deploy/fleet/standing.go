package fleet

import "time"

// A State is where a host stands with a site.
type State string

const (
	// InStep hosts serve what is committed, or nothing is.
	InStep State = "in step"
	// Behind hosts do not have what is committed.
	Behind State = "behind"
	// InDoubt hosts have promised to go by an outcome that they do not know.
	InDoubt State = "in doubt"
	// Strayed hosts have a link that somebody has flipped without the fleet.
	Strayed State = "strayed"
	// Lost hosts hear nothing from the store for longer than the configuration allows.
	Lost State = "lost"
	// Unknown is a host that has not compared yet.
	Unknown State = "unknown"
)

// Ready says whether a host in this state may say that it is ready.
func (s State) Ready() bool { return s == InStep }

// Serves says whether a host in this state serves requests though the configuration
// has it refuse what is not committed: what it has was committed as far as it knows, or somebody
// wanted it.
func (s State) Serves() bool { return s != Behind && s != Unknown }

// A Standing is what the daemon is told of one site.
type Standing struct {
	Site  string `json:"site"`
	State State  `json:"state"`
	// Release is the one that is committed; "" if none is.
	Release string    `json:"release,omitempty"`
	Seq     int64     `json:"seq,omitempty"`
	Why     string    `json:"why,omitempty"`
	Since   time.Time `json:"since"`
	// Next is the state that follows by itself after For, unless the daemon is told something
	// else before; "" is none.
	Next    State         `json:"next,omitempty"`
	NextWhy string        `json:"next_why,omitempty"`
	For     time.Duration `json:"for,omitempty"`
}

const (
	// DoubtAfter is how long a host that has promised stays ready without knowing the outcome.
	DoubtAfter = 5 * time.Second
	// LeaseTTL is how long a host is there after its last word to the store, and a proposal
	// after its command's.
	LeaseTTL = 10 * time.Second
	// LostLeast is the least that a member may have as Lost.
	LostLeast = LeaseTTL + DoubtAfter
	// SeenEvery is how often an agent writes down that it is there, beside its presence.
	SeenEvery = 10 * time.Minute
	// KeepHistory is how many commits of a site the history has.
	KeepHistory = 100
)
