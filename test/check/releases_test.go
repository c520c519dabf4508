package check

import (
	"os"
	"os/exec"
	"testing"

	"realdocd/test/stack"
)

// remove removes something of a site.
func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		t.Helper()
		mustDo(t, os.RemoveAll(site+"/"+name))
	}
}

func closeTo(name string, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		t.Helper()
		mustDo(t, os.Chmod(site+"/"+name, mode))
	}
}

// mount has a directory of the site be a mount of another one, until the test ends.
func mount(name, of string) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		t.Helper()
		stack.NeedRoot(t, "to mount")
		mustDo(t, exec.Command("mount", "--bind", site+"/"+of, site+"/"+name).Run())
		t.Cleanup(func() { mustDo(t, exec.Command("umount", site+"/"+name).Run()) })
	}
}

// faultsOfReleases lie in the live release, or in its place.
func faultsOfReleases() []placedFault {
	return []placedFault{
		{name: "a docroot that is not in the release", want: "docroot-unresolved", says: []string{"site POOL", "no such file"}, do: remove("releases/1/public")},
		{name: "a docroot without a link", want: "nothing-to-flip", says: []string{"SITE/releases/1/public", "symlink"}, keys: []string{`docroot = "SITE/releases/1/public"`}},
		{name: "a docroot that is a bind mount of a release", want: "nothing-to-flip", says: []string{"the mount SITE/public", "mount the directory that has the link"}, keys: []string{`docroot = "SITE/public"`}, asRoot: true, do: func(t *testing.T, site string) {
			mustDo(t, os.Mkdir(site+"/public", 0o755))
			mount("public", "releases/1/public")(t, site)
		}},
		{name: "a mount below the link", want: "docroot-mounted", says: []string{"SITE/releases/1/public", "the mount"}, asRoot: true, do: mount("releases/1/public", "releases/2/public")},
		{name: "two links of which either could be flipped", want: "second-link", says: []string{`link_after = "SITE" for SITE/live`}, keys: []string{`docroot = "SITE/live/public"`}, link: map[string]string{"live": "A", "A": "releases/1"}},
		{name: "a pattern that nothing matches", want: "pattern-matches-nothing", says: []string{"SITE/none/*/public"}, keys: []string{`docroot = "SITE/none/*/public"`}},
		{name: "ln -sf without -n", want: "link-inside-release", says: []string{"SITE/releases/1/2", "ln -sf does without -n"}, link: map[string]string{"releases/1/2": "releases/2"}},
		{name: "ln -sf without -n, of an absolute path", want: "link-inside-release", says: []string{"SITE/releases/1/2"}, link: map[string]string{"releases/1/2": "SITE/releases/2"}},
		{name: "require by the link's path", want: "code-names-link", says: []string{"SITE/releases/1/lib/boot.php:4", "require 'SITE/current/lib/x.php'", "__DIR__"}, file: map[string]string{"releases/1/lib/boot.php": "<?php\n// SITE/current/lib\n# SITE/current\nrequire 'SITE/current/lib/x.php';\n$a = 'SITE/current2';\n"}},
		{name: "require from __DIR__ up to the link", want: "code-names-link", says: []string{"SITE/releases/1/lib/boot.php:2", "from where the file lies"}, file: map[string]string{"releases/1/lib/boot.php": "<?php\nrequire __DIR__ . '/../../../current/lib/x.php';\n"}},
		{name: "require by dirname(__DIR__, 3) of the link", want: "code-names-link", says: []string{"SITE/releases/1/lib/boot.php:1"}, file: map[string]string{"releases/1/lib/boot.php": "<?php require dirname(__DIR__, 3) . '/current/lib/x.php';\n"}},
		{name: "an include_path by the link in .user.ini", want: "code-names-link", says: []string{"SITE/releases/1/public/.user.ini:1"}, file: map[string]string{"releases/1/public/.user.ini": "include_path = .:SITE/current/lib\n"}},
		{name: "code that names a release before by its path", want: "code-names-release", says: []string{"SITE/releases/1/lib/cached.php:1", "another release"}, file: map[string]string{"releases/1/lib/cached.php": "<?php return 'SITE/releases/20240101/lib';\n"}},
		{name: "require from __DIR__ up to another release", want: "code-names-release", says: []string{"SITE/releases/1/lib/boot.php:1"}, file: map[string]string{"releases/1/lib/boot.php": "<?php require __DIR__ . '/../../2/lib/part.php';\n"}},
		{name: "code of one slot that names the other", want: "code-names-release", says: []string{"SITE/A/index.php:1", "SITE/B"}, keys: []string{`docroot = "SITE/www"`, `slots = ["SITE/A", "SITE/B"]`}, file: map[string]string{"A/index.php": "<?php require 'SITE/B/x.php';\n", "B/index.php": "<?php\n"}, link: map[string]string{"www": "A"}},
		{name: ".user.ini that names another release", want: "code-names-release", says: []string{"SITE/releases/1/public/.user.ini:1"}, file: map[string]string{"releases/1/public/.user.ini": "auto_prepend_file = SITE/releases/2/lib/part.php\n"}},
		{name: ".env that names the link", want: "file-names-link", says: []string{"SITE/releases/1/.env:2", "APP_DIR=SITE/current"}, file: map[string]string{"releases/1/.env": "# SITE/current\nAPP_DIR=SITE/current\n"}},
		{name: "YAML that names the link relatively", want: "file-names-link", says: []string{"SITE/releases/1/config/app.yaml:1"}, file: map[string]string{"releases/1/config/app.yaml": "dir: ../../../current/lib\n"}},
		{name: ".env that names another release", want: "file-names-release", says: []string{"SITE/releases/1/.env:1"}, file: map[string]string{"releases/1/.env": "APP_DIR=SITE/releases/41\n"}},
		{name: "a symlink by the link's path", want: "symlink-through-link", says: []string{"SITE/releases/1/public/media", "SITE/current/lib"}, link: map[string]string{"releases/1/public/media": "SITE/current/lib"}},
		{name: "a relative symlink through the link", want: "symlink-through-link", says: []string{"SITE/releases/1/public/media", "../../../current/lib"}, link: map[string]string{"releases/1/public/media": "../../../current/lib"}},
		{name: "a symlink through another one that passes the link", want: "symlink-through-link", says: []string{"SITE/releases/1/public/media", "ROOT/POOL-media"}, link: map[string]string{"releases/1/public/media": "ROOT/POOL-media", "../../POOL-media": "SITE/current/lib"}},
		{name: "a symlink into another release", want: "symlink-to-release", says: []string{"SITE/releases/1/vendor", "another release"}, link: map[string]string{"releases/1/vendor": "../2/lib"}},
		{name: "a symlink into a release that is gone", want: "symlink-to-release", says: []string{"SITE/releases/1/vendor"}, link: map[string]string{"releases/1/vendor": "SITE/releases/41/vendor"}},
		{name: "a release that PHP-FPM may not read", want: "release-unreadable", says: []string{"www-data", "may not pass SITE/releases/1", "chmod"}, asRoot: true, do: closeTo("releases/1", 0o700)},
		{name: "a file of the release that PHP-FPM may not read", want: "file-unreadable", says: []string{"SITE/releases/1/lib/part.php", "www-data", "umask"}, asRoot: true, do: closeTo("releases/1/lib/part.php", 0o600)},
		{name: "a hook that resets opcache", want: "hook-resets-opcache", says: []string{"cachetool opcache:reset", "Take it out"}, keys: []string{`after_flip = ["cachetool opcache:reset --fcgi"]`}},
		{name: "a hook whose script resets opcache", want: "hook-resets-opcache", says: []string{"php bin/reset.php"}, keys: []string{`after_flip = ["php bin/reset.php"]`}, file: map[string]string{"releases/1/bin/reset.php": "<?php opcache_reset();\n"}},
		{name: "a hook that reloads PHP-FPM", want: "hook-restarts-fpm", says: []string{"systemctl reload php8.2-fpm"}, keys: []string{`after_flip = ["systemctl reload php8.2-fpm"]`}},
		{name: "a hook that is not in the release", want: "hook-missing", says: []string{"bin/migrate"}, keys: []string{`before_flip = ["bin/migrate --force"]`}},
		{name: "a site with links followed by one step, of which the next is a link", want: "readlink-remembered", says: []string{"opcache.revalidate_path", "realpath"}, keys: []string{`resolve = "readlink"`}, do: func(t *testing.T, site string) {
			mustDo(t, os.Rename(site+"/current", site+"/old"))
			mustDo(t, os.MkdirAll(site+"-builds", 0o755))
			mustDo(t, os.Symlink(site+"/releases/1", site+"-builds/live"))
			mustDo(t, os.Symlink(site+"-builds/live", site+"/current"))
		}},
	}
}

