//go:build race

package pin

// The race detector has pools forget at random.
const underRace = true
