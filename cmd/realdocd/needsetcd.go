package main

import (
	"slices"
	"strings"
)

// needsEtcd says whether a command is one of a fleet, or the shell completes one.
func needsEtcd(args []string) bool {
	words := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if len(words) > 0 && strings.HasPrefix(words[0], "__complete") {
		words = words[1:]
	}
	switch {
	case len(words) == 0:
		return false
	case words[0] == "fleet" || words[0] == "help" && len(words) > 1 && words[1] == "fleet":
		return true
	}
	return words[0] == "deploy" && slices.ContainsFunc(args, func(arg string) bool { return arg == "--fleet" || strings.HasPrefix(arg, "--fleet=") })
}
