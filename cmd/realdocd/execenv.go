package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"realdocd/incpath"
)

// A surroundings is what a command of exec finds itself in, until remove.
type surroundings struct {
	env        []string // NAME=VALUE, for the command
	credential *syscall.Credential
	dir        string // a directory of settings for PHP; "" is none
}

// surround makes the surroundings of a command in the release. Who is "" for whoever
// we are.
func (s *stay) surround(who string) (_ *surroundings, err error) {
	around := &surroundings{env: []string{
		"DOCUMENT_ROOT=" + s.ResolvedDocroot, "REALDOC_RELEASE=" + s.Name, "REALDOC_RELEASE_DIR=" + s.Release,
	}}
	if who != "" {
		if err := around.become(who); err != nil {
			return nil, err
		}
	}
	if s.IncludePath != "" {
		if err := around.setIncludePath(s.IncludePath); err != nil {
			around.remove()
			return nil, err
		}
	}
	return around, nil
}

// become has the command run as a user, by name or number, with the groups of that.
func (a *surroundings) become(who string) error {
	u, err := user.Lookup(who)
	if err != nil {
		if u, err = user.LookupId(who); err != nil {
			return usageError{fmt.Errorf("--user: there is no user %q here", who)}
		}
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	if uint32(os.Geteuid()) == uint32(uid) {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("--user %s: only root may become another user: run exec as root, or as %s itself", who, u.Username)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("--user %s: look for its groups: %w", who, err)
	}
	c := &syscall.Credential{Uid: uint32(uid)}
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	c.Gid = uint32(gid)
	for _, id := range ids {
		n, _ := strconv.ParseUint(id, 10, 32)
		c.Groups = append(c.Groups, uint32(n))
	}
	a.credential = c
	a.env = append(a.env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	return nil
}

// setIncludePath has PHP read the include_path however it is started below the command:
// by a script, by make, by a #! line. PHP reads the directories of PHP_INI_SCAN_DIR
// behind its php.ini; an empty one is where it would have looked by itself.
func (a *surroundings) setIncludePath(includePath string) error {
	quoted, err := incpath.Quote(includePath)
	if err != nil {
		return fmt.Errorf("give php the include_path: %w", err)
	}
	if a.dir, err = os.MkdirTemp("", "realdocd-exec-"); err != nil {
		return fmt.Errorf("give php the include_path: %w", err)
	}
	err = os.Chmod(a.dir, 0o755) // for another user, whatever the umask is
	if err == nil {
		file := filepath.Join(a.dir, "realdocd.ini")
		if err = os.WriteFile(file, []byte("include_path = "+quoted+"\n"), 0o644); err == nil {
			err = os.Chmod(file, 0o644)
		}
	}
	if err != nil {
		return fmt.Errorf("give php the include_path: %w", err)
	}
	a.env = append(a.env, "PHP_INI_SCAN_DIR="+os.Getenv("PHP_INI_SCAN_DIR")+":"+a.dir)
	return nil
}

func (a *surroundings) remove() {
	if a.dir != "" {
		os.RemoveAll(a.dir)
	}
}
