// Package sample asks PHP-FPM what it does, in one place for all who want to see it: a scrape of
// metrics now and then, or a page that shows it as it changes.
//
// A [Sampler] has targets, which are pools. Of each it has the newest [Pool]: what FPM's
// status says, and what its opcaches say. It asks only while somebody looks:
//
//   - [Sampler.Look] is for whoever comes now and then. It has what is older than lookEvery asked
//     for again, waits for that for a moment (patience), and gives what there is.
//     An FPM that hangs costs it that moment and no more, and not the next time.
//   - [Sampler.Watch] is for whoever sees each second. However many watch, FPM is asked once
//     a second; [Sampler.Changed] says when there is something newer.
//
// FPM is never asked for one thing while it has not answered that before, and each
// question has a bound (askTimeout). The status is asked at pm.status_listen, which costs no
// worker. The opcache can only be asked by a script, which takes a worker for some
// milliseconds: so it is asked every opcacheEvery at the most, and not while requests wait
// in the pool, or take all of its places, nor if none has run since.
package sample
