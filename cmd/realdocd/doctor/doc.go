// Package doctor examines a realdocd and what stands around it: the sites on
// disk, PHP-FPM, and what the web server sends. It changes nothing, leaves
// nothing behind, and never logs: what it finds it returns, as findings.
//
// Examine is the whole examination and reads top to bottom. It looks at the
// machine in this order, so that what is found first helps with what follows:
//
//   - the running daemon, by its control socket (daemon.go, machine.go), and its unit (unit.go);
//   - its part in a fleet (fleet.go);
//   - what serve opens (opens.go, address.go), by the rights of the daemon's user (identity.go);
//   - the docroots, and below each the code of the live release (releases.go, code.go), where
//     its symlinks lead (symlinks.go), what releases share (shared.go) and name of each other
//     (others.go), and what runs around a flip (hooks.go);
//   - each PHP-FPM listener: whether it answers, what a script in it can tell
//     (probe.go), and what its configuration says (package fpmconf). The checks on
//     that are in fpm.go, phpini.go, phppaths.go, opcache.go, release.go, timeouts.go and
//     pool.go;
//   - what web servers have sent lately, as the daemon has seen it (webserver.go), and what
//     nginx and Apache are told (nginx.go, passing.go, apache.go, package nginxconf);
//   - jobs that run beside the web server (jobs.go).
//
// A check is a small method that adds findings. Which of them are of a whole PHP-FPM, and told
// once, is in together.go. What a finding is called and how
// grave it is, is in kinds.go; realdocd-check(8) has the same for operators, and a
// test compares the two.
//
// # The probe
//
// Most of what there is to know of PHP, only a script in a worker can tell. The
// probe is such a script, written into a directory of its own that FPM can read,
// for as long as the examination lasts: never below a docroot, where a visitor
// could run it, and with nothing secret in it. It takes one worker for a few
// milliseconds, and sets nothing: a PHP_VALUE would stay in the worker. Its file
// is dated ahead, so that opcache does not keep it.
package doctor
