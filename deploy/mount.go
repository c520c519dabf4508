package deploy

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NothingToFlip says why no deploy can be seen on a way that has no link, and what
// to do.
func (r *Resolved) NothingToFlip() error {
	if point, from := MountAbove(r.Way.End); point != "" {
		return fmt.Errorf("docroot %s has no symlink on its path, and can never flip: it is in the mount %s, which shows %s as it was resolved when it was mounted; mount the directory that has the link and the releases instead, as %s", r.Docroot, point, from, betterMount(point))
	}
	return fmt.Errorf("docroot %s has no symlink on its path, so there is nothing to flip: move the release elsewhere, and put a symlink to it in its place", r.Docroot)
}

// betterMount is where to mount what has the link.
func betterMount(point string) string {
	if dir := filepath.Dir(point); dir != "/" {
		return dir
	}
	return point
}

// MountAbove gives the mount that a real path is in, and the directory that it shows,
// if that is only a part of a file system: a bind mount, as containers have them.
func MountAbove(path string) (point, from string) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", ""
	}
	defer file.Close()
	return readMounts(bufio.NewScanner(file), path)
}

func readMounts(lines *bufio.Scanner, path string) (point, from string) {
	deepest := ""
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 5 {
			continue
		}
		root, at := unescapeMount(f[3]), unescapeMount(f[4])
		if !below(path, at) || len(at) < len(deepest) {
			continue
		}
		deepest = at
		point, from = "", ""
		if root != "/" && at != "/" {
			point, from = at, root
		}
	}
	return point, from
}

// unescapeMount reads the octal numbers that stand for spaces and the like.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
