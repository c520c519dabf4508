// Package install tests what make builds for an operator: the program, the installation from source, and
// the packages for Debian and Fedora, whose installation, upgrade and removal it does for real.
//
// That happens in a machine of its own: namespaces for mounts, processes and the network, and an overlay
// over the root file system whose upper half is in memory. The programs of this machine are there, and
// nothing that is done there is seen here. It takes root.
//
// The first process of the machine does what systemd would do with the installed units: sockets, user,
// directories, readiness, reload, stop. It is asked by the systemctl that is first in the PATH there, and writes
// down what it was asked. A real systemd is not used because it needs a cgroup hierarchy that can be mounted,
// which many build containers do not have. If it can be mounted, systemd-nspawn -b boots one.
package install
