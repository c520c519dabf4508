package deploy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FillProgress is how far Fill is: how many of the files it has seen so far were
// copied or removed.
type FillProgress struct{ Changed int }

// Filled is what Fill did.
type Filled struct {
	// Files are those of the source; Changed of them were copied, and Deleted
	// files and directories of the target were not in the source.
	Files, Changed, Deleted int
	// Bytes were copied.
	Bytes int64
	Took  time.Duration
}

// A Filling is what a fill copies.
type Filling struct {
	Source string
	// Exclude is left alone on both sides; so is Shared, paths below the release.
	Exclude Excludes
	Shared  []string
}

// Fill makes the permit's directory a copy of the source, with rsync. A file whose
// content is the same stays as it is, its inode and its times included, whatever
// the times in source are: opcache takes a file for changed by its time. A file
// that has changed is replaced by a new one, so that who has the old one open
// reads on. It may be interrupted: target is then neither old nor new, and the
// next Fill carries on. progress may be nil.
func Fill(ctx context.Context, f Filling, into *Permit, progress func(FillProgress)) (Filled, error) {
	began := time.Now()
	source, target, err := mayFill(f.Source, into.dir)
	if err != nil {
		return Filled{}, err
	}
	rsync, err := findRsync()
	if err != nil {
		return Filled{}, err
	}
	dirs, err := openFill(source, target)
	if err != nil {
		return Filled{}, fmt.Errorf("fill %s: %w", target, err)
	}
	defer dirs.target.Close()
	args := append(rsyncFlags(dirs.as), "--checksum", "--delete", "--stats", "--out-format=%n", "--temp-dir="+fillDir, "--filter=- /"+fillDir)
	args = append(append(args, sharedRules(f.Shared)...), f.Exclude.rsync()...)
	cmd := exec.CommandContext(ctx, rsync, append(args, "--", source+"/", target+"/")...)
	// Nothing of ours: rsync does what RSYNC_* say, and the linker what LD_* say.
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=/"}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	// An rsync that outlived a killed deploy would write beside that of the next
	// one. The signal comes when the thread that has started it ends, which
	// therefore must not before.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Credential: dirs.credential()}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Filled{}, fmt.Errorf("fill %s: %w", target, err)
	}
	if err := cmd.Start(); err != nil {
		return Filled{}, fmt.Errorf("fill %s: %w", target, err)
	}
	filled := readRsync(out, progress)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return filled, fmt.Errorf("fill %s from %s: %w: %s", target, source, err, strings.TrimSpace(stderr.String()))
	}
	if err := dirs.done(); err != nil {
		return filled, fmt.Errorf("fill %s: %w", target, err)
	}
	filled.Took = time.Since(began)
	return filled, nil
}

// fillDir is a directory in the target that has the files which rsync has not finished,
// so that nobody takes what a killed one has left for something else.
const fillDir = ".realdocd-fill"

// isUnfinished says whether a path below a release is what a killed deploy has left: a
// file of rsync's, or a symlink before it had its name.
func isUnfinished(rel, kind string) bool {
	return below(rel, fillDir) || kind == "l" && strings.HasSuffix(rel, linkSuffix)
}

// mayFill makes the paths absolute, and refuses what would remove more than a
// deploy means to.
func mayFill(source, target string) (from, to string, err error) {
	if from, err = filepath.Abs(source); err != nil {
		return "", "", fmt.Errorf("fill from %s: %w", source, err)
	}
	if to, err = filepath.Abs(target); err != nil {
		return "", "", fmt.Errorf("fill %s: %w", target, err)
	}
	entries, err := os.ReadDir(from)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("fill %s: %w", to, err)
	case len(entries) == 0:
		return "", "", fmt.Errorf("fill %s: the source %s is empty", to, from)
	case below(from, to) || below(to, from):
		return "", "", fmt.Errorf("fill %s: the source %s is in it, or it in the source", to, from)
	}
	return from, to, nil
}

var rsyncStat = regexp.MustCompile(`^(Number of files|Number of regular files transferred|Number of deleted files|Total transferred file size): ([\d,]+)(?: \(reg: ([\d,]+))?`)

// readRsync reads the names that rsync says, and its figures behind them.
func readRsync(out io.Reader, progress func(FillProgress)) (f Filled) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	stats, said := false, 0
	for lines.Scan() {
		line := lines.Text()
		m := rsyncStat.FindStringSubmatch(line)
		if m == nil {
			if !stats && line != "" {
				if said++; progress != nil {
					progress(FillProgress{said})
				}
			}
			continue
		}
		stats = true
		number := func(text string) int64 {
			n, _ := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
			return n
		}
		switch m[1] {
		case "Number of files":
			f.Files = int(number(m[3]))
		case "Number of regular files transferred":
			f.Changed = int(number(m[2]))
		case "Number of deleted files":
			f.Deleted = int(number(m[2]))
		case "Total transferred file size":
			f.Bytes = number(m[2])
		}
	}
	io.Copy(io.Discard, out)
	return f
}

// Sync makes everything on the file system of dir durable.
func Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("make %s durable: %w", dir, err)
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("make %s durable: syncfs: %w", dir, err)
	}
	return nil
}
