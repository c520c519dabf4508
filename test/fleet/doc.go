// Package fleet runs a fleet for real: hosts in network namespaces, each with its own link, PHP-FPM, nginx,
// realdocd and agent, and an etcd of three members. Clients ask all hosts all the time; what they saw is the
// history that is judged, and no log is. It takes root, and leaves nothing behind.
//
//	go test ./test/fleet      4 hosts, 20 flips, and some faults
//	make fleet                16 hosts, 200 flips, each fault many times; writes realdocd-fleet(7)
//
// A seed gives the order of the faults and the phases in which they strike:
//
//	SEED=7 FLEET_RUNS=5 FLEET_HOSTS=4 FLEET_FAULT="an agent is killed" KEEP=1 go test -v -run StandsFaults ./test/fleet
//
// FLEET_ON=1 has a campaign go on after a fault that was not stood. KEEP=1 keeps all logs.
package fleet
