// Package memstore is a [fleet.Store] in memory, for tests, with the faults that a real one has.
//
// A [Store] is what all agree on. Each host and each command has a [Client] of it, and faults are those of one
// client: it is cut off, its words are late, or it loses its leases. The store as a whole can
// forget its history, and can be set back to what it was. Time is that of package time, so that in a bubble
// of testing/synctest hours pass at once.
package memstore
