// Package incpath rewrites PHP's include_path so that it names a release where
// it named the link to the release. It knows text only: strings in, strings
// out, no file system.
//
// A site's code stands behind a link, /var/www/shop/current, that points to a
// release, /var/www/shop/releases/42. A request is decided for one release, so
// every path below the link that PHP is told must become the same path below
// the release. There are three shapes of text, and a part of the package for each:
//
//   - one path, as in DOCUMENT_ROOT: Map, Append and Inside;
//   - an include_path, paths joined by ":": MapList, and Mapping for a site
//     with a search_replace_pattern;
//   - the FastCGI variables PHP_VALUE and PHP_ADMIN_VALUE, an INI text with
//     directives such as include_path="/a:/b": Rewrite, AppendDirective, Read
//     and Quote.
//
// A gateway does for each of the two variables
//
//	out, found, err := incpath.Rewrite(value, mapping.List)
//
// and, where neither has an include_path but the site is given one,
//
//	out, err := incpath.AppendDirective(value, mapping.List(includePath))
//
// PHP applies PHP_VALUE first and PHP_ADMIN_VALUE second (php-src,
// sapi/fpm/fpm/fpm_main.c).
//
// # Dots
//
// Paths match on whole components: /current is no prefix of /current2. "//"
// and "." do not hinder a match. ".." means to the kernel the parent of where
// the path has come to, symlinks followed: /var/www/shop/current/../shared is
// the parent of the release, not /var/www/shop/shared. So ".." below the link
// is kept, behind the release, where the kernel finds the same directory. In
// front of the link it is resolved where it leaves one of the link's own
// parents, as in /var/www/shop/../shop/current, since those are no symlinks
// (the link is the first one on the path); a way round through any other
// directory, as in /var/www/shop/logs/../current, is not mapped: what it
// means, the file system alone can say.
//
// A mapped path can therefore leave the release by "..". Where that matters,
// as for SCRIPT_FILENAME, ask Inside.
//
// # INI
//
// The reader follows ZEND_INI_SCANNER_NORMAL (php-src, Zend/zend_ini_scanner.l
// and zend_ini_parser.y) to the byte, its oddities included, as the tests
// measure on a real PHP-FPM. PHP stops reading at the first thing it cannot
// read and keeps what it has read until then; so does the reader.
package incpath
