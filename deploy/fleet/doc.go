// Package fleet flips a release on many hosts at once, or on none.
//
// Each host has its own link, its own PHP-FPM and its own realdocd. What the hosts agree on is
// in a [Store], which is etcd: which release is committed for a site, who is a member, and
// what each host has. Requests know nothing of this package: it runs in the agent (realdocd fleet agent),
// a process beside the daemon, which talks to the store and tells the daemon where it stands.
//
// # Who writes what
//
// A [Member] is durable: a host that was seen once stays one, until an operator takes it out.
// A [Presence] and what a host has of each site ([Have]) are under the lease of its agent, and
// go with it. A [Commit] is the one value that decides what a site serves on all hosts. The one
// transaction of a flip writes it; nobody else does, but for an agent that finds that the store was set
// back and gives it again. A [Proposal] is a flip in progress; it is the lock of the site as well, under
// the lease of the operator's command. A [Roster] is written by whoever changes who has to be
// asked: a host that joins, starts, comes back or is taken out.
//
// # A flip
//
// A [Flip] is driven by the operator's command, and goes through these phases, each of which is
// written into the proposal and answered by every host ([Answer]):
//
//	prepare  each host looks whether it has the release complete, with the same content, whether
//	         PHP-FPM can read it and has room, and warms it. Nothing has changed, and nothing
//	         has been promised. It may take minutes.
//	clock    each host says what its clock reads, so that the command knows how far they are apart.
//	promise  each host says that it will go by the outcome, whatever that is, and may not know
//	         it: from here on, until it knows, it is in doubt. It tells its daemon so first, with what
//	         follows if it hears nothing. It takes milliseconds.
//
// Then one transaction compares the site's commit with the one that was there when the flip
// began, the proposal with what this command wrote last, and the roster with what it was when the hosts were
// asked to promise. It writes the new commit, with an instant a little ahead, and removes the proposal and
// its answers. Each host renames its link at that instant, or at once if its clock is
// not to be trusted (Commit.At is zero then, or further off than a flip would have it). If the command
// ends before the transaction, the proposal goes with its lease, and nothing has changed on any host. If
// it ends after that, every host has the commit. A command that wakes up after its lease was over finds
// that its proposal is not there any more, and changes nothing.
//
// # Who may serve
//
// No flip is committed unless every member has promised, but for those that the operator
// has declared gone, and those that say of themselves that they are not ready any more, since they have
// heard nothing for longer than their [Member] says (Lost). So a host that hears nothing from the store,
// and has promised nothing, serves what it has: nobody can have flipped without it. A host that has
// promised and does not learn the outcome within [DoubtAfter] says that it is not ready, and serves on.
// A host that was declared gone is off: when it comes back it compares before it serves.
// A host that does not have what is committed is behind: it is not ready, and by the
// configuration serves nothing, or the last release it had.
//
// Two hosts that say that they are ready thus serve different commits for at most DoubtAfter. A host that
// has not gone by the last commit yet promises nothing, or twice that could be added up.
//
// A host that has promised and hears the store asks it each second whether the proposal is there still, by
// a read that a majority of the store's servers agrees on. If it is, nothing was committed when it asked, and
// DoubtAfter begins again. So a command that dies does not make hosts doubt that are well connected.
//
// # What an agent does
//
// An [Agent] is one loop over what it has seen: the commits, the proposals, the
// links and the releases on disk of its [Host]. What it does for a site follows from what it knows, and not
// from how it came to know it. It starts again from what the store has
// after every loss of it, so that nothing that it missed matters:
//
//   - It registers before it reads what is committed. So whoever commits after that asks it to promise,
//     and what was committed before, it reads.
//   - If it finds a proposal in its promise phase, it has promised, as far as its daemon is told: an agent before
//     it may have.
//   - A commit and the end of its proposal are one step of the store, and it sees them as one.
//   - The name of a host is one machine's. A second one waits until the lease of the first is over, and gives
//     up if that is kept (ErrTaken). An agent that was killed is followed at once by the next one of the
//     same machine.
//   - If its member is removed while it runs, nobody asks it any more: it has its daemon not ready, and ends
//     (ErrRemoved).
//   - If the store knows an earlier commit than it has gone by, or none and its revisions have gone back, the
//     store was restored from a backup, or made anew. It promises nothing then, and writes the commit that
//     it knows. An agent that has started since does not know it, and goes by the store until another one has.
//   - It waits for an instant by the time that passes, and not by a clock that somebody may set.
//
// Work on a site that takes time is done by one goroutine for each site, with a bound. What goes live comes
// first, then what is asked of all hosts, then what only keeps the picture true.
package fleet
