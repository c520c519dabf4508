package doctor

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"realdocd/cmd/realdocd/nginxconf"
)

// An nginx is one that runs, or whose configuration is where packages have it.
type nginx struct {
	*examination
	file string
	conf []*nginxconf.Directive
	// workers are those of its master; none if it does not run.
	workers []worker
}

// A worker is a process that takes requests.
type worker struct {
	identity *identity
	began    time.Time
}

// findNginx finds each nginx of this machine. Of processes it goes by those that are
// root's, or of who runs check: others may call themselves what they like.
func (x *examination) findNginx() (found []*nginx) {
	running := processes()
	take := func(file string, master int) {
		if slices.ContainsFunc(found, func(n *nginx) bool { return n.file == file }) {
			return
		}
		if conf, err := nginxconf.Load(file); err == nil {
			found = append(found, &nginx{x, file, conf, workersOf(master, running)})
		}
	}
	for _, p := range running {
		if args, is := strings.CutPrefix(p.title, "nginx: master process "); is && p.isOurs() {
			take(nginxFile(strings.Fields(args)), p.pid)
		}
	}
	take(x.at.Root+"/etc/nginx/nginx.conf", 0)
	return found
}

// nginxFile is the configuration that nginx's arguments name.
func nginxFile(args []string) string {
	file, prefix := "/etc/nginx/nginx.conf", "/etc/nginx"
	for i, arg := range args[:max(0, len(args)-1)] {
		switch arg {
		case "-c":
			file = args[i+1]
		case "-p":
			prefix = args[i+1]
		}
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(prefix, file)
	}
	return file
}

// workersOf are the processes of a master, 0 for none, that take requests.
func workersOf(master int, running []process) (all []worker) {
	for _, p := range running {
		if master == 0 || p.parent != master || !strings.HasPrefix(p.title, "nginx: worker process") {
			continue
		}
		if who, err := identityOfProcess(p.pid); err == nil {
			all = append(all, worker{who, p.began})
		}
	}
	return all
}

// A process is one of /proc.
type process struct {
	pid, parent int
	title       string
	began       time.Time
}

// isOurs says whether a process is root's or of who runs check, and sees the same files.
func (p *process) isOurs() bool {
	fi, err := os.Stat(fmt.Sprintf("/proc/%d", p.pid))
	if err != nil || ownerOf(fi) != 0 && int(ownerOf(fi)) != os.Geteuid() {
		return false
	}
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/root", p.pid))
	ours, ourErr := os.Stat("/")
	return err == nil && ourErr == nil && os.SameFile(theirs, ours)
}

// processes are those that /proc shows.
func processes() (all []process) {
	entries, _ := os.ReadDir("/proc")
	boot := bootTime()
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if !bytes.HasPrefix(title, []byte("nginx: ")) {
			continue
		}
		p := process{pid: pid, title: strings.TrimSpace(strings.ReplaceAll(string(title), "\x00", " "))}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, rest, _ := strings.Cut(string(stat), ") ") // the name may have blanks
		if fields := strings.Fields(rest); len(fields) > 19 {
			p.parent, _ = strconv.Atoi(fields[1])
			ticks, _ := strconv.ParseInt(fields[19], 10, 64)
			p.began = boot.Add(time.Duration(ticks) * time.Second / userHZ)
		}
		all = append(all, p)
	}
	return all
}

// userHZ is how many ticks a second has in /proc, on every machine that Go runs on.
const userHZ = 100

func bootTime() time.Time {
	text, _ := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(text)) {
		if seconds, is := strings.CutPrefix(line, "btime "); is {
			n, _ := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
			return time.Unix(n, 0)
		}
	}
	return time.Time{}
}

// groupOf is the group of a file, by name if it has one.
func groupOf(file string) string {
	fi, err := os.Stat(file)
	if err != nil {
		return "that of realdocd"
	}
	id := strconv.Itoa(int(groupIDOf(fi)))
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
