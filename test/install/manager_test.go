package install

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	managerSocket = "/run/systemctl.sock"
	callsFile     = "/run/systemctl.calls" // what was asked, a line each
)

// A manager is what systemd is to systemctl: it runs one job after the other.
type manager struct {
	listener net.Listener
	reaper   *reaper
	services map[string]*service
	sockets  map[string]*socket
}

func newManager() (*manager, error) {
	listener, err := net.Listen("unix", managerSocket)
	if err != nil {
		return nil, err
	}
	return &manager{listener, newReaper(), map[string]*service{}, map[string]*socket{}}, nil
}

// serve never returns; the process ends with the machine.
func (m *manager) serve() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		asked, _ := io.ReadAll(conn)
		if err := m.do(strings.Split(string(asked), "\x00")); err != nil {
			fmt.Fprint(conn, err)
		}
		conn.Close()
	}
}

// runSystemctl is the systemctl of a machine.
func runSystemctl(args []string) int {
	conn, err := net.Dial("unix", managerSocket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprint(conn, strings.Join(args, "\x00"))
	conn.(*net.UnixConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err == nil && len(answer) == 0 {
		return 0
	}
	if said := string(answer); strings.HasPrefix(said, shown) {
		fmt.Println(strings.TrimPrefix(said, shown))
		return 0
	}
	if string(answer) == errInactive.Error() {
		return 3
	}
	fmt.Fprintln(os.Stderr, string(answer), err)
	return 1
}

// shown precedes what systemctl show has to say.
const shown = "shown:"

var errInactive = errors.New("inactive")

func (m *manager) do(args []string) error {
	calls, err := os.OpenFile(callsFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	fmt.Fprintln(calls, strings.Join(args, " "))
	calls.Close()

	options := map[string]string{}
	var words []string
	for _, arg := range args {
		if option, value, _ := strings.Cut(arg, "="); strings.HasPrefix(arg, "--") {
			options[option] = value
		} else {
			words = append(words, arg)
		}
	}
	if len(words) == 0 {
		return errors.New("systemctl what?")
	}
	verb, names := words[0], words[1:]
	if verb == "daemon-reload" {
		return nil // units are read when they are started
	}
	_, now := options["--now"]
	if verb == "enable" || verb == "disable" {
		if err := m.links(verb, names); err != nil || !now {
			return err
		}
		verb = map[string]string{"enable": "start", "disable": "stop"}[verb]
	}
	for _, name := range names {
		if kind := filepath.Ext(name); kind != ".service" && kind != ".socket" {
			name += ".service"
		}
		if err := m.job(verb, name, options); err != nil {
			return err
		}
	}
	return nil
}

// links has the real systemctl do what it does without a systemd.
func (m *manager) links(verb string, names []string) error {
	cmd := exec.Command(realSystemctl, append([]string{verb}, names...)...)
	cmd.Env = environment("SYSTEMD_OFFLINE=1")
	// Not by cmd.Run, which would wait for the process beside the reaper.
	out, err := os.Create("/run/systemctl.out")
	if err != nil {
		return err
	}
	defer out.Close()
	_, done, err := m.reaper.start(cmd.Path, cmd.Args, &os.ProcAttr{Env: cmd.Env, Files: []*os.File{nil, out, out}})
	if err != nil {
		return err
	}
	if status := <-done; exitCode(status) != 0 {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %s", cmd, said)
	}
	return nil
}

func (m *manager) job(verb, name string, options map[string]string) error {
	running := m.services[name]
	if running != nil && !running.active() {
		running = nil
	}
	isSocket := filepath.Ext(name) == ".socket"
	switch {
	case verb == "start":
		return m.start(name)
	case verb == "stop" && isSocket:
		if s := m.sockets[name]; s != nil {
			s.stop()
			delete(m.sockets, name)
		}
		return nil
	case verb == "stop" && running != nil:
		return running.stop(false)
	case verb == "stop":
		return nil
	case verb == "try-restart" && running == nil:
		return nil
	case verb == "restart" || verb == "try-restart":
		if running != nil {
			if err := running.stop(true); err != nil {
				return err
			}
		}
		return m.start(name)
	case verb == "is-active":
		if running == nil && m.sockets[name] == nil {
			return errInactive
		}
		return nil
	case verb == "show" && options["--property"] == "MainPID":
		if running == nil {
			return errors.New(shown + "0")
		}
		return fmt.Errorf("%s%d", shown, running.mainPid())
	case verb == "show":
		return m.show(name, running != nil, strings.Split(options["--property"], ","))
	case running == nil:
		return fmt.Errorf("%s: %s is not active", verb, name)
	case verb == "reload":
		for _, line := range running.unit.all("Service.ExecReload") {
			if err := running.run(line); err != nil {
				return err
			}
		}
		return nil
	case verb == "kill" && options["--kill-who"] == "main":
		signal := unix.SignalNum("SIG" + strings.TrimPrefix(options["--signal"], "SIG"))
		return syscall.Kill(running.mainPid(), signal)
	}
	return fmt.Errorf("this systemctl has no %s", verb)
}

// show gives the properties of a unit that are keys of its file, and its state.
func (m *manager) show(name string, active bool, properties []string) error {
	said := shown
	u, err := loadUnit(name)
	for _, property := range properties {
		value := ""
		switch {
		case property == "LoadState" && err != nil:
			value = "not-found"
		case property == "LoadState":
			value = "loaded"
		case property == "ActiveState" && active:
			value = "active"
		case property == "ActiveState":
			value = "inactive"
		case err == nil:
			value = strings.Join(u.all("Service."+property), " ")
		}
		said += property + "=" + value + "\n"
	}
	return errors.New(strings.TrimSuffix(said, "\n"))
}

// start starts a unit, and before it the sockets that it wants.
func (m *manager) start(name string) error {
	if s := m.services[name]; s != nil && s.active() || m.sockets[name] != nil {
		return nil
	}
	u, err := loadUnit(name)
	if err != nil {
		return err
	}
	if filepath.Ext(name) == ".socket" {
		s, err := startSocket(m.reaper, u)
		if err == nil {
			m.sockets[name] = s
		}
		return err
	}
	for _, other := range append(u.words("Unit.Requires"), u.words("Unit.Wants")...) {
		if filepath.Ext(other) == ".socket" {
			if err := m.start(other); err != nil {
				return err
			}
		}
	}
	var sockets []*socket
	for _, s := range m.sockets {
		if s.service() == name {
			sockets = append(sockets, s)
		}
	}
	s, err := startService(m.reaper, u, sockets)
	if err == nil {
		m.services[name] = s
	}
	return err
}
