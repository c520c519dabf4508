// Package control is what operators ask a running daemon, on both sides of its
// control socket: the Client asks, and the Handler answers for a Daemon. The
// types between them are what /v1 says in JSON; realdocd(8) describes them under
// CONTROL API.
//
// The two sides may be programs of different versions: after an upgrade, a command
// of yesterday asks the daemon of today. So what is below /v1 may gain paths,
// parameters and fields, and never loses or changes one; /v2 would be for that. A
// side ignores fields that it does not know, and a field that did not come is zero.
// The files in testdata/v1 hold both sides to this.
//
// Most requests are answered at once. Three wait: a pause with a drain and a drain
// of a release, until nothing runs any more, and a command that has entered a
// release, until it leaves. When the daemon hands over to another process
// (Handler.Move), the first two are answered with "moved", and the Client asks the
// other process. A command is told so, and its Entry enters there before it leaves
// here.
//
// The package imports nothing of the daemon, which is behind the interfaces in
// daemon.go, and logs nothing.
package control
