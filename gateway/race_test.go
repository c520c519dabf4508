//go:build race

package gateway

// The race detector has pools forget at random.
const underRace = true
