//go:build !race

package pin

const underRace = false
