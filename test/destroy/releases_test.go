package destroy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// oldest is the release that the next deploy wants to remove.
func (y *yard) oldest() string {
	y.t.Helper()
	all := y.releases()
	if len(all) != 3 {
		y.t.Fatalf("the releases are %q", all)
	}
	return all[0]
}

// rel is a path without the yard's directory.
func (y *yard) rel(path string) string { return strings.TrimPrefix(path, y.dir+"/") }

// wantDeploy wants a directory to hold the code of a deploy.
func (y *yard) wantDeploy(dir string, n int) {
	y.t.Helper()
	text, err := os.ReadFile(y.at(dir) + "/lib/code.php")
	if want := fmt.Sprintf("<?php return %d;", n); err != nil || string(text) != want {
		y.t.Errorf("LOST: %s holds %q, %v; want %q", dir, text, err, want)
	}
}

// wantReads wants a path to lead to what is precious.
func (y *yard) wantReads(path, precious string) {
	y.t.Helper()
	if text, err := os.ReadFile(y.at(path)); err != nil || string(text) != y.precious[y.at(precious)] {
		y.t.Errorf("%s is %q, %v", path, text, err)
	}
}

// stays wants the oldest release to be there after the deploy.
func stays(y *yard) {
	y.t.Helper()
	y.wantDeploy(y.rel(y.releases()[0]), 1)
}