// faultsOfShared lie in what the releases share.
func faultsOfShared() []placedFault {
	config := map[string]string{"releases/1/wp-config.php": "../../shared/wp-config.php"}
	return []placedFault{
		{name: "a shared wp-config.php that names the link", want: "code-names-link", says: []string{"SITE/shared/wp-config.php:2", "SITE/current/"}, link: config, file: map[string]string{"shared/wp-config.php": "<?php\ndefine('ABSPATH', 'SITE/current/');\n"}},
		{name: "a shared wp-config.php that names a release", want: "code-names-release", says: []string{"SITE/shared/wp-config.php:1"}, link: config, file: map[string]string{"shared/wp-config.php": "<?php define('ABSPATH', 'SITE/releases/1' . '/'); require 'SITE/releases/2/lib/part.php';\n"}},
		{name: "code deep in a shared directory that names the link", want: "code-names-link", says: []string{"SITE/shared/plugins/a/b/c.php:1"}, link: map[string]string{"releases/1/plugins": "../../shared/plugins"}, file: map[string]string{"shared/plugins/a/b/c.php": "<?php require 'SITE/current/lib/x.php';\n"}},
		{name: "a shared .env that names the link", want: "file-names-link", says: []string{"SITE/shared/.env:1"}, link: map[string]string{"releases/1/.env": "../../shared/.env"}, file: map[string]string{"shared/.env": "APP_DIR=SITE/current\n"}},
		{name: "a symlink to a shared file that is not there", want: "shared-missing", says: []string{"SITE/releases/1/.env", "SITE/shared/.env is not there"}, link: map[string]string{"releases/1/.env": "../../shared/.env"}},
		{name: "a symlink to a shared directory that is not there", want: "shared-missing", says: []string{"SITE/releases/1/public/media", "SITE/shared is not there"}, link: map[string]string{"releases/1/public/media": "../../../shared/media"}, do: func(t *testing.T, site string) {
			mustDo(t, os.Remove(site+"/releases/1/public/uploads"))
			mustDo(t, os.RemoveAll(site+"/shared"))
		}},
		{name: "a shared file that PHP-FPM may not read", want: "file-unreadable", says: []string{"SITE/shared/.env", "www-data"}, asRoot: true, link: map[string]string{"releases/1/.env": "../../shared/.env"}, file: map[string]string{"shared/.env": "A=1\n"}, do: closeTo("shared/.env", 0o600)},
		{name: "a shared directory that PHP-FPM may not pass", want: "file-unreadable", says: []string{"SITE/shared/uploads", "may not pass SITE/shared"}, asRoot: true, do: closeTo("shared", 0o700)},
		{name: "Symfony's var/cache shared", want: "shared-compiled", says: []string{"SITE/releases/1/var/cache", "Symfony"}, link: map[string]string{"releases/1/var/cache": "../../../shared/cache"}, file: map[string]string{"shared/cache/prod/App_KernelProdContainer.php": "<?php return 1;\n"}},
		{name: "Laravel's storage shared with its views", want: "shared-compiled", says: []string{"SITE/releases/1/storage", "Blade"}, link: map[string]string{"releases/1/storage": "../../shared/storage"}, file: map[string]string{"shared/storage/framework/views/.gitignore": "*\n"}},
		{name: "Twig's templates shared", want: "shared-compiled", says: []string{"SITE/releases/1/tmp/views", "Twig"}, link: map[string]string{"releases/1/tmp/views": "../../../shared/views"}, file: map[string]string{"shared/views/ab/abcd.php": "<?php\n/* index.html.twig */\nclass __TwigTemplate_abcd extends Template {}\n"}},
		{name: "Smarty's templates shared", want: "shared-compiled", says: []string{"SITE/releases/1/compiled", "Smarty"}, link: map[string]string{"releases/1/compiled": "../../shared/compiled"}, file: map[string]string{"shared/compiled/a.tpl.php": "<?php\n/* Smarty version 4.3.0, created on 2026-01-01 */\n"}},
		{name: "Composer's vendor shared", want: "shared-code", says: []string{"SITE/releases/1/vendor", "SITE/shared/vendor"}, link: map[string]string{"releases/1/vendor": "../../shared/vendor"}, file: map[string]string{"shared/vendor/autoload.php": "<?php\n"}},
		{name: "what is to be shared, as a directory of the release", want: "shared-not-linked", says: []string{"SITE/releases/1/storage", "SITE/shared/storage"}, keys: []string{`releases = "SITE/releases"`, `shared = ["storage/"]`}, file: map[string]string{"releases/1/storage/a.txt": "a\n"}},
		{name: "an open_basedir without what is shared", want: "open-basedir-excludes-shared", says: []string{"SITE/shared/uploads", "the directory above the releases, SITE/releases, and what they share"}, pool: []string{"php_admin_value[open_basedir] = SITE/releases:ROOT/realdocd"}},
	}
}
