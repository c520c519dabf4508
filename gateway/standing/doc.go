// Package standing has where the sites of this host stand in its fleet, as the agent of the
// fleet has told it: a [Table], which never changes, and its file.
//
// The agent tells all of it each time (control.FleetReport). A standing may say which state
// follows by itself, and after how long: a host that has promised to go by an outcome is in
// doubt a while later, though its agent may have died meanwhile. So a Table is asked what is
// so at a [Moment], and nobody has to be there for a state to follow.
//
// # Over a restart
//
// Moments are those of CLOCK_BOOTTIME, which no step of the machine's clock moves, and which
// counts while the machine sleeps. The [File] has them together with the boot that they are of.
// A process of the same boot goes on with what the one before was told: what was to follow
// meanwhile has followed. In another boot nothing is known, for the machine may have been away for
// days.
//
// The file is trusted only if it is a regular file of the daemon's own user or of root, with one
// name, that nobody else can write. Otherwise nothing is known.
package standing
