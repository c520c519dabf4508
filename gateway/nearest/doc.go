// Package nearest finds the name that somebody meant who has written another one: of a key,
// a site, a pool, a command. It is text alone.
package nearest
