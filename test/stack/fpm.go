package stack

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// FPMConfig is one PHP-FPM with one pool, and what is left out has a default.
type FPMConfig struct {
	PM          string            // static (default), dynamic or ondemand
	MaxChildren int               // default 8
	TCP         bool              // listen on a loopback port; default a unix socket
	Status      bool              // StatusPath is answered on a socket of its own
	NoOpcache   bool              // default on, as it is in production
	AsShipped   bool              // what PHP remembers of files is as PHP's defaults have it; otherwise it looks at each file each time
	FreshPaths  bool              // PHP looks at the link each time; as shipped, a worker stays on the release it saw first
	INI         map[string]string // php.ini
	Pool        []string          // further lines of the pool
	Global      []string          // further lines of [global]
}

// FPM is a running PHP-FPM.
type FPM struct {
	*Process
	Addr   Addr
	Status Addr // pm.status_listen; "" without FPMConfig.Status
}

// StatusPath is the pm.status_path of an FPMConfig with Status.
const StatusPath = "/fpm-status"

const fpmReady = "ready to handle connections"

// FPM starts PHP-FPM and returns when it is ready. Errors of scripts, caught from the workers, are in its Log.
func (s *Stack) FPM(c FPMConfig) *FPM {
	s.t.Helper()
	path := s.find("php-fpm")
	dir, name := s.room("fpm")
	f := &FPM{Addr: Addr(filepath.Join(dir, "sock"))}
	if c.TCP {
		f.Addr = s.FreeAddr()
	}
	if c.Status {
		f.Status = Addr(filepath.Join(dir, "status"))
	}
	s.check(c.write(dir, f.Addr, f.Status))
	s.runFPM(f, path, dir, name)
	return f
}

// StartAgain starts an FPM that has ended, with the configuration and the address that it had.
func (s *Stack) StartAgain(f *FPM) {
	s.t.Helper()
	s.runFPM(f, s.find("php-fpm"), f.cmd.Dir, f.Name)
}

// Restart ends FPM and starts it again.
func (s *Stack) Restart(f *FPM) {
	s.t.Helper()
	s.check(f.Stop())
	s.StartAgain(f)
}

func (s *Stack) runFPM(f *FPM, path, dir, name string) {
	s.t.Helper()
	args := []string{"-F", "-O", "-c", filepath.Join(dir, "php.ini"), "-y", filepath.Join(dir, "fpm.conf")}
	if worker() == "root" {
		args = append(args, "-R")
	}
	// SIGTERM, because SIGQUIT would wait for a script that hangs.
	f.Process = s.start(dir, name, syscall.SIGTERM, path, args...)
	s.check(f.says(0, Containing(fpmReady)))
	s.check(f.answers(f.Addr))
}

func (c FPMConfig) write(dir string, addr, status Addr) error {
	if c.PM == "" {
		c.PM = "static"
	}
	if c.MaxChildren == 0 {
		c.MaxChildren = 8
	}
	conf := append([]string{"[global]", "daemonize = no", "pid = " + filepath.Join(dir, "pid")}, c.Global...)
	conf = append(conf, "[www]", "listen = "+string(addr), "listen.mode = 0666", "pm = "+c.PM,
		fmt.Sprintf("pm.max_children = %d", c.MaxChildren),
		"catch_workers_output = yes", "decorate_workers_output = no")
	if c.PM == "dynamic" {
		conf = append(conf, "pm.start_servers = 1", "pm.min_spare_servers = 1", fmt.Sprintf("pm.max_spare_servers = %d", c.MaxChildren))
	}
	if user := worker(); user != "" {
		conf = append(conf, "user = "+user, "group = "+workerGroup(), "listen.owner = "+user, "listen.group = "+workerGroup())
	}
	if status != "" {
		conf = append(conf, "pm.status_listen = "+string(status), "pm.status_path = "+StatusPath)
	}
	conf = append(conf, c.Pool...)

	ini := map[string]string{
		"display_errors": "Off", "log_errors": "On", "error_reporting": "32767", "max_execution_time": "0",
		"opcache.enable": "1", "opcache.revalidate_freq": "0",
	}
	if c.AsShipped {
		delete(ini, "opcache.revalidate_freq")
	}
	if c.FreshPaths {
		ini["realpath_cache_size"], ini["opcache.revalidate_path"] = "0", "1"
	}
	maps.Copy(ini, c.INI)
	if c.NoOpcache {
		ini["opcache.enable"] = "0"
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(ini)) {
		lines = append(lines, fmt.Sprintf("%s = %q", key, ini[key]))
	}
	if err := writeLines(filepath.Join(dir, "php.ini"), lines); err != nil {
		return err
	}
	return writeLines(filepath.Join(dir, "fpm.conf"), conf)
}

// Reload makes FPM read its configuration again, in the same process, and returns when it is ready.
func (f *FPM) Reload() error {
	mark := f.Log.Mark()
	if err := f.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	return f.says(mark, Containing(fpmReady))
}

// Version of the PHP-FPM that [Stack.FPM] takes, such as "8.2.36".
func Version() (string, error) {
	path, err := Find("php-fpm")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(path, "-v").Output()
	if err != nil {
		return "", fmt.Errorf("%s -v: %w", path, err)
	}
	found := regexp.MustCompile(`^PHP (\d+\.\d+\.\d+)`).FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("%s -v: no version in %q", path, out)
	}
	return string(found[1]), nil
}

// writeLines puts the file in its place as a whole: a running program that reads it again, for whatever
// reason, never has half of it.
func writeLines(path string, lines []string) error {
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
