package deploy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A look is one look at what is in a release.
type look struct {
	content Content
	// paths are what counts, by path below the release.
	paths map[string]*counted

	tree    *tree
	was     *keptContent // what was kept of an earlier look; never nil
	leaves  func(rel string) bool
	left    int64 // of maxContent
	touched bool  // something is not as it was kept
	buffer  []byte
}

func (c *Contents) look(ctx context.Context, dir string, f Filling, freeze bool) (*look, error) {
	l := &look{paths: map[string]*counted{}, left: maxContent}
	t, path, err := realTree(dir)
	if err != nil {
		return l, err
	}
	defer t.dir.Close()
	end, err := c.begin(ctx, path)
	if err != nil {
		return l, err
	}
	defer end()
	rec, _ := NewRecords(c.stateDir).Of(path) // without one that is believed, nothing is known of fills
	if rec != nil && !rec.Is(identityOf(t.stat)) {
		rec = nil
	}
	if rec != nil && rec.Begun.After(rec.Filled) {
		return l, &Uncounted{t.path, "is being filled, or its deploy was interrupted", "wait, or deploy again"}
	}
	l.tree, l.leaves, l.was = t, f.leaves, c.kept(path, identityOf(t.stat))
	if rec != nil && rec.Begun.After(l.was.Frozen) {
		l.was.Frozen = time.Time{} // it was filled anew since
	}
	if err := l.walk(ctx); err != nil {
		if ctx.Err() != nil && l.was.Frozen.IsZero() {
			c.keep(l, path, time.Time{}) // so that the next look goes on from there
		}
		return l, err
	}
	l.content.Frozen = l.was.Frozen
	if freeze && l.was.Frozen.IsZero() {
		l.content.Frozen, l.touched = time.Now(), true
	}
	if !l.touched && l.was.Hash != "" && len(l.paths) == len(l.was.paths) { // each path is as it was kept
		l.content.Hash, l.content.Files, l.content.Bytes = l.was.Hash, l.was.Files, l.was.Bytes
		return l, nil
	}
	if err := l.sum(); err != nil {
		return l, err
	}
	if l.touched || l.content.Hash != l.was.Hash {
		// What is not kept is read again; but what is to be frozen has to be kept.
		if err := c.keep(l, path, l.content.Frozen); err != nil && freeze {
			return l, err
		}
	}
	return l, nil
}

// begin waits until nobody else looks at a release.
func (c *Contents) begin(ctx context.Context, path string) (end func(), err error) {
	for {
		c.mu.Lock()
		other := c.busy[path]
		if other == nil {
			mine := make(chan struct{})
			c.busy[path] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, path)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// walk looks at everything that counts.
func (l *look) walk(ctx context.Context) error {
	frozen := !l.was.Frozen.IsZero()
	err := l.tree.walkBelow(l.tree.dir, "", walking{
		leave: func(rel string) bool { return l.leaves(rel) || frozen && l.was.paths[rel] == nil },
		visit: func(in *os.File, rel string, st unix.Statx_t) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			return l.visit(ctx, in, rel, st)
		},
	})
	if m := (mounted{}); errors.As(err, &m) {
		return &Uncounted{m.path, "is a mount point, or on another device", "umount it, or name it in shared or exclude"}
	}
	if err != nil || !frozen {
		return err
	}
	for rel, was := range l.was.paths {
		now := l.paths[rel]
		if now == nil {
			if l.leaves(rel) {
				l.touched = true
				continue
			}
			now = &counted{}
			l.paths[rel] = now
		}
		if *now == *was && was.frozen == "" {
			continue
		}
		if then := was.then(); now.what() != then {
			now.frozen = then
		}
		l.touched = l.touched || now.frozen != was.frozen || now.kind != was.kind
	}
	return nil
}

// visit looks at one path.
func (l *look) visit(ctx context.Context, in *os.File, rel string, st unix.Statx_t) (enter bool, err error) {
	path := filepath.Join(l.tree.path, rel)
	e := &counted{mode: uint32(st.Mode) & 0o777, size: int64(st.Size), seen: seenOf(st)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if below(rel, fillDir) {
			return false, nil
		}
		e.kind, e.size, enter = 'd', 0, true
	case unix.S_IFLNK:
		if isUnfinished(rel, "l") {
			return false, nil
		}
		e.kind, e.mode = 'l', 0o777
	case unix.S_IFREG:
		e.kind = 'f'
		if l.left -= e.size; l.left < 0 {
			return false, &Uncounted{path, fmt.Sprintf("is more than %d GiB, with what else is in the release", int64(maxContent)>>30), "name it in shared or exclude"}
		}
	default:
		if !l.was.Frozen.IsZero() { // it was something else
			return false, nil
		}
		return false, &Uncounted{path, "is neither a file nor a directory nor a symlink", "remove it, or name it in exclude"}
	}
	if len(l.paths) == maxCounted {
		return false, &Uncounted{l.tree.path, fmt.Sprintf("has more than %d files", maxCounted), "name in exclude what PHP does not need, as node_modules"}
	}
	l.paths[rel] = e
	was := l.was.paths[rel]
	if was != nil && was.kind == e.kind && was.mode == e.mode && was.size == e.size && (e.kind == 'd' || was.seen == e.seen) {
		e.sum, e.seen = was.sum, was.seen
		return enter, nil
	}
	l.touched = true
	if e.kind == 'd' {
		return enter, nil
	}
	l.content.Read++
	return enter, l.read(ctx, e, in, path, st)
}

func seenOf(st unix.Statx_t) seen {
	return seen{st.Ino, st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec), st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec)}
}

// young is how long after a change another one may have the same time, as the file system
// writes it.
const young = 2 * time.Second

// read reads a file, or the text of a symlink.
func (l *look) read(ctx context.Context, e *counted, in *os.File, path string, st unix.Statx_t) (err error) {
	began := time.Now()
	if e.kind == 'l' {
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(int(in.Fd()), filepath.Base(path), buf)
		if err != nil {
			return &os.PathError{Op: "readlink", Path: path, Err: err}
		}
		e.size, e.sum = int64(n), sha256.Sum256(buf[:n])
	} else if err := l.readFile(ctx, e, in, path, st); err != nil {
		return err
	}
	if age := began.Sub(time.Unix(0, e.seen.ctime)); age > -young && age < young {
		e.seen = seen{}
	}
	return nil
}

// readFile reads what was looked at, and nothing else that may have its name by now. It is
// opened for reading only once it is known for a regular file.
func (l *look) readFile(ctx context.Context, e *counted, in *os.File, path string, st unix.Statx_t) error {
	fd, err := openBelow(int(in.Fd()), filepath.Base(path), unix.O_PATH, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	changes := &Uncounted{path, "changes while it is read", "end what writes there, or name it in exclude"}
	if now, err := statAt(fd, "", unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	} else if now.Mode != st.Mode || seenOf(now) != e.seen {
		return changes
	}
	file, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return rename(err, fmt.Sprintf("/proc/self/fd/%d", fd), path)
	}
	defer file.Close()
	h := sha256.New()
	if l.buffer == nil {
		l.buffer = make([]byte, 256<<10)
	}
	for read := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := file.Read(l.buffer)
		h.Write(l.buffer[:n])
		if read += int64(n); read > e.size {
			return changes
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return rename(err, file.Name(), path)
		}
	}
	h.Sum(e.sum[:0])
	if now, err := statAt(int(file.Fd()), "", unix.AT_EMPTY_PATH); err != nil || seenOf(now) != e.seen || int64(now.Size) != e.size {
		return changes
	}
	return nil
}
