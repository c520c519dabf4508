package install

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"realdocd/test/stack"
)

const (
	logDir       = "/run/log-of-units/"
	notifyDir    = "/run/notify-of-units/"
	startTimeout = 30 * time.Second
)

// A service is a service unit that has been started.
type service struct {
	unit   *unit
	reaper *reaper
	notify *net.UnixConn // what the service says, and who has ended, in the order in which it happened
	log    *os.File

	main  atomic.Int32  // its main process, 0 before there is one
	ready chan struct{} // closed at READY=1
	ended chan struct{} // closed when the main process ended, and no other had taken over
}

// startService returns when the service is ready, as its Type says.
func startService(r *reaper, u *unit, sockets []*socket) (*service, error) {
	s := &service{unit: u, reaper: r, ready: make(chan struct{}), ended: make(chan struct{})}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	for _, line := range u.all("Service.ExecStartPre") {
		if err := s.run(line); err != nil {
			return nil, err
		}
	}
	pid, done, err := s.spawn(u.get("Service.ExecStart", ""), sockets)
	if err != nil {
		return nil, err
	}
	kind := u.get("Service.Type", "simple")
	if kind == "forking" {
		if status := <-done; exitCode(status) != 0 {
			return nil, fmt.Errorf("ExecStart of %s ended with %d", u.name, exitCode(status))
		}
		if pid, err = pidIn(u.get("Service.PIDFile", "")); err != nil {
			return nil, err
		}
		done = r.adopt(pid)
	}
	s.main.Store(int32(pid))
	go s.tellEnd(pid, done)
	go s.listen()
	if kind == "notify" || kind == "notify-reload" {
		select {
		case <-s.ready:
		case <-s.ended:
			return nil, fmt.Errorf("%s ended before it was ready", u.name)
		case <-time.After(startTimeout):
			return nil, fmt.Errorf("%s was not ready in %v", u.name, startTimeout)
		}
	}
	for _, line := range u.all("Service.ExecStartPost") {
		if err := s.run(line); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// prepare makes what the service finds: its directories, its log, the socket for sd_notify.
func (s *service) prepare() error {
	uid, gid, err := s.ids()
	if err != nil {
		return fmt.Errorf("%s: %w", s.unit.name, err)
	}
	for key, below := range unitDirectories {
		for _, name := range s.unit.words("Service." + key) {
			dir := filepath.Join(below, name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if err := chmod(dir, s.unit.get("Service."+key+"Mode", "0755")); err != nil {
				return err
			}
			if err := chownTree(dir, uid, gid); err != nil {
				return err
			}
		}
	}
	if err := mkdirs(logDir, notifyDir); err != nil {
		return err
	}
	if s.log, err = os.OpenFile(logDir+s.unit.bare()+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	os.Remove(s.notifyPath())
	if s.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.notifyPath(), Net: "unixgram"}); err != nil {
		return err
	}
	return os.Chmod(s.notifyPath(), 0o777)
}

var unitDirectories = map[string]string{
	"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "LogsDirectory": "/var/log", "CacheDirectory": "/var/cache",
}

func (s *service) notifyPath() string { return notifyDir + s.unit.name }

func (s *service) ids() (uid, gid int, err error) {
	return ids(s.unit.get("Service.User", "root"), s.unit.get("Service.Group", ""))
}

// spawn starts a command of the unit. A shell parses it, which for the commands of our units is what
// systemd does.
func (s *service) spawn(line string, sockets []*socket) (int, <-chan syscall.WaitStatus, error) {
	uid, gid, err := s.ids()
	if err != nil {
		return 0, nil, err
	}
	groups, err := groupsOf(s.unit.get("Service.User", "root"))
	if err != nil {
		return 0, nil, err
	}
	files := []*os.File{nil, s.log, s.log}
	var names []string
	for _, socket := range sockets {
		for _, file := range socket.files {
			files, names = append(files, file), append(names, socket.fdName())
		}
	}
	env := []string{"PATH=" + machinePath, "NOTIFY_SOCKET=" + s.notifyPath(), fmt.Sprint("MAINPID=", s.main.Load())}
	for key, below := range unitDirectories {
		if dirs := s.unit.words("Service." + key); len(dirs) == 1 {
			variable := strings.ToUpper(strings.TrimSuffix(key, "Directory")) + "_DIRECTORY"
			env = append(env, variable+"="+filepath.Join(below, dirs[0]))
		}
	}
	env = append(env, s.unit.words("Service.Environment")...)
	script := "umask " + s.unit.get("Service.UMask", "0022") + "; "
	if len(names) > 0 {
		env = append(env, fmt.Sprint("LISTEN_FDS=", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
		script += "LISTEN_PID=$$; export LISTEN_PID; "
	}
	return s.reaper.start("/bin/sh", []string{"sh", "-c", script + "exec " + line}, &os.ProcAttr{
		Dir: "/", Env: env, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}},
	})
}

// run runs a command of the unit to its end. A "-" before it says that it may fail.
func (s *service) run(line string) error {
	command := strings.TrimPrefix(line, "-")
	_, done, err := s.spawn(command, nil)
	if err != nil {
		return err
	}
	if status := <-done; exitCode(status) != 0 && command == line {
		return fmt.Errorf("%s of %s ended with %d", line, s.unit.name, exitCode(status))
	}
	return nil
}

// tellEnd puts the end of a main process behind all that it has said before.
func (s *service) tellEnd(pid int, done <-chan syscall.WaitStatus) {
	status := <-done
	to, err := net.Dial("unixgram", s.notifyPath())
	if err != nil {
		return
	}
	defer to.Close()
	fmt.Fprintf(to, "ENDED=%d\nSTATUS=%d", pid, exitCode(status))
}

func (s *service) listen() {
	message := make([]byte, 4096)
	for {
		n, err := s.notify.Read(message)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(message[:n])) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			number, _ := strconv.Atoi(value)
			switch {
			case key == "READY":
				select {
				case <-s.ready:
				default:
					close(s.ready)
				}
			case key == "MAINPID" && number != s.mainPid():
				s.main.Store(int32(number))
				go s.tellEnd(number, s.reaper.adopt(number))
			case key == "ENDED" && number == s.mainPid():
				close(s.ended)
				s.notify.Close()
				return
			}
		}
	}
}

func (s *service) mainPid() int { return int(s.main.Load()) }

func (s *service) active() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// stop asks the service to end, and removes its runtime directory unless that is to stay.
func (s *service) stop(restart bool) error {
	for _, line := range s.unit.all("Service.ExecStop") {
		if err := s.run(line); err != nil {
			return err
		}
	}
	if s.active() {
		syscall.Kill(s.mainPid(), syscall.SIGTERM)
	}
	select {
	case <-s.ended:
	case <-time.After(2 * startTimeout):
		return fmt.Errorf("%s does not stop", s.unit.name)
	}
	s.log.Close()
	preserve := s.unit.get("Service.RuntimeDirectoryPreserve", "no")
	if preserve == "yes" || preserve == "restart" && restart {
		return nil
	}
	for _, name := range s.unit.words("Service.RuntimeDirectory") {
		if err := os.RemoveAll(filepath.Join("/run", name)); err != nil {
			return err
		}
	}
	return nil
}

// pidIn waits for the file that a forking service writes; no event tells of it.
func pidIn(file string) (pid int, err error) {
	err = stack.Poll(func() error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		line, whole := strings.CutSuffix(string(text), "\n")
		if !whole {
			return fmt.Errorf("PIDFile %s has no whole line yet", file)
		}
		pid, err = strconv.Atoi(line)
		return err
	})
	return pid, err
}
