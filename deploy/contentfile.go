package deploy

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A keptContent is what was kept of the last look at a release: in a file beside the
// records, believed as they are. Its first line is JSON, and what follows is a line for
// each path.
type keptContent struct {
	Path string `json:"path"`
	Identity
	Hash   string    `json:"hash,omitempty"` // none if the look was interrupted
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
	Frozen time.Time `json:"frozen,omitzero"`

	paths map[string]*counted
}

// Kept is what the last look at a release gave, without looking.
func (c *Contents) Kept(dir string) (Content, bool) {
	t, path, err := realTree(dir)
	if err != nil {
		return Content{}, false
	}
	defer t.dir.Close()
	d, err := NewRecords(c.stateDir).open(false)
	if err != nil {
		return Content{}, false
	}
	defer d.Close()
	k := readKept(d, recordFile(path)+contentSuffix, false)
	if k == nil || k.Path != path || !k.Is(identityOf(t.stat)) || k.Hash == "" {
		return Content{}, false
	}
	return Content{Hash: k.Hash, Files: k.Files, Bytes: k.Bytes, Frozen: k.Frozen}, true
}

// kept is what is kept of the directory; an empty one for nothing. What cannot be read, or is not
// believed, is as good as nothing: all files are read again then.
func (c *Contents) kept(path string, id Identity) *keptContent {
	none := &keptContent{}
	d, err := NewRecords(c.stateDir).open(false)
	if err != nil {
		return none
	}
	defer d.Close()
	k := readKept(d, recordFile(path)+contentSuffix, true)
	if k == nil || k.Path != path || !k.Is(id) {
		return none
	}
	return k
}

// readKept reads a file, all of it or its first line alone.
func readKept(d *safeDir, name string, all bool) *keptContent {
	file, err := d.open(name, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	var st unix.Stat_t
	if unix.Fstat(int(file.Fd()), &st) != nil || st.Size > maxText {
		return nil
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	k := &keptContent{paths: map[string]*counted{}}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), k) != nil || recordFile(k.Path)+contentSuffix != name || !mayRecord(st.Uid, k.Path) {
		return nil
	}
	for all && lines.Scan() {
		rel, e, err := parseCounted(lines.Text())
		if err != nil || len(k.paths) == maxCounted {
			return nil
		}
		k.paths[rel] = e
	}
	if lines.Err() != nil {
		return nil
	}
	return k
}

// text is the line of a path: numbers are to the base of 36.
func (e *counted) text(rel string) string {
	kind, frozen := e.kind, "-"
	if kind == 0 {
		kind = '-'
	}
	if e.frozen != "" {
		frozen = strings.ReplaceAll(e.frozen, " ", ":")
	}
	sum := "-"
	if e.kind == 'f' || e.kind == 'l' {
		sum = base64.RawStdEncoding.EncodeToString(e.sum[:])
	}
	number := func(n int64) string { return strconv.FormatInt(n, 36) }
	return fmt.Sprintf("%c %o %s %s %s %s %s %s %s\n", kind, e.mode, number(e.size), strconv.FormatUint(e.seen.inode, 36),
		number(e.seen.mtime), number(e.seen.ctime), sum, frozen, strconv.QuoteToASCII(rel))
}

func parseCounted(line string) (rel string, e *counted, err error) {
	fields := strings.SplitN(line, " ", 9)
	if len(fields) != 9 || len(fields[0]) != 1 || !strings.Contains("dfl-", fields[0]) {
		return "", nil, errors.New("it is no line of a content")
	}
	e = &counted{kind: fields[0][0]}
	if e.kind == '-' {
		e.kind = 0
	}
	mode, err1 := strconv.ParseUint(fields[1], 8, 32)
	size, err2 := strconv.ParseInt(fields[2], 36, 64)
	inode, err3 := strconv.ParseUint(fields[3], 36, 64)
	mtime, err4 := strconv.ParseInt(fields[4], 36, 64)
	ctime, err5 := strconv.ParseInt(fields[5], 36, 64)
	e.mode, e.size, e.seen = uint32(mode), size, seen{inode, mtime, ctime}
	var err6 error
	if sum := fields[6]; sum != "-" {
		var bytes []byte
		if bytes, err6 = base64.RawStdEncoding.DecodeString(sum); len(bytes) != len(e.sum) {
			err6 = errors.New("it is no sum")
		}
		copy(e.sum[:], bytes)
	}
	if fields[7] != "-" {
		e.frozen = strings.ReplaceAll(fields[7], ":", " ")
	}
	rel, err7 := strconv.Unquote(fields[8])
	return rel, e, errors.Join(err1, err2, err3, err4, err5, err6, err7)
}

// then is what a path was when the release was frozen.
func (e *counted) then() string {
	if e.frozen != "" {
		return e.frozen
	}
	return e.what()
}

// nextContent numbers the files that do not have their name yet: two goroutines never
// write to the same one.
var nextContent atomic.Int64

// keep writes what a look has found. An interrupted look has no hash.
func (c *Contents) keep(l *look, path string, frozen time.Time) error {
	if c.stateDir == "" {
		return errors.New(`it is not kept, since state_dir is "": set it`)
	}
	if c.only {
		return errors.New("what is in releases is kept by the agent alone")
	}
	k := keptContent{
		Path: path, Identity: identityOf(l.tree.stat), Hash: l.content.Hash,
		Files: l.content.Files, Bytes: l.content.Bytes, Frozen: frozen,
	}
	head, err := json.Marshal(k)
	if err != nil {
		return err
	}
	text := bytes.NewBuffer(append(head, '\n'))
	for _, rel := range slices.Sorted(maps.Keys(l.paths)) {
		text.WriteString(l.paths[rel].text(rel))
	}
	if text.Len() > maxText {
		return &Uncounted{l.tree.path, "has too many files, with too long names", "name in exclude what PHP does not need, as node_modules"}
	}
	d, err := NewRecords(c.stateDir).open(true)
	if err != nil {
		return err
	}
	defer d.Close()
	if l.was.Path == "" {
		sweepContents(d)
	}
	name := recordFile(path) + contentSuffix
	next := fmt.Sprintf(".%s.%d-%d%s", name, os.Getpid(), nextContent.Add(1), nextSuffix)
	// Sums of files with secrets are nobody's business.
	return d.writeBy(next, name, text.Bytes(), 0o600)
}

const nextSuffix = ".next"

// sweepContents removes what is kept of releases that are gone, and what a killed process has
// left. What fails stays for the next time.
func sweepContents(d *safeDir) {
	names, _ := d.names(contentSuffix)
	for _, name := range names {
		if k := readKept(d, name, false); k != nil && isGone(k.Path) {
			d.remove(name)
		}
	}
	entries, _ := os.ReadDir(d.path)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), nextSuffix) || !strings.Contains(e.Name(), contentSuffix+".") {
			continue
		}
		if fi, err := e.Info(); err == nil && time.Since(fi.ModTime()) > time.Hour {
			d.remove(e.Name())
		}
	}
}

// isGone says whether a release is gone from its directory, which is there.
func isGone(path string) bool {
	if _, err := os.Lstat(filepath.Dir(path)); err != nil {
		return false
	}
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist) && !exists(hidden(path, strings.TrimPrefix(partialSuffix, "."))) &&
		!exists(hidden(path, strings.TrimPrefix(removingSuffix, ".")))
}
