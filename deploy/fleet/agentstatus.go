package fleet

import (
	"fmt"
	"time"
)

// A Note is something that happened on a host. Text says what, in a few words; the rest is as far as it is
// known.
type Note struct {
	Bad      bool // somebody should look
	Text     string
	Site     string
	Release  string
	Seq      int64
	State    State
	Why      string
	Took     time.Duration
	Late     time.Duration // of a flip, after its instant
	Warnings []string
	Err      error
}

// An AgentStatus is what an agent knows, at one moment.
type AgentStatus struct {
	Host string
	// Answers says whether the store answers, and Since when it began to or stopped. Trouble says why not.
	Answers bool
	Since   time.Time
	Trouble string
	// Unwritten says why the store does not take what the host says, though it answers; "" if it does.
	Unwritten string
	// Heard is when the store said something last, and Told what is wrong with telling the daemon.
	Heard time.Time
	Told  string
	// InStep of Sites are in step, as of a second ago.
	InStep, Sites int
	Asks          int
}

// Status is what the agent knows now. It may be called at any time.
func (a *Agent) Status() AgentStatus { return *a.status.Load() }

// Summary is the status in one line.
func (a *Agent) Summary() string {
	st := a.Status()
	text := "etcd answers"
	if !st.Answers {
		text = fmt.Sprintf("no word from etcd since %s", st.Since.Format(time.TimeOnly))
	}
	if st.Answers && st.Unwritten != "" {
		text += ", and does not take what this host says: " + st.Unwritten
	}
	text += fmt.Sprintf("; %d of %d sites in step", st.InStep, st.Sites)
	if st.Told != "" {
		text += "; realdocd cannot be told: " + st.Told
	}
	return text
}

// count counts the sites for the status.
func (l *loop) count() {
	l.inStep, l.here = 0, 0
	for _, s := range l.sites {
		if s.here() {
			l.here++
			if s.standing.State == InStep {
				l.inStep++
			}
		}
	}
	l.changed = true
}

// publish puts the status where others can read it. It costs the same however many sites there are.
func (l *loop) publish() {
	st := &AgentStatus{
		Host: l.Name, Answers: l.viewed && l.trouble == nil, Since: l.since, Heard: l.heard,
		InStep: l.inStep, Sites: l.here, Asks: len(l.asks),
	}
	if l.trouble != nil {
		st.Trouble = l.trouble.Error()
	}
	if l.unwritten != nil {
		st.Unwritten = l.unwritten.Error()
	}
	if l.toldErr != nil {
		st.Told = l.toldErr.Error()
	}
	l.status.Store(st)
	l.changed = false
}
