// Package trial tries a release while visitors use it, against another one: as a canary,
// which gives it a share of new visitors before it is live, or as a bake, which looks at it
// after it has gone live to all.
//
// # From a request to a verdict
//
// A request that PHP has answered is an [Observation]: its path class, and whether it failed or
// how long it took. It is counted twice. A [Trial] counts it for one of its two releases, if
// it is of a visitor who belongs to the trial. A [Recorder] counts it for the live release,
// for as long as that is live, so that a release which bakes has something to be compared with.
// Each of them counts in a [Window], which takes no lock and allocates nothing.
//
// Every other second the goroutine of a trial (Trial.Run) takes what is new since its last
// look, and has it judged (comparison). Package judge is the statistics. What a verdict means
// for the trial is Trial.judged: it goes on, takes its next step, or ends.
//
// # Who has a trial
//
// A site has one trial a docroot at the most: they are in its [Set]. It belongs to whoever has begun it:
// it ends with their connection, with a flip, with its verdict, and with this process. What it
// had decided for visitors ends with it, and the site sees to that: it is the [Owner]. This
// package knows no request, no pin and no site.
//
// A trial of many hosts has on each of them the same number, so that a visitor's pin holds on
// all, and is judged by whoever has begun it, by the figures of all (Trial.Figures).
package trial
