package deploy

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// glanced is a shop that was looked at all the time for long enough that a look can be a glance.
// reads counts how often its link is read.
type glanced struct {
	shop
	r     *Resolver
	now   time.Time
	reads *atomic.Int32
}

func newGlanced(t *testing.T) *glanced {
	s := newShop(t)
	if !glances(s.root + "/current") {
		stack.Unproven(t, "glances are for ext4, xfs and tmpfs, and the scratch directory is on none of them")
	}
	g := &glanced{s, NewResolver(Options{}), time.Now(), new(atomic.Int32)}
	g.r.opts.settled = 0
	g.r.opts.readLocal = func(linkz, buf []byte) (int, error) {
		g.reads.Add(1)
		return readlink(linkz, buf)
	}
	time.Sleep(20 * time.Millisecond) // a tick of the clock of files
	g.settle(t)
	return g
}

// after is the release some time later.
func (g *glanced) after(t *testing.T, d time.Duration) string {
	t.Helper()
	g.now = g.now.Add(d)
	v, err := g.r.Enter(g.docroot(), g.now)
	if err != nil || v.Stale != nil {
		t.Fatal(err, v.Stale)
	}
	v.Leave(g.now, false)
	return v.Name
}

func (g *glanced) settle(t *testing.T) {
	t.Helper()
	for range 3*checkEvery/(glanceWithin/2) + 2 { // the next one is not that of a second
		g.after(t, glanceWithin/2)
	}
	if g.r.docroots[g.docroot()].glance == nil {
		t.Fatal("no look is a glance")
	}
}

func TestALinkThatIsLookedAtAllTheTimeIsReadOnceASecond(t *testing.T) {
	g := newGlanced(t)
	before := g.reads.Load()
	const looks = 100
	for range looks {
		g.after(t, glanceWithin/2)
	}
	most := int32(looks * (glanceWithin / 2) / checkEvery)
	if n := g.reads.Load() - before; n == 0 || n > most {
		t.Errorf("the link was read %d times in %d looks, want at most %d", n, looks, most)
	}
	before = g.reads.Load()
	if g.after(t, glanceWithin); g.reads.Load() != before+1 {
		t.Error("a glance at a link that nobody has looked at for a while: what the kernel knows of it may have to come from a disk")
	}
}

// However a link is replaced, the next look tells.
func TestAGlanceSeesThatALinkIsAnother(t *testing.T) {
	for name, replace := range map[string]func(g *glanced) error{
		"renamed over": func(g *glanced) error { g.flip("releases/2"); return nil },
		"removed and made": func(g *glanced) error {
			os.Remove(g.root + "/current")
			return os.Symlink("releases/2", g.root+"/current")
		},
		"exchanged with one of before": func(g *glanced) error {
			os.Symlink("releases/2", g.root+"/other")
			return unix.Renameat2(unix.AT_FDCWD, g.root+"/other", unix.AT_FDCWD, g.root+"/current", unix.RENAME_EXCHANGE)
		},
		"in another directory of that name": func(g *glanced) error {
			other := g.shop
			other.root += ".new"
			other.release("1")
			other.release("2")
			other.flip("releases/2")
			os.Rename(g.root, g.root+".old")
			return os.Rename(other.root, g.root)
		},
		"flipped so often that its inode is used again": func(g *glanced) error {
			for range 20 {
				g.flip("releases/1")
				g.flip("releases/2")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGlanced(t)
			before := g.reads.Load()
			if got := g.after(t, glanceWithin/2); got != "1" || g.reads.Load() != before {
				t.Fatalf("release %s, link read: %v", got, g.reads.Load() != before)
			}
			if err := replace(g); err != nil {
				t.Fatal(err)
			}
			if got := g.after(t, glanceWithin/2); got != "2" {
				t.Errorf("release %s", got)
			}
		})
	}
}

// A link's inode and its time may be those of the link before last, if they are of one moment.
func TestALinkThatIsYoungIsRead(t *testing.T) {
	g := newGlanced(t)
	g.r.opts.settled = settledAfter
	for range 3*checkEvery/(glanceWithin/2) + 2 {
		g.after(t, glanceWithin/2)
	}
	before := g.reads.Load()
	if g.after(t, glanceWithin/2); g.reads.Load() != before+1 {
		t.Error("a link of this second was glanced at")
	}
}

func TestALinkOnAFileSystemThatMayWaitIsRead(t *testing.T) {
	if glances("/proc/self/exe") || glances("/nowhere/at/all") {
		t.Error("a glance may wait for what is not kept in memory")
	}
	g := newGlanced(t)
	g.r.docroots[g.docroot()].local = false // a look took long
	before := g.reads.Load()
	g.r.opts.read = func(link string, buf []byte) (int, error) {
		g.reads.Add(1)
		return unix.Readlink(link, buf)
	}
	if g.after(t, glanceWithin/2); g.reads.Load() == before {
		t.Error("it was glanced at")
	}
}

// Where a symlink on the way leads through is not known, and the kernel walks it each time.
func TestALinkBehindAnotherLinkIsAlwaysRead(t *testing.T) {
	dir := t.TempDir()
	if !glances(dir + "/current") {
		stack.Unproven(t, "glances are for ext4, xfs and tmpfs, and the scratch directory is on none of them")
	}
	if err := os.Symlink(dir, dir+"/way"); err != nil {
		t.Fatal(err)
	}
	if glances(dir + "/way/current") {
		t.Error("it is glanced at")
	}
}
