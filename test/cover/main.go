// Command cover says how many of the statements of realdocd a profile of go test has run:
// in each package, in all, and on the way of a request. It fails if these are too few.
//
//	make cover
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// What has to be run, in per cent.
const (
	leastOfAll = 85
	leastOfWay = 95
)

// way are the files that a request passes through, from the web server to PHP-FPM and back.
var way = map[string][]string{
	"realdocd/fcgi": nil, // all of it
	"realdocd/gateway": {
		"webconn.go", "fate.go", "interrupt.go", "webdeadline.go", "asleep.go", "stall.go", "webread.go", "discard.go", "way.go", "request.go", "requestid.go",
		"cgi.go", "sentparams.go", "params.go", "findsite.go", "arrival.go", "locate.go", "unresolved.go",
		"pinned.go", "hold.go", "told.go", "maintenance.go", "draw.go",
		"rewrite.go", "script.go", "translate.go", "values.go", "valuecache.go", "phpvalues.go",
		"body.go", "spool.go", "relay.go", "response.go", "abandon.go", "stderr.go", "refusal.go", "accesslog.go",
	},
	"realdocd/gateway/fpm":     {"enter.go", "place.go", "queue.go", "share.go", "turns.go", "keep.go", "late.go", "abandon.go", "listener.go"},
	"realdocd/gateway/pattern": nil,
	"realdocd/gateway/pin":     {"token.go", "name.go", "fault.go"},
	"realdocd/gateway/sock":    {"conn.go", "dial.go", "hangup.go", "ready.go", "shut.go"},
	"realdocd/incpath":         nil,
}

// A count is of statements.
type count struct{ run, all int }

func (c count) share() float64 { return 100 * float64(c.run) / float64(max(c.all, 1)) }

func (c *count) add(statements int, run bool) {
	c.all += statements
	if run {
		c.run += statements
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "cover: say which profile, such as dist/cover/all.txt")
		os.Exit(2)
	}
	f, err := os.Open(os.Args[1])
	if err == nil {
		err = report(f, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cover:", err)
		os.Exit(1)
	}
}

// report reads a profile, and writes the shares.
func report(profile io.Reader, out io.Writer) error {
	blocks, err := read(profile)
	if err != nil {
		return err
	}
	packages := map[string]*count{}
	var all, onWay count
	for at, b := range blocks {
		file, _, _ := strings.Cut(at, ":")
		pkg := path.Dir(file)
		if strings.HasPrefix(pkg, "realdocd/test") {
			continue // it is what tests
		}
		if packages[pkg] == nil {
			packages[pkg] = &count{}
		}
		packages[pkg].add(b.statements, b.run)
		all.add(b.statements, b.run)
		if files, ok := way[pkg]; ok && (files == nil || slices.Contains(files, path.Base(file))) {
			onWay.add(b.statements, b.run)
		}
	}
	names := make([]string, 0, len(packages))
	for name := range packages {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(packages[a].share(), packages[b].share()) })
	for _, name := range names {
		fmt.Fprintf(out, "%5.1f %%  %5d statements  %s\n", packages[name].share(), packages[name].all, name)
	}
	fmt.Fprintf(out, "%5.1f %%  %5d statements  all, want %d %%\n", all.share(), all.all, leastOfAll)
	fmt.Fprintf(out, "%5.1f %%  %5d statements  the way of a request, want %d %%\n", onWay.share(), onWay.all, leastOfWay)
	if all.share() < leastOfAll || onWay.share() < leastOfWay {
		return fmt.Errorf("too few statements are run by the tests")
	}
	return nil
}

// A block is a run of statements.
type block struct {
	statements int
	run        bool
}

// read reads a profile in go test's text format. A block may be there more than once.
func read(profile io.Reader) (map[string]block, error) {
	blocks := map[string]block{}
	lines := bufio.NewScanner(profile)
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "mode:") {
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d is not one of a profile: %q", n, lines.Text())
		}
		statements, err1 := strconv.Atoi(fields[1])
		times, err2 := strconv.Atoi(fields[2])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("line %d is not one of a profile: %q", n, lines.Text())
		}
		b := blocks[fields[0]]
		blocks[fields[0]] = block{statements, b.run || times > 0}
	}
	return blocks, lines.Err()
}
