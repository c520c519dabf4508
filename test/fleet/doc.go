// Package fleet runs a fleet for real: hosts in network namespaces, each with its own link, PHP-FPM, nginx,
// realdocd and agent, and an etcd of three members. Clients ask all hosts all the time; what they saw is the
// history that is judged, and no log is.
package fleet
