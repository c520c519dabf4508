package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

func TestAnOverlaysLayersAreFound(t *testing.T) {
	const mounts = `23 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 23 0:50 / /srv rw,relatime - overlay overlay rw,lowerdir=/low\040er:/second,upperdir=/up,workdir=/work
41 40 254:0 /x /srv/disk rw,relatime - ext4 /dev/vda rw
42 23 0:51 / /new rw - overlay none rw,lowerdir+=/a,lowerdir+=/b
`
	for path, want := range map[string][]string{
		"/srv/www":      {"/low er", "/second", "/up", "/work"},
		"/srv":          {"/low er", "/second", "/up", "/work"},
		"/srv/disk/www": nil,
		"/srvother":     nil,
		"/new/a":        {"/a", "/b"},
		"/":             nil,
	} {
		if got := layersOf(path, mounts); !slices.Equal(got, want) {
			t.Errorf("%s has the layers %q, want %q", path, got, want)
		}
	}
}

// A file system that another process serves does not pass for local below an overlay.
func TestAnOverlayIsAsLocalAsItsLayers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"real", "fuse", "up", "work", "onfuse", "up2", "work2", "ondisk"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount := func(at, options string) {
		t.Helper()
		if err := unix.Mount("overlay", filepath.Join(dir, at), "overlay", 0, options); err != nil {
			t.Skipf("an overlay cannot be mounted: %v", err)
		}
		t.Cleanup(func() { unix.Unmount(filepath.Join(dir, at), unix.MNT_DETACH) })
	}
	mount("ondisk", "lowerdir="+dir+"/real,upperdir="+dir+"/up2,workdir="+dir+"/work2")
	if !localFilesystem(dir) || !localFilesystem(dir+"/ondisk") {
		t.Skip("the machine's own disk is none that passes for local")
	}
	stack.Need(t, "bindfs")
	if out, err := exec.Command("bindfs", dir+"/real", dir+"/fuse").CombinedOutput(); err != nil {
		t.Skipf("FUSE cannot be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() { unix.Unmount(dir+"/fuse", unix.MNT_DETACH) })
	mount("onfuse", "lowerdir="+dir+"/fuse,upperdir="+dir+"/up,workdir="+dir+"/work")
	if localFilesystem(dir + "/onfuse") {
		t.Error("an overlay over FUSE passes for local")
	}
}

// As in a container's mount namespace: the path of the lower layer leads to the overlay itself.
func TestALookAtAnOverlayThatLiesOverItsOwnLayersEnds(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts")
	}
	dir, lower := t.TempDir(), t.TempDir()
	for _, name := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := "lowerdir=" + lower + ",upperdir=" + dir + "/up,workdir=" + dir + "/work"
	if err := unix.Mount("overlay", lower, "overlay", 0, options); err != nil {
		t.Skipf("an overlay cannot be mounted: %v", err)
	}
	defer unix.Unmount(lower, unix.MNT_DETACH)
	answered := make(chan bool, 1)
	go func() { answered <- localFilesystem(lower) }()
	select {
	case local := <-answered:
		if local {
			t.Error("it passes for local, though its layers are not known")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the look does not end")
	}
}
