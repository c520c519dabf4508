package fleet

import "time"

// A Member is a host of the group, whether it is there now or not.
type Member struct {
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
	// Lost is how long without word from the store the host says that it is ready; 0 is
	// for ever.
	Lost time.Duration `json:"lost,omitempty"`
}

// A Presence says that a host's agent is there.
type Presence struct {
	Host string `json:"host"`
	// Agent is another for each start of the agent.
	Agent string `json:"agent"`
	// Machine is the same for all agents that cannot run at the same time: those of one
	// state directory, since the machine was started.
	Machine string    `json:"machine,omitempty"`
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
	// Daemon is what is wrong with the host's realdocd; "" if it answers and is ready, but
	// for what the fleet has it not be ready for.
	Daemon string `json:"daemon,omitempty"`
	// PinKey is a fingerprint of the key that pins are signed by; "" for none.
	PinKey string `json:"pin_key,omitempty"`
}

// A Roster is who has changed who is to be asked, last. A commit compares it with what it was when
// its hosts were asked to promise, so that nobody joins or returns between that and the commit.
type Roster struct {
	Host string    `json:"host"`
	What string    `json:"what"` // "joined", "returned" or "left"
	Time time.Time `json:"time"`
}

// A Release is one that a host has, complete.
type Release struct {
	Name string `json:"name"`
	// Hash is that of its content: equal on two hosts if the release has the same files there.
	// If it could not be made, it is "", and Why says why.
	Hash string `json:"hash"`
	Why  string `json:"why,omitempty"`
	// Warm is set once it was prepared on this host.
	Warm bool `json:"warm,omitempty"`
}

// A Have is what one host has of one site.
type Have struct {
	Live     string    `json:"live"`
	Releases []Release `json:"releases"`
	// Seq is that of the last commit that the host has gone by, Applied when it renamed its link
	// for that, by its own clock, and Late how long after Commit.At that was.
	Seq     int64         `json:"seq"`
	Applied time.Time     `json:"applied,omitzero"`
	Late    time.Duration `json:"late,omitempty"`
	State   State         `json:"state"`
	Why     string        `json:"why,omitempty"`
}

// A Commit is what all hosts of a group are to serve of a site.
type Commit struct {
	// Seq is one more than that of the commit before; the first one has 1.
	Seq     int64  `json:"seq"`
	Release string `json:"release"` // its name; "" if nothing is committed any more
	Hash    string `json:"hash"`
	// Before is the name of the release that was committed before; "" for the first.
	Before string `json:"before,omitempty"`
	// At is when each host renames its link; zero is at once.
	At   time.Time `json:"at,omitzero"`
	Time time.Time `json:"time"` // of the command's clock
	By   string    `json:"by"`   // who: operator@host
	// Verb is "flip" or "rollback"; "forget" if nothing is committed any more, or "found" of what
	// the hosts served before the first flip, which the history alone has.
	Verb string `json:"verb"`
	// Fenced are the hosts that have promised without having the release, or say of themselves that they are
	// not ready, and Gone those that the operator has declared gone.
	Fenced []string `json:"fenced,omitempty"`
	Gone   []string `json:"gone,omitempty"`
}

// Phases of a proposal.
const (
	PhasePrepare = "prepare"
	PhaseClock   = "clock"
	PhasePromise = "promise"
)

// A Proposal is a flip that goes on.
type Proposal struct {
	ID      string `json:"id"`
	Release string `json:"release"`
	// Hash is what hosts compare theirs with; "" while the command does not know it yet.
	Hash  string `json:"hash,omitempty"`
	Phase string `json:"phase"`
	// Round counts the phases: an answer is to one round.
	Round int       `json:"round"`
	By    string    `json:"by"`
	Verb  string    `json:"verb"`
	Began time.Time `json:"began"`
	// Seq is that of the commit that it would be.
	Seq int64 `json:"seq"`
	// Options for prepare.
	NoWarm bool `json:"no_warm,omitempty"`
	Strict bool `json:"strict,omitempty"`
}

// An Answer is what a host says to a round of a proposal, or to an ask.
type Answer struct {
	Host  string `json:"host"`
	Agent string `json:"agent"`
	Round int    `json:"round"`
	Phase string `json:"phase,omitempty"`
	OK    bool   `json:"ok"`
	// Why says what is wrong, with what to do.
	Why  string `json:"why,omitempty"`
	Hash string `json:"hash,omitempty"`
	// Clock is what the host's clock read when it saw the round.
	Clock time.Time     `json:"clock,omitzero"`
	Took  time.Duration `json:"took,omitempty"`
	// Warnings do not stop a flip. Data is what an ask wants to know, in JSON.
	Warnings []string `json:"warnings,omitempty"`
	Data     string   `json:"data,omitempty"`
	// Going is set while the work goes on: another answer to the same round follows.
	Going bool `json:"going,omitempty"`
}

// Kinds of asks.
const (
	AskDrain = "drain" // wait until nobody is inside a release
	AskFetch = "fetch" // get a release by the fetch command
	AskTake  = "take"  // give a release its name that was pushed
	AskTrial = "trial" // try a release, and say what its figures are
)

// An Ask is something that a command wants of all hosts, or of one.
type Ask struct {
	ID   string   `json:"id"`
	Kind string   `json:"kind"`
	Site string   `json:"site"`
	By   string   `json:"by"`
	Only []string `json:"only,omitempty"` // hosts; none is all
	// Release is by its name, and Hash what its content has to be; "" is not known.
	Release string `json:"release,omitempty"`
	Hash    string `json:"hash,omitempty"`
	// Limit bounds the work, 0 is that of the kind.
	Limit time.Duration `json:"limit,omitempty"`
	// Data is what a kind needs beside that, in JSON. Round counts changes of it.
	Data  string `json:"data,omitempty"`
	Round int    `json:"round,omitempty"`
}
