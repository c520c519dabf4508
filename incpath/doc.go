// Package incpath rewrites PHP's include_path: it puts a release in the place of
// the link to the release. It knows text only: strings in, strings out, and
// nothing of a file system.
//
// A site's code stands behind a link, /var/www/shop/current, that points to a
// release, /var/www/shop/releases/42. A request is decided for one release, so
// every path below the link that PHP is told must become the same path below
// the release. There are three shapes of text, and a part of the package for each:
//
//   - one path, as in DOCUMENT_ROOT: [Map], [Append] and [Inside];
//   - an include_path, paths joined by ":": [MapList], and [Mapping] for a
//     site with a search_replace_pattern;
//   - the FastCGI variables PHP_VALUE and PHP_ADMIN_VALUE, an INI text with
//     directives such as include_path="/a:/b": [Rewrite], [AppendDirective],
//     [Read] and [Quote].
//
// A gateway does for each of the two variables
//
//	out, found, err := incpath.Rewrite(value, mapping.List)
//
// and, if neither has an include_path but the site is given one,
//
//	out, err := incpath.AppendDirective(value, mapping.List(includePath))
//
// PHP applies PHP_VALUE first and PHP_ADMIN_VALUE second (php-src,
// sapi/fpm/fpm/fpm_main.c).
//
// # Dots
//
// Paths match on whole components: /current does not match /current2. "//" and
// "." do not hinder a match.
//
// The kernel takes ".." for the parent of the directory that it has come to, after
// it has followed symlinks: /var/www/shop/current/../shared lies in the parent of
// the release, and is not /var/www/shop/shared. So ".." behind the link is kept:
// behind the release it leads the kernel to the same directory.
//
// ".." in front of the link is resolved if it leaves one of the link's own
// parents, as in /var/www/shop/../shop/current: none of those is a symlink, since
// the link is the first one on the path. A way round through any other directory,
// as in /var/www/shop/logs/../current, is not mapped: only the file system can
// say what it means.
//
// A mapped path can therefore leave the release by "..". If that matters, as for
// SCRIPT_FILENAME, ask [Inside].
//
// # INI
//
// The reader follows ZEND_INI_SCANNER_NORMAL (php-src, Zend/zend_ini_scanner.l
// and zend_ini_parser.y) to the byte, with its oddities; the tests
// compare it with a real PHP-FPM. PHP stops reading at the first thing it cannot
// read and keeps what it has read until then; so does the reader.
package incpath
