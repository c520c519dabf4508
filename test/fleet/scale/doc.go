// Package scale has many agents in one process around a real etcd, with hosts that have no disk, and measures
// what etcd keeps, hears and says: at rest, when all agents start, and at a flip.
//
//	make fleetscale FLEET_HOSTS=1000 FLEET_SITES=100
//
// Without these variables it is a small fleet, and the test is that etcd has the keys and the watches that
// realdocd-fleet(7) says.
package scale
