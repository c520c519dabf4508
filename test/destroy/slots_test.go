package destroy

import (
	"os"

	"golang.org/x/sys/unix"

	"realdocd/test/stack"
)

// After three deploys A is live and B idle.
var inSlots = []situation{
	{
		what:   "An upload in the idle slot",
		danger: func(y *yard) []string { y.keep("B/public/uploads/photo.jpg"); return nil },
		code:   1, says: "/B has 1 file that no deploy brought:\nrealdocd:   public/uploads/photo.jpg\n",
	},
	{
		what:   "A .env that was written by hand",
		danger: func(y *yard) []string { y.keep("B/.env"); return nil },
		code:   1, says: "/B has 1 file that no deploy brought:\nrealdocd:   .env\n",
	},
	{
		what: "A database that a deploy brought and the application has written to",
		danger: func(y *yard) []string {
			y.write("source/data.sqlite", "empty")
			y.deploy()
			y.deploy()
			y.keep("B/data.sqlite")
			return nil
		},
		code: 1, says: "data.sqlite (changed since)",
		did: "refused; the list has: data.sqlite (changed since)",
	},
	{
		what: "A volume that is mounted in the idle slot",
		danger: func(y *yard) []string {
			y.keep("volume/photo.jpg")
			y.mkdir("B/public/uploads")
			y.mount(y.at("volume"), y.at("B/public/uploads"), "", unix.MS_BIND)
			return nil
		},
		code: 1, says: "DIR/B/public/uploads is a mount point",
	},
	{
		what: "A single file that is mounted there",
		danger: func(y *yard) []string {
			y.write("B/.env", "")
			y.mount(y.keep("secrets/.env"), y.at("B/.env"), "", unix.MS_BIND)
			return nil
		},
		code: 1, says: "DIR/B/.env is a mount point",
	},
	{
		what: "Another file system that is mounted there",
		danger: func(y *yard) []string {
			y.mkdir("B/cache")
			y.mount("none", y.at("B/cache"), "tmpfs", 0)
			y.keep("B/cache/session")
			return nil
		},
		code: 1, says: "DIR/B/cache is a mount point",
	},
	{
		what: "The slot is a mount itself",
		danger: func(y *yard) []string {
			y.must(os.RemoveAll(y.at("B")))
			y.mkdir("B")
			y.keep("volume/photo.jpg")
			y.mount(y.at("volume"), y.at("B"), "", unix.MS_BIND)
			return []string{"--adopt", "--delete-new"}
		},
		code: 1, says: "it is a mount point, or on another device",
	},
	{
		what: "A slot that deploy has never filled, with something in it",
		danger: func(y *yard) []string {
			y.keep("C/index.php")
			y.site("shop", stack.Keys{"slots": []string{y.at("A"), y.at("C")}})
			return nil
		},
		code: 1, says: "it is not empty, and realdocd deploy has never filled it",
	},
	{
		what: "The same with --adopt",
		danger: func(y *yard) []string {
			y.keep("C/index.php")
			y.site("shop", stack.Keys{"slots": []string{y.at("A"), y.at("C")}})
			return []string{"--adopt"}
		},
		code: 1, says: "/C has 1 file that no deploy brought",
	},
	{
		what: "A slot that was removed, and made again by somebody else",
		danger: func(y *yard) []string {
			y.must(os.RemoveAll(y.at("B")))
			y.keep("B/index.php")
			return nil
		},
		code: 1, says: "it is not empty, and realdocd deploy has never filled it",
	},
	{
		what: "A slot that became a symlink to somewhere else",
		danger: func(y *yard) []string {
			y.must(os.RemoveAll(y.at("B")))
			y.keep("elsewhere/index.php")
			y.symlink("elsewhere", "B")
			return []string{"--adopt", "--delete-new", "--force"}
		},
		code: 1, says: "it is no directory; remove it, or name another in slots",
	},
	{
		what: "Another site is live in the idle slot",
		danger: func(y *yard) []string {
			y.symlink("../B", "blog/current")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public")})
			return []string{"--delete-new"}
		},
		code: 1, says: "the live release of site blog",
		after: func(y *yard) { y.wantDeploy("B", 2) },
	},
	{
		what: "A docroot of a pattern that no request has shown yet is live there",
		danger: func(y *yard) []string {
			y.symlink("../../B", "sites/a/current")
			y.site("many", stack.Keys{"docroot": y.at("sites/*/current/public")})
			return []string{"--delete-new"}
		},
		code: 1, says: "the live release of site many",
		after: func(y *yard) { y.wantDeploy("B", 2) },
	},
	{
		what:   "A symlink beside the link leads there",
		danger: func(y *yard) []string { y.symlink("B", "stable"); return []string{"--delete-new"} },
		code:   1, says: "what the symlink DIR/stable leads to",
		after: func(y *yard) { y.wantDeploy("B", 2) },
	},
	{
		what: "Another site would go back there",
		danger: func(y *yard) []string {
			y.symlink("../B", "blog/current")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public")})
			y.mkdir("other/public")
			y.Command(y.gw, 0, "flip", "blog", y.at("other"))
			return []string{"--delete-new"}
		},
		code: 1, says: "the rollback target of site blog",
		after: func(y *yard) { y.wantDeploy("B", 2) },
	},
	{
		what: "Another site's link lies in the slot",
		danger: func(y *yard) []string {
			y.keep("B/blog/r/1/public/index.php")
			y.symlink("r/1", "B/blog/current")
			y.symlink("B/blog", "blog")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public")})
			return []string{"--delete-new"}
		},
		code: 1, says: "of site blog",
	},
	{
		what: "Another site's releases lie in the slot, by way of a symlink",
		danger: func(y *yard) []string {
			y.keep("B/blog/1/public/index.php")
			y.symlink("../B/blog", "x/blog-releases")
			y.site("blog", stack.Keys{"docroot": y.at("blog/current/public"), "releases": y.at("x/blog-releases")})
			return []string{"--delete-new"}
		},
		code: 1, says: "it holds the directory of releases of site blog",
	},
	{
		what: "The idle slot is the live one by another name",
		danger: func(y *yard) []string {
			y.symlink(".", "alias")
			y.site("shop", stack.Keys{"slots": []string{y.at("A"), y.at("alias/A")}})
			return []string{"--delete-new"}
		},
		code: 1, says: "it is a slot of site shop",
		after: func(y *yard) { y.wantDeploy("A", 3) },
	},
	{
		what: "The idle slot is the live one, bind-mounted elsewhere",
		danger: func(y *yard) []string {
			y.mkdir("C")
			y.mount(y.at("A"), y.at("C"), "", unix.MS_BIND)
			y.site("shop", stack.Keys{"slots": []string{y.at("A"), y.at("C")}})
			return []string{"--adopt", "--delete-new"}
		},
		code: 1, says: "it is a mount point",
		after: func(y *yard) { y.wantDeploy("A", 3) },
	},
	{
		what: "A shared path has a directory with uploads in the slot",
		danger: func(y *yard) []string {
			y.keep("B/storage/app/photo.jpg")
			y.site("shop", stack.Keys{"shared": []string{"storage/"}})
			return nil
		},
		code: 1, says: "/B has 1 file that no deploy brought:\nrealdocd:   storage/app/photo.jpg\n",
	},
	{
		what: "A symlink in the slot leads to the uploads, and --delete-new is given",
		danger: func(y *yard) []string {
			y.keep("uploads/photo.jpg")
			y.symlink("../../uploads", "B/public/uploads")
			return []string{"--delete-new", "--wait"} // until PHP has forgotten the symlink
		},
		says: "flip      ", did: "filled: the symlink goes, and what it leads to stays",
	},
	{
		what: "What is shared, over many deploys with kills",
		danger: func(y *yard) []string {
			y.site("shop", stack.Keys{"shared": []string{"storage/", "public/uploads/"}})
			y.keep("shared/storage/app.sqlite")
			y.keep("shared/public/uploads/photo.jpg")
			y.deploy()
			y.deploy()
			y.deploy()
			return nil
		},
		says: "flip      ", did: "filled: each release has symlinks, and shared_dir is never touched",
		after: func(y *yard) { y.wantReads("current/public/uploads/photo.jpg", "shared/public/uploads/photo.jpg") },
	},
	{
		what: "What is excluded",
		danger: func(y *yard) []string {
			y.site("shop", stack.Keys{"exclude": []string{"var/cache", "*.log"}})
			y.keep("B/var/cache/container")
			y.keep("B/public/app.log")
			return nil
		},
		says: "flip      ", did: "filled: what is excluded stays as it is",
	},
	{
		what: "A request runs in the idle slot",
		danger: func(y *yard) []string {
			leave := y.inside() // in A
			y.deploy()          // B is live
			y.t.Cleanup(leave)
			return []string{"--timeout", "300ms"}
		},
		code: 1, says: "slot DIR/A was not touched: release DIR/A did not drain",
		did:   "refused, and who is inside is listed",
		after: func(y *yard) { y.wantDeploy("A", 3) },
	},
	{
		what: "A script of cron runs in the idle slot",
		danger: func(y *yard) []string {
			y.process(y.at("B"), stack.PathOf(y.t, "php"), "-r", "sleep(60);")
			return []string{"--timeout", "300ms"}
		},
		code: 1, says: "PHP runs in DIR/B still",
	},
	{
		what: "No daemon says who is in the idle slot",
		danger: func(y *yard) []string {
			return []string{"deploy", "shop", y.source, "--control", y.at("none")}
		},
		code: 1, says: "it has been live, and nobody knows whether something runs in it",
		did:   "refused without --force",
		after: func(y *yard) { y.wantDeploy("B", 2) },
	},
	{
		what: "The source is empty",
		danger: func(y *yard) []string {
			return []string{"deploy", "shop", y.mkdir("nothing")}
		},
		code: 1, says: "the source DIR/nothing is empty",
	},
	{
		what: "The source has no docroot: one directory too high or too low",
		danger: func(y *yard) []string {
			return []string{"deploy", "shop", y.at("source/public")}
		},
		code: 1, says: "the source DIR/source/public has no docroot /public",
	},
	{
		what: "The source is the live release",
		danger: func(y *yard) []string {
			return []string{"deploy", "shop", y.at("current")}
		},
		code: 1, says: "it is a slot of site shop",
	},
	{
		what: "The source lies in the idle slot",
		danger: func(y *yard) []string {
			y.keep("B/build/public/index.php")
			return []string{"deploy", "shop", y.at("B/build"), "--delete-new"}
		},
		code: 1, says: "it lies in a slot of site shop",
	},
	{
		what: "The source holds the slots",
		danger: func(y *yard) []string {
			y.mkdir("public")
			return []string{"deploy", "shop", y.dir, "--delete-new"}
		},
		code: 1, says: "it holds a slot of site shop",
	},
	{
		what: "A rollback to a slot that a deploy has filled since and that never went live",
		danger: func(y *yard) []string {
			y.site("shop", stack.Keys{"before_flip": []string{"false"}})
			y.build()
			y.Command(y.gw, 1, "deploy", "shop", y.source)
			return []string{"rollback", "shop"}
		},
		code: 1, says: "it was filled anew since, and has not been live with that",
	},
}
