// Package rooms holds the map of rooms in CONTRIBUTING.md against the program: each package is a room of the
// map, each room of the map is a package, and none imports what the map does not name.
package rooms
