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
// go with it. A [Commit] is the one value that decides what a site serves on all hosts, and
// only one transaction of a flip ever writes it. A [Proposal] is a flip in progress; it is the
// lock of the site as well, under the lease of the operator's command.
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
//	         it: from here on, until it knows, it is in doubt. It takes milliseconds.
//
// Then one transaction compares the site's commit with the one that was there when the flip
// began, compares that the proposal is still this command's, and writes the new commit, with an
// instant a little ahead. Each host renames its link at that instant, or at once if its clock is
// not to be trusted (Commit.At is zero then). If the command ends before the
// transaction, the proposal goes with its lease, and nothing has changed on any host. If it ends
// after that, every host has the commit.
//
// # Who may serve
//
// No flip is committed unless every member has promised, but for those that the operator
// has declared gone, and those that say of themselves that they are not ready any more, since they have
// heard nothing for longer than their [Member] says (Lost). So a host that hears nothing from the store, and has promised
// nothing, serves what it has: nobody can have flipped without it. A host that has promised
// and does not learn the outcome within [DoubtAfter] says that it is not ready, and serves on.
// A host that was declared gone is off: when it comes back it compares before it serves.
// A host that does not have what is committed is behind: it is not ready, and by the
// configuration serves nothing, or the last release it had.
//
// Two hosts that say that they are ready thus serve different commits for at most DoubtAfter.
//
// # What an agent does
//
// An [Agent] is one loop over what it has seen: the commits, the proposals, the
// links and the releases on disk of its [Host]. It starts again from what the store has
// after every loss of it, so that nothing that it missed matters.
package fleet
