package main

import (
	"os"
	"strconv"
	"strings"

	"realdocd/gateway"
)

// moveable says whether who has started this process can be told that another one is the
// main process from now on. Only systemd can (MAINPID= in sd_notify(3)). An init of a
// container, supervisord, runit and a shell wait for the process that they have started, and
// take its end for that of realdocd.
//
// A notify socket alone does not say that systemd has started this process: what it has
// started, such as tini, hands the socket down.
func moveable(getenv func(string) string, before *gateway.Predecessor) bool {
	if getenv("NOTIFY_SOCKET") == "" {
		return false
	}
	if before != nil {
		// One that could not tell has started us as its child, one that could as its sibling.
		return os.Getppid() != before.PID()
	}
	if id := getenv("SYSTEMD_EXEC_PID"); id != "" {
		return id == strconv.Itoa(os.Getpid())
	}
	// systemd before 248 does not say whom it has started.
	booted, err := os.Stat("/run/systemd/system")
	return os.Getppid() == 1 && err == nil && booted.IsDir()
}

// namesUs is for a variable that is of this process alone. Those of LISTEN_FDS, and
// ours, have been taken out of the environment when they were read.
func namesUs(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "WATCHDOG_PID" || name == "SYSTEMD_EXEC_PID"
}
