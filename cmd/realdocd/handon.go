//go:build noetcd

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// handOn has realdocd-fleet, which lies beside this program and is the same with a client of etcd, do what needs
// one. It returns if that is not so.
func handOn(args []string) error {
	if !needsEtcd(args) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("look for realdocd-fleet: %w", err)
	}
	program := filepath.Join(filepath.Dir(self), "realdocd-fleet")
	err = syscall.Exec(program, append([]string{os.Args[0]}, args...), os.Environ())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there, which has the commands of a fleet: install it beside %s, as make install does", program, self)
	}
	return &os.PathError{Op: "run", Path: program, Err: err}
}

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
