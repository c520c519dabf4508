// Package migrate makes a configuration of realdocd from one of Apache with
// mod_realdoc, and of PHP with incpath. It reads a file system and gives text:
// it writes nothing, runs nothing, and asks no server.
//
// Apache's configuration is read as Apache reads it, as far as sites go: Include
// with patterns, Define and ${VAR}, <IfModule> and <IfDefine>, <VirtualHost>,
// <Directory> and the like, and what virtual hosts inherit. What only a running
// Apache knows, <If>, <Macro>, and options of its command line, is not; what of it
// could matter is in a comment.
//
// Of it come sites, one for each document root, and of the PHP-FPM that Apache
// asks come pools. A comment says of each key from which line it was taken. What
// has no counterpart, or could be meant in two ways, is in a comment that begins
// with DECIDE. Whatever there is a site in gives a configuration that realdocd
// accepts.
//
// Package fpmconf reads the files of PHP and of PHP-FPM.
package migrate
