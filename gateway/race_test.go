//go:build race

package gateway

// The race detector has sync.Pool forget what it has now and then.
func init() { poolsForget = true }
