// Package deploy knows releases on disk: which one a docroot's link points to,
// how many requests are inside each, and how a new one comes and an old one goes.
//
// A docroot such as /var/www/shop/current/public passes a link,
// /var/www/shop/current. What the link resolves to is the live release,
// /var/www/shop/releases/42. A deploy is one rename of the link.
//
// Walk goes a docroot's way as the kernel does and writes down every symlink on
// it. The one that deploys flip is the last that does not lie inside a release
// (Way.Flipped); the others outside are aliases, and a path below any of them is
// below the link (Resolved.Spellings). Whoever looks at a link asks these: a
// Resolver, and by FindLink the commands that flip. Where the link cannot be told
// they refuse, with what would decide.
//
// A Resolver takes docroots and gives a Visit: the release to run on, already
// counted in the ledger. It promises:
//
//   - Resolving and counting are one step: no observer finds a release empty
//     between the two.
//   - A request runs on what a look at the link found that began after the
//     request came, or, with Options.Every, at most Every before.
//   - A docroot is looked at by one goroutine at a time; requests that come
//     meanwhile share the look after it.
//   - A look that fails or hangs does not stop a docroot whose release is
//     known: the last good release goes on serving.
//
// Each link's text is read once on a walk, so that a walk cannot mix the states
// before and after a rename. Where one step of the link leads to the release, later
// looks read no more than the link's own text, and once a second see that the docroot
// leads to the same directory still, by way of all aliases; once a minute the path is
// walked again. A link that cannot be told from others is walked for every request.
//
// # Deploying
//
// IdleSlot and NewRelease say where a new release goes, Fill copies it there,
// Complete gives it its name, and Flip makes it live. LockDeploy keeps two deploys
// of a link apart. Each of them may be killed at any step: the link is the old
// one or the new one, a release is whole or hidden, and the next run carries on.
// A History has which releases were live, link by link, for whoever goes back.
//
// # What is emptied and removed
//
// One function decides: (*Warden).MayClear. It wants a Record that fits the directory,
// by device, inode and time of birth, and that nobody uses it: no site's live release,
// link, docroot, slot, releases or way back is it, is in it or around it, nothing is
// mounted in it, and nobody is inside. Its Permit is the only thing that Fill and
// Remove take, and they work on that directory, whatever has its name by then.
// A Manifest has what deploys brought into it: other files stop them.
//
// Records, manifests and histories are files in state_dir, which PHP may be able to
// write to. They are reached by descriptors (safeDir), as regular files with one
// name, and a record proves something only if its owner could remove the directory
// himself.
package deploy