// Three deploys with keep = 1: the next one wants to remove the first.
var inReleases = []situation{
	{
		what: "Directories of others beside the releases",
		danger: func(y *yard) []string {
			for _, name := range []string{"shared/photo.jpg", "v7.3/index.php", "assets/app.css", ".git/HEAD"} {
				y.keep("releases/" + name)
			}
			return nil
		},
		says: "left      .git, assets, shared, v7.3: not made by realdocd deploy",
	},
	{
		what: "Releases that Deployer and Capistrano have made, older than all",
		danger: func(y *yard) []string {
			for _, name := range []string{"1", "20010101000000"} {
				old := time.Unix(0, 0)
				y.must(os.Chtimes(filepath.Dir(y.keep("releases/"+name+"/index.php")), old, old))
			}
			return nil
		},
		says: "left      1, 20010101000000: not made by realdocd deploy", did: "left      1, 20010101000000: not made by realdocd deploy",
	},
	{
		what: "Directories of others with the names that deploy gives what it has begun",
		danger: func(y *yard) []string {
			y.keep("releases/.x.partial/file")
			y.keep("releases/.x.removing/file")
			y.keep("releases/.99999999999999.partial/file")
			return nil
		},
		says: "left      .99999999999999.partial, .x.partial, .x.removing: not made by realdocd deploy",
	},
	{
		what: "An upload in a release beyond keep",
		danger: func(y *yard) []string {
			y.keep(y.rel(y.oldest()) + "/public/uploads/photo.jpg")
			return nil
		},
		says: "has 1 file that no deploy brought:\nrealdocd:   public/uploads/photo.jpg\n", after: stays,
	},
	{
		what: "A hotfix in a release beyond keep",
		danger: func(y *yard) []string {
			y.keep(y.rel(y.oldest()) + "/lib/hotfix.php")
			y.precious[y.write(y.rel(y.oldest())+"/public/index.php", "deploy by hand")] = "deploy by hand"
			return nil
		},
		says: "has 2 files that no deploy brought", after: stays,
	},
	{
		what: "A volume that is mounted in a release beyond keep",
		danger: func(y *yard) []string {
			old := y.rel(y.oldest())
			y.keep("volume/photo.jpg")
			y.mkdir(old + "/public/uploads")
			y.mount(y.at("volume"), y.at(old+"/public/uploads"), "", unix.MS_BIND)
			return nil
		},
		says: "/public/uploads is a mount point", after: stays,
	},
	{
		what: "A symlink in it that leads to the uploads, brought by the deploy",
		danger: func(y *yard) []string {
			y.keep("uploads/photo.jpg")
			y.site("shop", stack.Keys{"shared": []string{"public/uploads"}, "shared_dir": y.mkdir("data")})
			y.must(os.Rename(y.mkdir("data/public"), y.at("gone")))
			y.symlink("../uploads", "data/uploads")
			y.must(os.MkdirAll(y.at("data/public"), 0o755))
			y.symlink("../../uploads", "data/public/uploads")
			for range 3 {
				y.deploy()
			}
			return nil
		},
		says: "remove    ", did: "removed: the symlink goes, and what it leads to stays",
		after: func(y *yard) { y.wantReads("current/public/uploads/photo.jpg", "uploads/photo.jpg") },
	},
	{
		what: "Another site is live in a release beyond keep",
		danger: func(y *yard) []string {
			y.symlink(y.oldest(), "blog/current")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public")})
			return nil
		},
		says: "the live release of site blog", after: stays,
	},
	{
		what: "A docroot of a pattern that no request has shown yet is live there",
		danger: func(y *yard) []string {
			y.symlink(y.oldest(), "sites/a/current")
			y.site("many", stack.Keys{"docroot": y.at("sites/*/current/public")})
			return nil
		},
		says: "the live release of site many", after: stays,
	},
	{
		what: "A second link in between leads there, with resolve = readlink",
		danger: func(y *yard) []string {
			y.symlink(y.oldest(), "blog/A")
			y.symlink("A", "blog/current")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public"), "resolve": "readlink"})
			return nil
		},
		says: "of site blog", after: stays,
	},
	{
		what: "Another site would go back there",
		danger: func(y *yard) []string {
			y.symlink(y.oldest(), "blog/current")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public")})
			y.mkdir("other/public")
			y.Command(y.gw, 0, "flip", "blog", y.at("other"))
			return nil
		},
		says: "the rollback target of site blog", after: stays,
	},
	{
		what: "The site itself would go back there",
		danger: func(y *yard) []string {
			y.oldest()
			y.Command(y.gw, 0, "rollback", "shop")
			return []string{"flip", "shop", y.releases()[1], "--drain"} // the first stays where a rollback goes
		},
		says: "flip      ", did: "kept: it is not counted by keep", after: stays,
	},
	{
		what: "A symlink beside the link leads there",
		danger: func(y *yard) []string {
			y.symlink("releases/"+filepath.Base(y.oldest()), "previous")
			return nil
		},
		says: "what the symlink DIR/previous leads to", after: stays,
	},
	{
		what: "A directory of extra_roots lies there",
		danger: func(y *yard) []string {
			y.mkdir(y.rel(y.oldest()) + "/tools")
			y.site("blog", stack.Keys{"docroot": y.mkdir("blog/public"), "extra_roots": []string{y.oldest() + "/tools"}})
			return nil
		},
		says: "it holds a directory of extra_roots of site blog", after: stays,
	},
	{
		what: "A release that was removed, and made again by somebody else",
		danger: func(y *yard) []string {
			old := y.oldest()
			y.must(os.RemoveAll(old))
			y.keep(y.rel(old) + "/index.php")
			return nil
		},
		says: "not made by realdocd deploy",
	},
	{
		what: "A release that was copied aside and put back",
		danger: func(y *yard) []string {
			old := y.oldest()
			y.must(os.Rename(old, y.at("aside")))
			y.must(os.CopyFS(old, os.DirFS(y.at("aside"))))
			y.keep(y.rel(old) + "/photo.jpg")
			return nil
		},
		says: "not made by realdocd deploy", after: stays,
	},
	{
		what: "A release that became a symlink to somewhere else",
		danger: func(y *yard) []string {
			old := y.oldest()
			y.must(os.RemoveAll(old))
			y.keep("elsewhere/index.php")
			y.must(os.Symlink(y.at("elsewhere"), old))
			return nil
		},
		says: "not made by realdocd deploy",
	},
	{
		what: "The live release is reached by a bind mount of releases",
		danger: func(y *yard) []string {
			old := y.oldest()
			y.mkdir("elsewhere")
			y.mount(y.at("releases"), y.at("elsewhere"), "", unix.MS_BIND)
			y.symlink("elsewhere/"+filepath.Base(old), "blog")
			y.site("blog", stack.Keys{"docroot": y.at("blog/public")})
			return nil
		},
		says: "of site blog", after: stays,
	},
	{
		what: "A request runs in a release beyond keep",
		danger: func(y *yard) []string {
			y.oldest()
			leave := y.inside() // in the third
			y.t.Cleanup(leave)
			y.deploy()
			y.deploy()
			y.deploy()
			return nil
		},
		says: "did not drain", did: "stays, and who is inside is named",
		after: func(y *yard) { y.wantDeploy(y.rel(y.releases()[0]), 3) },
	},
	{
		what: "No daemon says who is in a release beyond keep",
		danger: func(y *yard) []string {
			y.oldest()
			return []string{"deploy", "shop", y.source, "--control", y.at("none")}
		},
		says: "is not removed: nobody knows whether something runs in it", after: stays,
	},
	{
		what: "PHP writes a record for what it wants to have removed",
		danger: func(y *yard) []string {
			y.forgeRecord(y.keep("releases/precious/photo.jpg"))
			return nil
		},
		says: "left      precious: not made by realdocd deploy",
	},
	{
		what: "PHP puts a symlink in the place of the records",
		danger: func(y *yard) []string {
			y.keep("etc/passwd")
			y.must(os.RemoveAll(y.state() + "/records"))
			y.must(os.Symlink(y.at("etc"), y.state()+"/records"))
			y.t.Cleanup(func() { os.Remove(y.state() + "/records") })
			return nil
		},
		code: 1, says: "/state/records: not a directory",
		did:   "refused: no symlink is followed below state_dir",
		after: stays,
	},
	{
		what: "A release that was refused, and one whose deploy was killed",
		danger: func(y *yard) []string {
			y.keep("outside/photo.jpg")
			y.site("shop", stack.Keys{"before_flip": []string{"exit 3"}})
			y.build()
			y.Command(y.gw, 1, "deploy", "shop", y.source)
			y.site("shop", stack.Keys{"before_flip": []string{}})
			return nil
		},
		says: "(it has never been live)", did: "removed before any other, and named",
	},
	{
		what: "rm -r after a drain, with a web server that sends the release's own path",
		danger: func(y *yard) []string {
			old := y.releases()[1]
			resolved := stack.ParamsFor(old+"/public", "GET", "/index.php")
			if reply := y.Ask(y.gw.Addr, nil, resolved...); !strings.Contains(string(reply.Body), "deploy 2") {
				y.t.Fatalf("before the drain: %q", reply.Body)
			}
			y.Command(y.gw, 0, "drain", "shop", filepath.Base(old))
			y.must(os.RemoveAll(old))
			// On the live release, and not on what is left of the other.
			if reply := y.Ask(y.gw.Addr, nil, resolved...); string(reply.Body) != "deploy 3" {
				y.t.Errorf("after it: %d %q", reply.Status, reply.Body)
			}
			return nil
		},
		says: "flip      ", did: "safe: such a request runs on the live release",
	},
	{
		what: "Two sites with one directory of releases",
		danger: func(y *yard) []string {
			config := y.gw.Config
			text, err := os.ReadFile(config)
			y.must(err)
			more := fmt.Sprintf("\n[site.blog]\ndocroot = %q\nreleases = %q\n", y.at("blog/current/public"), y.at("releases"))
			y.must(os.WriteFile(config, append(text, more...), 0o644))
			return nil
		},
		code: 78, says: "is releases in [site.shop]",
		did:   "a fault of the configuration, with both lines named",
		after: stays,
	},
	{
		what: "A docroot in the directory of releases",
		danger: func(y *yard) []string {
			config := y.gw.Config
			text, err := os.ReadFile(config)
			y.must(err)
			more := fmt.Sprintf("\n[site.blog]\ndocroot = %q\n", y.at("releases/blog"))
			y.must(os.WriteFile(config, append(text, more...), 0o644))
			return nil
		},
		code: 78, says: "lies in releases in [site.shop]",
		did:   "a fault of the configuration, with both lines named",
		after: stays,
	},
}

// state is the gateway's state_dir.
func (y *yard) state() string { return filepath.Dir(y.gw.Config) + "/state" }

// forgeRecord takes the record of a release, and writes one for another directory as
// the user of PHP would.
func (y *yard) forgeRecord(file string) {
	y.t.Helper()
	dir := filepath.Dir(file)
	var st syscall.Stat_t
	y.must(syscall.Stat(dir, &st))
	name := recordName(dir)
	text := fmt.Sprintf(`{"kind":"release","path":%q,"site":"shop","made":"2020-01-01T00:00:00Z","device":%d,"inode":%d}`, dir, st.Dev, st.Ino)
	path := y.state() + "/records/" + name
	y.must(os.WriteFile(path, []byte(text), 0o644))
	y.must(os.Chown(path, 33, 33))
}
