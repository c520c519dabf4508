// Package logging has where the daemon's events go, and how they are written
// there: to standard error, which may be systemd's journal, or to a file.
//
// # The way of an event
//
// A part of the daemon makes an event with the zerolog.Logger of [Log.Logger].
// zerolog makes a line of it, as JSON or for people, and hands the line to the
// [Log]. That gathers lines in memory, because a system call for each request
// would cost more than the event does, and a goroutine of its own writes many at once:
// when enough of them wait, after a fifth of a second at the latest, and at once when one
// of them is a warning or worse. Nobody who logs waits for that.
//
// # What is promised
//
//   - A line is whole or it is not there. Half of one is never left behind when
//     the output takes lines again.
//   - Lines of one goroutine are in the order in which it logged them.
//   - An output that takes nothing, such as a file on a full disk, does not stop
//     the daemon: lines are dropped and counted, and the first line that can be
//     written again says how many were lost. Meanwhile standard error is told,
//     once a minute at most.
//   - An output that is slow, or hangs, stops nobody either: up to 4 MiB of lines wait
//     in memory, and what comes beyond that is dropped, counted and told likewise.
//   - [Log.Reopen] and [Log.Move] change the output between two lines. No line is
//     lost on the way, and one that waited is written to the output before.
//
// Under systemd each line begins with its priority as sd-daemon(3) has it, so that
// journalctl -p finds it.
//
// Signals, and what the log says about itself, are for the command line, which
// calls Reopen and Move.
package logging
