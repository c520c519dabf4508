// Package conf reads the configuration: a file of TOML, or flags, becomes a
// [Config] that the gateway and the log take as it is.
//
// [Load] reads a file, [Parse] its text, and [FromFlags] what the command line gave
// without a file. All three read keys with the same readers, fill in the same
// defaults, and refuse the same things.
//
// # What is promised
//
// A Config that is returned without an error has no faults, and every key has its
// value or its default. This is the only place that checks it: what is wrong can be
// named here with the line of the file or with the flag, and nowhere else.
//
// Whatever is wrong is found in one run. The error is [*Faults], which has a text for
// each and its line, and says what to write instead. A key that does not exist is
// refused, with the nearest right name, or with the table that it belongs to. A fault
// that only follows from another is left out.
//
// # How it is read
//
// The toml package decodes the text to maps, and names what is not TOML. What the files
// have that it includes is put into the same maps: lines are numbered on through all
// files, so that a line says which file it is of. The keys are in tables (topKeys, logKeys,
// poolKeys, siteKeys), each with a parser, which says what it wants, a place, and a way to
// write what is there. A document goes through the maps with them, and then through the
// checks that need more than one key. ${NAME} is replaced on the way. lines finds the line
// of each key, which the toml package does not tell.
//
// [Config.Told] goes through the same tables, so that a new key is shown, compared and
// tested without being named again.
package conf
