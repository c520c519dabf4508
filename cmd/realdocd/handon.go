//go:build noetcd

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
